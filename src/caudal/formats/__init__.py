"""Formats: bytes to columns, columns to bytes; json, csv, combined, parquet, one package each, reached by name.

Enters: blocks of whole records (or the path of a file that is not framed by lines), a declared schema, Arrow tables to
write. Leaves: typed columns with positions, dead letters with a reason, encoded rows.
A module `portable` stands alone: it is pasted into scripts that read files without caudal, with the same rules.
May touch: core, columnar, ports, and the library of its own format. Must never: know another format, a connector or the
plan; open what a connector opens; let a record's validity depend on which columns are needed; raise for what data holds.
"""

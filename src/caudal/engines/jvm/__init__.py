"""What the engines on the Java virtual machine share: how expressions become SQL text, regular expressions as Java
reads them, and shipped functions.

Enters: expressions and their schemas, how an engine spells, patterns in RE2's syntax.
Leaves: SQL text; patterns of Java; the source text of functions that run in an engine's Python workers.
May touch: core, plan (expressions).
Must never: know an engine, or run what it ships.
"""

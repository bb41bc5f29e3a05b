"""SQL text to expressions: `code IN (401, 403) AND path LIKE '/login%'`.

Enters: text and, where it is known, the schema it is about. Leaves: expressions, as Python operators build them.
May touch: plan, sqlglot (to parse, imported on first use). Must never: give SQL a meaning of its own, run anything.
"""

from caudal.lang.sql.parse import parse, parse_many

__all__ = ["parse", "parse_many"]

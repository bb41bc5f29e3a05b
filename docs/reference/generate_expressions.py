"""Writes expressions.md beside it from the catalogue: `python docs/reference/generate_expressions.py`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from caudal.plan.functions import FUNCTIONS, Function

HEAD = """# Expressions

<!-- Generated from the catalogue by docs/reference/generate_expressions.py; edits are lost. -->

An expression is built from columns (`col("code")`), constants and the functions below, by Python operators and methods
or as SQL text; both make the same nodes. It never raises while a pipeline runs.

- **Null.** Arithmetic and comparison with null give null. A filter drops a row whose condition is null.
- **Numbers.** int32 with int32 stays int32, other integers are int64, and both wrap on overflow; float32 with float32
  stays float32, any other mix with a float is float64. So int64 is compared with float64 as float64.
- **Division** by zero is null, for floats too. `/` is float64. `//` and `%` of Python round down; `DIV`, `%` and `MOD`
  of SQL text cut towards zero.
- **NaN** equals NaN and is above all numbers, in comparisons, `greatest` and `least`; -0 equals 0.
- **Text** is UTF-8 and compares by bytes; offsets and lengths count code points from 0. Regular expressions are RE2's.
- **Casts** give null where a value does not fit. Text to number: an optional sign and decimal digits, for floats with a
  point and exponent, finite, without blanks. Text to bool: true, false (any case), 1, 0. Text to timestamp: ISO 8601,
  UTC without an offset. Float to integer is cut towards zero. Float to text: the shortest that reads back the same, as
  Python writes it, `NaN`, `Infinity`, `-Infinity`. A timestamp and a duration are milliseconds as integers.
- **Addresses.** A text names an address (IPv4: four decimal numbers without leading zeros; IPv6: RFC 4291, section 2.2) with
  or without blanks around it, square brackets, a port (`10.0.0.1:443`, `[::1]:443`) and, for IPv6, a zone (`%eth0`); an
  IPv4-mapped IPv6 address (`::ffff:10.0.0.1`), or a network of such, is the IPv4 one. `is_ipv4`, `is_ipv6` and
  `ipv4_to_int` alone take the text for the address and nothing else.
- **`hash(x, seed)`** digests the seed in decimal, a colon, and: true or false; integers and times in decimal; floats
  (float32 widened) as the 16 lower-case hexadecimal digits of their IEEE 754 double, 0 for -0, 7ff8000000000000 for
  NaN;
  text in UTF-8; binary as it is.
- **SQL text.** Functions take their arguments, then their options as constants: `ROUND(x, 2)`. A name in double quotes
  may hold anything; `a.b` is the column `a.b` where there is one, else the field `b` of the struct `a`.
"""


def render() -> str:
    """Return the page."""
    parts = [HEAD]
    for group, entries in groupby(FUNCTIONS.values(), key=lambda f: f.group):
        parts.append(f"\n## {group.capitalize()}\n")
        parts += [_entry(f) for f in entries]
    return "\n".join(parts)


def _entry(f: Function) -> str:
    options = ", ".join(o.name if o.default is None else f"{o.name}={o.default!r}" for o in f.options)
    lines = [
        f"### `{f.name}`\n",
        f"`{f.python}` takes {f.takes}{f'; options: `{options}`' if options else ''}.\n",
        f"{f.doc}\n",
        f"Null rule: {f.nulls}.",
    ]
    if f.example != ("", ""):
        lines.append(f"Example: `{f.example[0]}` is `{f.example[1]}`.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "expressions.md").write_text(render(), encoding="utf-8")

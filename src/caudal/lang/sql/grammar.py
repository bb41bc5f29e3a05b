"""The grammar of scalar SQL text: sqlglot's parser without its functions, so that only the catalogue's exist."""

from __future__ import annotations

from functools import cache
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.naming import cut


@cache
def _dialect() -> Any:
    from sqlglot import parser, tokens
    from sqlglot.dialects.dialect import Dialect

    base = parser.Parser

    class Parser(base):
        FUNCTIONS = {}  # noqa: RUF012 - as the base class declares it
        NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
        FUNCTION_PARSERS = {k: v for k, v in base.FUNCTION_PARSERS.items() if k in ("CAST", "TRY_CAST")}  # noqa: RUF012

    class Tokenizer(tokens.Tokenizer):
        HEX_STRINGS = [("x'", "'"), ("X'", "'")]  # noqa: RUF012

    # Not a subclass named in code: sqlglot registers every dialect class by its name.
    return type("Caudal", (Dialect,), {"Parser": Parser, "Tokenizer": Tokenizer, "__module__": __name__})()


def trees(text: str, location: str) -> list[Any]:
    """Return sqlglot's tree for each of the comma-separated expressions; raises `PlanError` with line and column."""
    from sqlglot.errors import SqlglotError

    dialect = _dialect()
    try:
        tokens = dialect.tokenize(text)
        if not tokens:
            raise PlanError("the SQL expression is empty", location=location)
        wrapped = dialect.tokenize(f"SELECT {text}\n")
        statements = dialect.parser().parse(wrapped, f"SELECT {text}\n")
    except RecursionError:
        raise PlanError("the SQL expression is nested too deeply", location=location) from None
    except SqlglotError as error:
        raise _problem(error, text, location) from None
    found = statements[0]
    extra = [name for name, value in found.args.items() if value and name != "expressions"] if found else ["nothing"]
    if len(statements) != 1 or type(found).__name__ != "Select" or extra:
        raise PlanError("this is not a scalar SQL expression", location=location, detail=text)
    return found.expressions


def _problem(error: Exception, text: str, location: str) -> PlanError:
    details: list[dict[str, Any]] = getattr(error, "errors", None) or [{}]
    line, column = details[0].get("line") or 1, details[0].get("col") or 1
    word = details[0].get("highlight") or ""
    where = f"at '{word}'" if word else "at its end"
    return PlanError(
        f"cannot read the SQL expression {where}",
        location=place(location, line, max(column - (OFFSET if line == 1 else 0), 1)),
        detail=cut(text.strip(), 300),
        hint="write AND" if word == "&&" else "",
    )


OFFSET = len("SELECT ")
"""What stands before the text on its first line when it is parsed."""


def place(location: str, line: int, column: int) -> str:
    """Return a location with line and column."""
    here = f"line {line}, column {column}"
    return f"{location}: {here}" if location else here

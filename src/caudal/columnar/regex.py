"""Regular expressions in RE2's syntax, as Arrow reads them: whether a pattern and a replacement are well-formed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute

from caudal.core.errors import PlanError

pc: Any = pyarrow.compute


def check_pattern(pattern: str) -> None:
    """Raise `PlanError` unless this is a regular expression in RE2's syntax."""
    try:
        pc.match_substring_regex(pa.array([""], pa.large_string()), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise PlanError(
            f"invalid regular expression '{pattern}': {reason}",
            hint="the syntax is RE2's: no look-around, no back-references",
        ) from error


def check_rewrite(pattern: str, replacement: str, message: str) -> None:
    """Raise `PlanError` with this message unless the replacement fits the pattern."""
    try:
        pc.replace_substring_regex(pa.array([""], pa.large_string()), pattern, replacement)
    except pa.ArrowInvalid as error:
        raise PlanError(
            message, detail=str(error), hint=r"\0 is the match, \1 to \9 its groups, \\ a backslash"
        ) from error

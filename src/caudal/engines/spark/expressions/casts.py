"""Casts: null where a value does not fit."""

from __future__ import annotations

from caudal.core.types import BINARY, BOOL, STRING, TIMESTAMP, DataType
from caudal.engines.spark.expressions.arithmetic import INFINITY
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import literal, text_of, type_of
from caudal.engines.spark.expressions.times import text_of_time, time_of_text

_INTEGER = text_of(r"\A[+-]?[0-9]{1,19}\z")
_FLOAT = text_of(r"\A[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?\z")


@shows("cast")
def _cast(site: Site) -> str:
    source, target = site.types[0], site.result
    text, spelled = site.args[0], type_of(site.result)
    if source == target:
        return text
    if target == STRING:
        return _to_text(site, source)
    if source == STRING:
        return _from_text(site, target)
    if target == BOOL:
        return f"({text} <> {literal(0, source)})" if not source.is_float else f"({text} <> 0D)"
    if source.is_float and target.is_integer:
        wide = text if source.name == "float64" else f"CAST({text} AS DOUBLE)"
        found = f"TRY_CAST({wide} AS {spelled})"
        # 2**63 itself is cut to the greatest integer, which no other float becomes.
        return found if target.name == "int32" else f"nullif({found}, 9223372036854775807L)"
    if target.name == "int32":
        return f"TRY_CAST({text} AS INT)"
    return f"CAST({text} AS {spelled})"


def _to_text(site: Site, source: DataType) -> str:
    text = site.args[0]
    if source == BINARY:
        return f"try_validate_utf8(CAST({text} AS STRING))"
    if source == TIMESTAMP:
        return f"{text_of_time(site.library)}({text})"
    if source.is_float:
        name = "double_text" if source.name == "float64" else "float_text"
        return f"{site.library.python('numbers', name, 'string')}({text})"
    return f"CAST({text} AS STRING)"


def _from_text(site: Site, target: DataType) -> str:
    name = target.name
    if target == BINARY:
        return f"CAST({site.args[0]} AS BINARY)"
    if target == TIMESTAMP:
        return f"{time_of_text(site.library)}({site.args[0]})"
    if target == BOOL:
        body = "CASE WHEN lower(s) IN ('true', '1') THEN TRUE WHEN lower(s) IN ('false', '0') THEN FALSE END"
        return site.sql("bool_of_text", "s STRING", "BOOLEAN", body)
    if target.is_integer:
        body = f"CASE WHEN s RLIKE {_INTEGER} THEN TRY_CAST(s AS {type_of(target)}) END"
        return site.sql(f"{name}_of_text", "s STRING", type_of(target), body)
    number = f"nullif(nullif(CAST(s AS DOUBLE), {INFINITY}), negative({INFINITY}))"
    body = f"CASE WHEN s RLIKE {_FLOAT} THEN {number} END"
    found = site.sql("double_of_text", "s STRING", "DOUBLE", body)
    return found if name == "float64" else f"CAST({found} AS FLOAT)"

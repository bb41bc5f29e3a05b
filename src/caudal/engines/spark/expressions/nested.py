"""Fields of structs, and lists."""

from __future__ import annotations

from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import quoted


@shows("field")
def _field(site: Site) -> str:
    return f"({site.args[0]}).{quoted(site.options['name'])}"


@shows("list_length")
def _list_length(site: Site) -> str:
    return f"CAST(array_size({site.args[0]}) AS BIGINT)"


@shows("list_get")
def _list_get(site: Site) -> str:
    index = site.constant(1)
    items = site.args[0]
    if index is not None and 0 <= index < 2**31:
        return f"get({items}, {index})"
    if index is not None and -(2**31) < index < 0:
        return f"try_element_at({items}, {index})"
    # get() is null out of range, below 0 too; only the index that fits INT may be cut to it.
    place = site.library.sql(
        "list_place",
        "i BIGINT, size INT",
        "INT",
        "CAST(CASE WHEN i >= 0L AND i < size THEN i WHEN i < 0L AND i + size >= 0L THEN i + size END AS INT)",
    )
    return f"get({items}, {place}({site.args[1]}, array_size({items})))"


@shows("list_contains")
def _list_contains(site: Site) -> str:
    # array_contains is null where nothing is found beside a null.
    items, value = site.args
    test = f"coalesce(array_contains({items}, {value}), FALSE)"
    return f"CASE WHEN {items} IS NOT NULL AND {value} IS NOT NULL THEN {test} END"

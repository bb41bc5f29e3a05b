"""Tables that streams look things up in: lists of indicators, networks, assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.lang.dsl.source import source
from caudal.plan.called import answered
from caudal.plan.nodes import Source, Table
from caudal.ports import registry


@answered
def table(
    connector: str,
    *,
    key: str | Sequence[str],
    schema: Mapping[str, Any] | Schema | None = None,
    match: str = "equal",
    reload: Duration | None = None,
    duplicates: str = "last",
    format: str = "",
    name: str = "",
    **options: Any,
) -> Table:
    """Describe a table to look things up in: `connector`, `format` and `schema` as for `cd.source`, and a key.

    `key`: the column by which rows are found, or a list of several; none may be null. `match`: "equal", or "cidr": the key is a
    network such as 10.0.0.0/8 or 2001:db8::/32 (an address is one of one), and an address meets the one with the longest prefix; or
    "range": the key is a range such as 10.0.0.1-10.0.0.9 (or a network), or two columns, `key=("first", "last")`, both ends included,
    and an address meets the narrowest around it, of those as wide as one another the one that stands last.
    `reload`: how often a live run reads it anew; a bounded run meets the version of its start. A version with a record that cannot
    be read, without a declared column or without a row is an error before the run, and changes nothing while it runs.
    `duplicates`: of rows of one key "last" takes the last, "refuse" takes none of the table.

    Raises `OptionError` and `PlanError`, with the nearest name.
    """
    given = source(connector, schema=schema, format=format, name=name, **options).node
    assert isinstance(given, Source)
    if dict(given.options).get("follow"):
        raise OptionError("a table is read as a whole, not followed", hint='reload="60s" reads it anew')
    wanted = getattr(registry.find("connector", connector), "match", match)
    if match != wanted:
        raise OptionError(f"{connector} is a table of networks, which no text equals", hint=f'match="{wanted}"')
    keys = (key,) if isinstance(key, str) else tuple(key)
    every = None if reload is None else duration.parse(reload, what="reload")
    return Table(given, keys, match, every, duplicates)

"""Tables: rows that are there as a whole, found by a key; a plan holds where they come from, never the rows."""

from __future__ import annotations

from dataclasses import dataclass

from caudal.core import duration
from caudal.core.errors import PlanError, nearest
from caudal.core.types import Schema
from caudal.plan.nodes.source import Source

MATCHES = ("equal", "cidr", "range")
"""How keys are compared: for equality; or an address with networks, or ranges of addresses, of which the narrowest is met."""

_NARROWEST = {"cidr": "by longest prefix", "range": "by narrowest range"}

DUPLICATES = ("last", "refuse")
"""What becomes of rows of one key: the last one counts, or the table is refused."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `rows`: what is read, as a source without event time; `key`: the columns by which rows are found.

    `reload`: after how many milliseconds a live run reads it anew, None: never.
    """

    rows: Source
    key: tuple[str, ...]
    match: str = "equal"
    reload: int | None = None
    duplicates: str = "last"

    def __post_init__(self) -> None:
        schema = self.schema
        if not self.key:
            raise PlanError("a table needs a key", hint='key="ip", or key=["host", "port"]')
        if self.match not in MATCHES:
            raise PlanError(f"match='{self.match}' of a table", hint=nearest(self.match, MATCHES))
        if self.duplicates not in DUPLICATES:
            raise PlanError(f"duplicates='{self.duplicates}' of a table", hint=nearest(self.duplicates, DUPLICATES))
        for name in self.key:
            if name not in schema:
                raise PlanError(f"the table has no column '{name}'", hint=nearest(name, schema.names))
            if schema.dtype(name).is_nested:
                raise PlanError(f"a {schema.dtype(name)} is no key of a table: '{name}'")
        if len(set(self.key)) < len(self.key):
            raise PlanError("a column stands twice in the key of a table")
        if self.match == "cidr" and [schema.dtype(name).name for name in self.key] != ["string"]:
            raise PlanError("networks are one column of text", hint='key="net", match="cidr", schema={"net": "string"}')
        texts = {schema.dtype(name).name for name in self.key} == {"string"}
        if self.match == "range" and not (texts and len(self.key) <= 2):
            raise PlanError(
                "ranges of addresses are one column of text, or two: the first and the last address",
                hint='key=("first", "last"), match="range", schema={"first": "string", "last": "string"}',
            )
        if self.reload is not None and self.reload < 1:
            raise PlanError("reload= of a table must be positive", hint='reload="60s"; leave it out for never')

    @property
    def schema(self) -> Schema:
        """The columns of its rows."""
        return self.rows.declared

    @property
    def asked(self) -> tuple[str, ...]:
        """The columns of the key that rows are compared with one by one: a range of two is met by one address."""
        return self.key[:1] if self.match == "range" else self.key

    @property
    def label(self) -> str:
        """What it is called where people read of it: its name, or where it comes from."""
        given = dict(self.rows.options)
        where = next((v for v in (given.get("path"), given.get("database")) if isinstance(v, str)), "")
        return f"table '{self.rows.name or where or self.rows.connector}'"

    def describe(self) -> str:
        """Return it in a line, for explain."""
        parts = [self.rows.describe(), f"key={', '.join(self.key)}"]
        parts += [_NARROWEST[self.match]] if self.match in _NARROWEST else []
        parts += [f"reload={duration.show(self.reload)}"] if self.reload is not None else []
        return " ".join(parts)

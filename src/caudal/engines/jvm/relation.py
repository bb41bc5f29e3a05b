"""What operators become on an engine that speaks SQL: a tree of a few nodes over named columns, which a dialect prints.

A relation's columns have names. Those of the user's are spelt by `column`, so that no hidden one (two underscores and a
letter) can have the same, whatever the user calls theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from caudal.core.types import Schema


def quoted(name: str) -> str:
    """Return a name as an identifier.

    >>> quoted("id.orig_h")
    '`id.orig_h`'
    """
    return "`" + name.replace("`", "``") + "`"


def column(name: str) -> str:
    """Return the name that a column of the user's has in a relation.

    >>> column("ip"), column("__t")
    ('ip', '___t')
    """
    return f"_{name}" if name.startswith("__") else name


def own(name: str) -> str:
    """Return the identifier of a column of the user's."""
    return quoted(column(name))


Named = tuple[str, object]
"""A column that is made: its name, and what prints as the text of its value."""


def kept(names: Iterable[str]) -> list[Named]:
    """Return columns that stay as they are."""
    return [(name, quoted(name)) for name in names]


@dataclass(frozen=True, slots=True)
class Over:
    """The value of a function over the rows that are alike in `by`, up to each row in the order of `order`."""

    function: str
    by: Sequence[str]
    order: Sequence[str] = ()

    def __str__(self) -> str:
        inside = [f"PARTITION BY {', '.join(self.by)}"] if self.by else []
        inside += [f"ORDER BY {', '.join(self.order)}"] if self.order else []
        return f"{self.function} OVER ({' '.join(inside)})"


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows with named columns."""

    def project(self, columns: Iterable[Named]) -> Project:
        """Return these columns of each row, computed or kept."""
        return Project(self, tuple(columns))

    def plus(self, *columns: Named) -> Project:
        """Return each row with more columns behind its own."""
        return Project(self, columns, everything=True)

    def where(self, *conditions: str) -> Relation:
        """Return the rows for which all of these hold."""
        return Filter(self, conditions) if conditions else self


@dataclass(frozen=True, slots=True)
class View(Relation):
    """The rows of a view or a table of the script, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Project(Relation):
    """Columns of each row. `everything`: all that the source has, and these behind them."""

    source: Relation
    columns: tuple[Named, ...]
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Filter(Relation):
    """The rows for which all conditions hold."""

    source: Relation
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group(Relation):
    """A row for all rows that are alike in the columns `by`, with aggregates. `beside`: what they are alike in, unseen."""

    source: Relation
    by: tuple[Named, ...]
    columns: tuple[Named, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explode(Relation):
    """Each row `count` times, with the numbers from 0 on in a column."""

    source: Relation
    count: int
    column: str


@dataclass(frozen=True, slots=True)
class Unnest(Relation):
    """Each row with every item of a list that it has: the item's number and the item in columns."""

    source: Relation
    items: str
    number: str
    item: str


@dataclass(frozen=True, slots=True)
class Call(Relation):
    """Each row with every row that a table function makes of it. `kept`: the columns of the row that stay."""

    source: Relation
    kept: tuple[str, ...]
    call: str
    made: Schema


@dataclass(frozen=True, slots=True)
class Join(Relation):
    """Each row with the row of another relation that is alike in `on` (pairs of columns), or with nulls.

    `columns`: those of the other one, by the names that they get. Without `on`: with the only row that the other one has.
    """

    source: Relation
    other: Relation
    on: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Union(Relation):
    """The rows of several relations with the same columns."""

    parts: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class LiveStep(Relation):
    """What a function makes of the rows of each key over unbounded input, with a state. `function`: Python text."""

    source: Relation
    keys: tuple[str, ...]
    function: str


_WIDTH = 130
"""Characters of a line of columns."""


class Spelling(Protocol):
    """What dialects spell differently of relations."""

    def numbered(self, source: str, count: int, column: str) -> str:
        """Return a FROM item: the rows of another, each with the numbers 0 to count - 1 in a BIGINT column."""
        ...

    def applied(self, source: str, kept: Sequence[str], call: str, rows: Schema) -> str:
        """Return a SELECT of columns of a FROM item and, for each of its rows, the rows that a table function gives."""
        ...


class LiveSpelling(Spelling, Protocol):
    """That of an engine which takes unbounded input."""

    def unnested(self, source: str, items: str, number: str, item: str) -> str:
        """Return a FROM item: the rows of another, each with every item of a list and its number, from 0 on."""
        ...


def printed(relation: Relation, spelling: Spelling) -> str:
    """Return a relation as a query."""
    if isinstance(relation, Project | Group):
        return _selected(relation, spelling)
    if isinstance(relation, Union):
        return "\nUNION ALL\n".join(printed(part, spelling) for part in relation.parts)
    if isinstance(relation, Call):
        return spelling.applied(_from(relation.source, spelling), relation.kept, relation.call, relation.made)
    if isinstance(relation, Filter):
        return _selected(Project(relation, (), everything=True), spelling)
    assert not isinstance(relation, LiveStep), "a live step is a statement of its own"
    return f"SELECT *\nFROM {_from(relation, spelling)}"


def _selected(relation: Project | Group, spelling: Spelling) -> str:
    source, where = relation.source, ""
    if isinstance(source, Filter):
        source, where = source.source, f"\nWHERE {' AND '.join(source.conditions)}"
    tail = ""
    texts = ["*"] if isinstance(relation, Project) and relation.everything else []
    columns = relation.columns
    if isinstance(relation, Group):
        columns = (*relation.by, *columns)
        by = [*(str(text) for _, text in relation.by), *relation.beside]
        tail = f"\nGROUP BY {', '.join(by)}" if by else ""
    texts += [_named(name, text) for name, text in columns]
    lines = f"SELECT {_listed(texts)}\nFROM {_from(source, spelling)}{where}{tail}"
    return lines.replace("\n", " ") if "\n  " not in lines and len(lines) <= _WIDTH else lines


def _named(name: str, text: object) -> str:
    return quoted(name) if text == quoted(name) else f"{text} AS {quoted(name)}"


def _listed(texts: Sequence[str]) -> str:
    """Return a list, over as many lines as it takes."""
    lines = [""]
    for number, text in enumerate(texts):
        item = text if number == len(texts) - 1 else f"{text}, "
        if lines[-1] and len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += item
    return "\n  ".join(line.rstrip() for line in lines)


def _from(relation: Relation, spelling: Spelling) -> str:
    if isinstance(relation, View):
        return quoted(relation.name)
    if isinstance(relation, Explode):
        return spelling.numbered(_from(relation.source, spelling), relation.count, relation.column)
    if isinstance(relation, Unnest):
        source = _from(relation.source, spelling)
        return cast(LiveSpelling, spelling).unnested(source, relation.items, relation.number, relation.item)
    if isinstance(relation, Join):
        return _joined(relation, spelling)
    inner = printed(relation, spelling).replace("\n", "\n  ")
    return f"(\n  {inner}\n) AS x"


def _joined(relation: Join, spelling: Spelling) -> str:
    if not relation.on:
        other = _from(relation.other, spelling)
        return f"{_from(relation.source, spelling)} CROSS JOIN {other}"
    source = printed(relation.source, spelling) if not isinstance(relation.source, View) else ""
    left = f"(\n  {source}\n)" if source else _from(relation.source, spelling)
    assert isinstance(relation.other, View)
    made = [f"n.{quoted(theirs)} AS {quoted(name)}" for name, theirs in relation.columns]
    on = " AND ".join(f"r.{quoted(ours)} = n.{quoted(theirs)}" for ours, theirs in relation.on)
    inner = f"SELECT r.*, {', '.join(made)}\n  FROM {left} AS r LEFT JOIN {quoted(relation.other.name)} AS n ON {on}"
    return f"(\n  {inner}\n) AS x"

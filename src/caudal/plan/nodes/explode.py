"""A row for each element of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError, nearest
from caudal.core.types import Field, Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Called, Computed, Node, Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Explode(Node):
    """A row for each element of the list in `column`, in their order, beside the row's other columns and with its event time.

    `into`: the column of the element; "": the fields of a struct are columns, anything else keeps the name of the list.
    """

    kind: ClassVar[str] = "explode"
    multiplies: ClassVar[bool] = True
    input: Node
    column: str
    into: str = ""

    def derive(self) -> tuple[Schema, bool]:
        source = self.input.schema
        if self.column not in source:
            raise PlanError(f"unknown column '{self.column}'", hint=nearest(self.column, source.names))
        item = source.dtype(self.column).item
        if item is None:
            raise PlanError(
                f"explode takes a list, and '{self.column}' is {source.dtype(self.column)}",
                hint='a list of structs is declared so: schema={"Records": [{"eventTime": "string", ...}]}',
            )
        beside = [f for f in source if f.name != self.column]
        for made in self.elements():
            if any(f.name == made.name for f in beside):
                raise PlanError(
                    f"there is a column '{made.name}' already",
                    hint=f'explode("{self.column}", into="record") keeps the element in one column, or drop the other before',
                )
        fields = [*beside, *self.elements()]
        if not fields:
            raise PlanError(f"the elements of '{self.column}' have no field")
        return Schema(fields), self.input.timed

    def elements(self) -> list[Field]:
        """Return the columns that an element becomes."""
        item = self.input.schema.dtype(self.column).item
        assert item is not None
        if item.name == "struct" and not self.into:
            return [Field(f.name, f.dtype) for f in item.fields]
        return [Field(self.into or self.column, item)]

    def results(self) -> Mapping[str, Result]:
        made = {f.name for f in self.elements()}
        return {n: Called((self.column,)) if n in made else Computed(Column(n)) for n in self.schema.names}

    @property
    def makes(self) -> str:
        return f"{self.kind} {self.column}"

    def describe(self) -> str:
        return f"{self.column} into {', '.join(f.name for f in self.elements())}"

"""The rows, free to move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from caudal.core.types import Schema
from caudal.plan.nodes.base import Node


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Shuffle(Node):
    """The same rows, told to be free to go to any core: what every stateless operator's rows are anyway."""

    kind: ClassVar[str] = "shuffle"
    row_wise: ClassVar[bool] = True
    input: Node

    def derive(self) -> tuple[Schema, bool]:
        return self.input.schema, self.input.timed

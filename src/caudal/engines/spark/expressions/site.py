"""What the printer and the functions agree on.

A maker takes a `Site` and returns text. An argument that must stand twice goes through a SQL function of the library,
which Spark inlines with its arguments computed once: text would else grow with the power of the depth.
"""

from __future__ import annotations

from caudal.engines.jvm import printer
from caudal.engines.spark.expressions.library import Library


class Site(printer.Site[Library]):
    """A call as it stands in an expression."""

    __slots__ = ()

    def sql(self, name: str, parameters: str, result: str, body: str) -> str:
        """Return the call of a SQL function of the library with this site's arguments."""
        return f"{self.library.sql(name, parameters, result, body)}({', '.join(self.args)})"


MAKERS: printer.Makers[Site] = printer.Makers()
shows = MAKERS.shows

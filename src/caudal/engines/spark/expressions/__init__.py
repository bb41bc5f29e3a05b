"""Expressions on Spark: SQL text that computes exactly what the catalogue pins.

Enters: an expression and a schema. Leaves: Spark SQL text; in a `Library`, what must be registered beside it.
May touch: core, plan (expressions), columnar (to check formats), pyarrow (to check patterns). Must never: write text
that raises for what a row holds, or let a session's setting decide that `SETTINGS` does not name.
"""

from caudal.engines.jvm.relation import quoted
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.printer import show
from caudal.engines.spark.expressions.spelling import SETTINGS, literal, text_of, type_of

__all__ = ["SETTINGS", "Library", "literal", "quoted", "show", "text_of", "type_of"]

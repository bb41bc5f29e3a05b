"""Two-phase aggregates: partial where the rows are, merged where the state is, a result when the window closes.

Enters: columns of rows with group codes. Leaves: state columns, result columns. May touch: columnar, the plan's
aggregate names. Must never: depend on how rows were cut into morsels or in which order partials are merged.
"""

from caudal.engines.local.aggregates.functions import AGGREGATORS, Aggregator, Rows, aggregator, sort_keys

__all__ = ["AGGREGATORS", "Aggregator", "Rows", "aggregator", "sort_keys"]

"""Window operators in event time: hopping and tumbling panes, sessions.

Enters: morsels with event time and watermark per row, and the operator's watermark. Leaves: a result row for each key
and window, late rows, fates for the ledger, blocks of state. May touch: columnar, aggregates, expressions.
Must never: close a window before the watermark passes it, or let a morsel's boundary decide what is late.
"""

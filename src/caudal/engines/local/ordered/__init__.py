"""Operators that take rows in the pinned order: running aggregates, deduplication, folds, windows of rows.

Enters: morsels in any order, and the operator's watermark. Leaves: rows in pinned order as far as the watermark has
passed them, late rows, fates for the ledger, blocks of state. May touch: columnar, aggregates, windows.operator, the
function that a fold is given. Must never: take a row before the watermark has passed it, or let a morsel's boundary or
a step of the watermark decide what comes out.
"""

"""Ingestion: from a partition's bytes to rows with an event time, and dead letters for what is none; the same on every engine.

Enters: a source's node, decoded records. Leaves: accepted rows and dead letters, and a report of what the source is like.
May touch: plan, ports, columnar, expressions, observe. Must never: know an engine, hold rows back.
"""

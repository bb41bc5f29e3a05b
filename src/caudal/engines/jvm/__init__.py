"""What the engines on the Java virtual machine share: plans as SQL in a script, rows handed over to it, results taken back.

Enters: plans, opened sources and sinks, how an engine spells.
Leaves: a script, which a process of the engine's runs; the source text of functions for its Python workers; rows as parts.
May touch: core, plan, columnar, expressions, ingest, observe, ports.
Must never: know an engine, or run what it ships.

Bounded input: `exchange`, `lowering` (`windows`, `steps`), `execution`. Unbounded input: `live_input`, `streaming`, `live`.
"""

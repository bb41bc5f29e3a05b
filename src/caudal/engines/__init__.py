"""Engines: each lowers a plan to something that runs, and declares what it cannot do; reached by name.

Enters: a logical and a rewritten plan, opened connectors, tuning. Leaves: an execution, progress, the ledger.
May touch: core, columnar, plan, ports, observe. Must never: know another engine, a connector or a format; rewrite a
plan, or give an expression or a window another meaning than the plan's.
"""

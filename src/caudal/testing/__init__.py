"""The test kit, shipped: a slow and simple second opinion on what a pipeline means, and sources under the test's control.

Enters: a plan with rows per partition, or a script of what a live source does when. Leaves: the rows, late rows, dead
letters and ledger that the pipeline's meaning asks for; a source and a clock for the engine. May touch: plan, ports,
core; columnar in the scripted source only. Must never: share code with an engine, sleep, read the wall clock.
"""

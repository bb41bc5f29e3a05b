"""Front ends: calls or text to a plan.

Enters: Python calls, SQL text. Leaves: plan nodes and expressions. May touch: plan, ports (to check names and options).
Must never: read data, know an engine.
"""

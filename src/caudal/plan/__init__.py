"""The plan: what a pipeline is, as frozen nodes and typed expressions, independent of any engine.

Enters: calls of the front ends, JSON. Leaves: nodes, derived schemas, text (explain, Mermaid), JSON.
May touch: core. Must never: import numpy or arrow, execute anything, read a file, know an engine.
"""

"""The contracts between the engine and what plugs into it, and the registry that finds plugins by name.

Enters: names and options from a plan. Leaves: objects that keep the contracts of `format`, `source`, `sink`, `engine`.
May touch: core, columnar (types only), importlib.metadata. Must never: import a plugin, do input or output.
"""

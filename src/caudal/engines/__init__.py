"""Engines: each lowers a plan to something that runs, and declares what it cannot do.

Enters: a plan and opened connectors. Leaves: an execution. Engines do not know each other and are reached by name.
"""

"""Where data comes from and where it goes: files, console, memory; one package each, reached by name.

Enters: options from a plan, encoders and readers of formats. Leaves: sources and sinks that keep the contracts of
ports. May touch: core, columnar, ports, and its own device. Must never: know another connector, a format or the plan.
"""

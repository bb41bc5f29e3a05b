"""Experiments that anybody can repeat: the burst of recursive Fibonacci, and what a call of a function costs.

Enters: how many messages, threads, rounds; pipelines written as users write them. Leaves: figures with the ideal
beside them, measured in turns in one run; plots. May touch: runner, ports, rewrite, plan; matplotlib, for plots alone.
Must never: reach an engine, a connector or a format but by name, set the engine up as no user can, print.
"""

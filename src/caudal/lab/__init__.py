"""Experiments that anybody can repeat: the burst of recursive Fibonacci, what a call of a function costs, throughput
against cores and distances in windows on several engines.

Enters: how many messages, threads, rounds; pipelines written as users write them. Leaves: figures with the ideal
beside them, measured in turns in one run; plots. May touch: runner, ports, rewrite, plan, columnar; matplotlib, for
plots alone; the local engine's compiled functions, for bare loops of the same machine code. Must never: run a pipeline
but on an engine that is reached by name, set it up as no user can, print.
"""

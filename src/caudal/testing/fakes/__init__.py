"""Fakes: small implementations of contracts whose real ones talk to systems, which keep them to the letter.

Enters: calls as the contracts have them. Leaves: what the real ones would answer, failures included. May touch: ports, core,
columnar, observe, plan. Must never: be used outside of tests, know an engine or a connector, sleep.
"""

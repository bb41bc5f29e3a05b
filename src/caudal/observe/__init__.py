"""What a run tells about itself: the ledger, metrics, status and summary, as plain values.

Enters: counts and times from an engine. Leaves: dataclasses and JSON values. May touch: core.
Must never: run a server, print, know an engine.
"""

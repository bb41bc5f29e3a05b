"""See `engines.accepting`."""

from caudal.engines.accepting import event_times

__all__ = ["event_times"]

"""What the jobs of one process share: the queue and its threads, the credit, and the processes of row functions."""

from __future__ import annotations

from caudal.engines.local.credit import Credit
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Settings


class Cores:
    """Made once a process, or once a job that is alone in it."""

    def __init__(self, settings: Settings) -> None:
        self.scheduler = Scheduler(settings.threads, settings.idle_poll, settings.shuffle)
        self.credit = Credit(settings.credit)
        self.functions = Functions(settings.threads)

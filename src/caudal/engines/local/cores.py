"""What the jobs of one process share: the queue and its threads, the credit, the processes of row functions, and tables."""

from __future__ import annotations

from caudal.engines.local.credit import Credit
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Tables


class Cores:
    """Made once a process, or once a job that is alone in it."""

    def __init__(self, settings: Settings) -> None:
        self.scheduler = Scheduler(settings.threads, settings.idle_poll, settings.shuffle)
        self.credit = Credit(settings.credit)
        self.functions = Functions(settings.threads)
        self.tables = Tables(settings)

    def start(self) -> None:
        """Start the processes of functions, and the thread that reads tables anew, where there are any."""
        self.functions.start()
        self.tables.start()

    def close(self) -> None:
        """End both."""
        self.tables.close()
        self.functions.close()

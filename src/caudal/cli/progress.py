"""How a run shows itself while it runs: a live display on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Protocol

from caudal.observe.lag import lag_text
from caudal.observe.summary import Progress, size_text

EVERY = 5.0
"""Seconds between plain lines."""
_EVERY_ELSEWHERE = 30.0
"""Seconds between plain lines of a job in another process, of which little is known."""
_CELL = 18
"""Characters of a cell of the live display."""
_RECENT = 3.0
"""Seconds that the shown rate looks back."""


class Display(Protocol):
    """Shows progress inside a `with` block; `note` prints a line that stays."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, progress: Progress) -> None:
        """Take the newest state of the run."""
        ...

    def note(self, text: str) -> None:
        """Print a line that stays."""
        ...


class Rate:
    """Rows a second over the last few seconds, not since the start: it shows a stall, and a source that woke up."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])

    def add(self, elapsed: float, rows: int) -> float:
        """Take the newest count and return the rate."""
        self._seen.append((elapsed, rows))
        while len(self._seen) > 2 and self._seen[1][0] <= elapsed - _RECENT:
            self._seen.popleft()
        (before, low), (now, high) = self._seen[0], self._seen[-1]
        return (high - low) / (now - before) if now > before else 0.0


class Silent:
    """Nothing but notes that are warnings."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: Progress) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Print a line on standard error."""
        print(text, file=sys.stderr, flush=True)


class Lines(Silent):
    """A line on standard error every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._rate = Rate()
        self._last: Progress | None = None
        self._due = EVERY

    def __exit__(self, *_: object) -> None:
        if self._last is not None and not self._last.elsewhere:
            self.note(line(self._last, self._rate.add(self._last.elapsed, self._last.rows)))

    def show(self, progress: Progress) -> None:
        """Print when it is time, and when something else goes on."""
        news = self._last is None or progress.elsewhere != self._last.elsewhere
        self._last = progress
        if progress.elapsed >= self._due or (news and progress.elsewhere):
            self._due = progress.elapsed + (_EVERY_ELSEWHERE if progress.elsewhere else EVERY)
            self.note(line(progress, self._rate.add(progress.elapsed, progress.rows)))


class Live:
    """A display in place on the terminal, gone at the end; lines that the pipeline prints scroll above it."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._name = name
        self._rate = Rate()
        self._console = Console(stderr=True, highlight=False)
        # Rows printed on the same terminal have to go around the display; a redirected standard output stays as it is.
        self._live: Any = RichLive(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=True,
        )

    def __enter__(self) -> Live:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, progress: Progress) -> None:
        """Draw anew."""
        self._live.update(self._table(progress, self._rate.add(progress.elapsed, progress.rows)), refresh=True)

    def note(self, text: str) -> None:
        """Print a line above the display."""
        self._console.print(text, markup=False)

    def _table(self, progress: Progress, rate: float) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column()
        if progress.elsewhere:
            table.add_row(Text(self._name, style="bold"), Text(line(progress, rate)))
            return table
        for _ in range(4):
            table.add_column(min_width=_CELL)  # so that growing numbers do not push the others about
        cells = fields(progress, rate)
        table.add_row(Text(self._name, style="bold"), *(Text.assemble((k + " ", "dim"), v) for k, v in cells[:4]))
        alerts = [name for name, _ in cells].index("alerts")
        table.add_row("", *(Text.assemble((k + " ", "dim"), v) for k, v in cells[4:alerts]))
        counts = ((progress.alerts, "bold red"), (progress.late, "yellow"), (progress.dead, "yellow"))
        styles = [*(style if count else "" for count, style in counts), ""]
        table.add_row(
            "", *(Text.assemble((k + " ", "dim"), (v, style)) for (k, v), style in zip(cells[alerts:], styles))
        )
        if not progress.waiting:
            return table
        whole = Table.grid()
        whole.add_row(table)
        whole.add_row(Text(progress.waiting, style="yellow"))
        return whole


class Logging(logging.Handler):
    """Sends the log records of caudal to a display inside a `with` block."""

    def __init__(self, display: Display, level: int) -> None:
        super().__init__(level)
        self._display = display
        self._logger = logging.getLogger("caudal")
        self._before = self._logger.level

    def __enter__(self) -> Logging:
        self._logger.addHandler(self)
        self._logger.setLevel(self.level)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._before)

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record as a line with the time of day."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        self._display.note(f"{clock} {record.getMessage()}")


def choose(name: str, *, silent: bool) -> Display:
    """Return the display that suits standard error."""
    if silent:
        return Silent()
    return Live(name) if sys.stderr.isatty() else Lines()


def line(progress: Progress, rate: float) -> str:
    """Return progress as one plain line."""
    if progress.elsewhere:
        alerts = f"{progress.alerts:,} alerts, " if progress.alerts else ""
        rows = f"{progress.rows:,} rows handed over, " if progress.rows else ""
        return f"{progress.elsewhere}: {rows}{alerts}{progress.elapsed:.0f} s"
    shown = "  ".join(f"{name} {value}" for name, value in fields(progress, rate))
    return f"{shown}  {progress.waiting}" if progress.waiting else shown


def fields(progress: Progress, rate: float) -> list[tuple[str, str]]:
    """Return names and texts of what is shown, in order."""
    commit = progress.commit
    lag = lag_text(progress.lags)
    made = "" if commit is None else f"{commit.epoch:,}, {commit.age:.1f} s ago, {size_text(commit.bytes)}"
    return [
        ("elapsed", f"{progress.elapsed:.1f} s"),
        ("rows", f"{progress.rows:,}"),
        ("rate", f"{rate:,.0f}/s"),
        ("watermark", _instant(progress.watermark)),
        ("queue", f"{progress.queue}"),
        ("in flight", size_text(progress.bytes_in_flight)),
        ("state", size_text(progress.state_bytes)),
        *([("lag", lag)] if lag else []),
        ("alerts", f"{progress.alerts:,}"),
        ("late", f"{progress.late:,}"),
        ("dead", f"{progress.dead:,}"),
        *([("checkpoint", made)] if made else []),
    ]


def _instant(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "-"
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"

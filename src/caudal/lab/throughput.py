"""The throughput experiment: messages a minute against cores, on several engines, over the same data.

After Fig. 6 of the paper behind caudal, which counts messages a minute of a threat detector against its parallelism, with
95 % confidence intervals. Beside it, when asked: the engines' jobs as caudal writes them against programs written by
hand, and the price of checking every line.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from caudal.core.errors import OptionError, RunError
from caudal.lab import denial_data
from caudal.lab.burst import Say
from caudal.lab.estimates import Estimate, estimate, ratios, slope
from caudal.lab.running import path_of
from caudal.lab.ways import BY_HAND, Took, Way, chosen, cores, run

BAD = 1000
"""Behind so many events of the data stands a line that is cut short."""

LEAST = 2 * denial_data.ATTACKS * denial_data.PER_ATTACK
"""Events that the data has at least: its attacks, and as many others."""

Measure = Callable[[Way, int, int], Took]
"""Runs the detection one way, over so many events, with so many threads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `events`: the sizes of the two files between which the slope is taken; `local_events`: the same for
    the local engine, which is too fast for these (none: four times as many); `threads`: none for 1 to the number of
    cores; `by_hand`: compare with programs written by hand, with the most threads; `data`: where files are kept."""

    engines: Sequence[str] = ("local", "flink", "spark")
    threads: Sequence[int] = ()
    events: Sequence[int] = (250_000, 1_000_000)
    local_events: Sequence[int] = ()
    repeat: int = 5
    by_hand: bool = False
    data: str = ""

    def sizes(self, way: Way) -> tuple[int, int]:
        """Return the sizes of the files that a way is run over."""
        small, large = self.events
        if way.engine == "local":
            small, large = self.local_events or (4 * small, 4 * large)
        return small, large

    def checked(self) -> Settings:
        """Return the same with every default filled in; raises `OptionError` for what cannot be run."""
        threads = tuple(self.threads or range(1, cores() + 1))
        for what, given in (("threads", threads), ("repeat", (self.repeat,))):
            if min(given) < 1:
                raise OptionError(f"--{what} takes numbers from 1 on")
        for what, given in (("events", self.events), ("local-events", self.local_events or (LEAST, LEAST + 1))):
            if len(given) != 2 or not LEAST <= given[0] < given[1]:
                raise OptionError(
                    f"--{what} takes two sizes, the smaller first, from {LEAST:,} on", hint="such as 250000,1000000"
                )
        return Settings(
            chosen(self.engines), threads, self.events, self.local_events, self.repeat, self.by_hand, self.data
        )

    def ways(self, threads: int) -> list[Way]:
        """Return the ways that are run in turns with so many threads."""
        ways = [Way(engine) for engine in self.engines]
        if self.by_hand and threads == max(self.threads):
            ways += [Way(engine, mode) for engine in self.engines for mode in BY_HAND.get(engine, ())]
            ways += [Way(engine, dead="file") for engine in self.engines]
        return ways


@dataclass(slots=True)
class Series:
    """A way with so many threads: what each round took over the small and over the large file."""

    way: Way
    threads: int
    small: int
    large: int
    rounds: list[tuple[Took, Took]] = field(default_factory=list[tuple[Took, Took]])

    def rates(self) -> list[float | None]:
        """Messages a minute in each round, start-up excluded: by the slope of the whole process between the files."""
        return [_minute(slope(self.small, self.large, a.seconds, b.seconds)) for a, b in self.rounds]

    def job_rates(self) -> list[float | None]:
        """The same by the slope of the time that caudal's summary tells; not known by hand."""
        return [_minute(slope(self.small, self.large, a.job, b.job)) for a, b in self.rounds]

    def whole_rates(self) -> list[float | None]:
        """Messages a minute over the large file, start-up included."""
        return [60 * self.large / b.seconds for _, b in self.rounds]

    def cpu_rates(self) -> list[float | None]:
        """Messages that a minute of one core's time is good for, by the slope: hardly moved by what else runs."""
        return [_minute(slope(self.small, self.large, a.cpu, b.cpu)) for a, b in self.rounds]

    def starts(self) -> list[float | None]:
        """Seconds of each round that no message accounts for."""
        return [
            None if rate is None else a.seconds - 60 * self.small / rate
            for rate, (a, _) in zip(self.rates(), self.rounds, strict=True)
        ]

    def smalls(self) -> list[float | None]:
        """Seconds of the whole process over the small file."""
        return [a.seconds for a, _ in self.rounds]

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {
            "name": self.way.name,
            "engine": self.way.engine,
            "by_hand": self.way.by_hand,
            "dead": self.way.dead,
            "threads": self.threads,
            "events": [self.small, self.large],
            "messages_per_minute": _json(self.rates()),
            "whole_process_messages_per_minute": _json(self.whole_rates()),
            "job_messages_per_minute": None if self.way.by_hand else _json(self.job_rates()),
            "messages_per_cpu_minute": _json(self.cpu_rates()),
            "start_seconds": _json(self.starts()),
            "small_process_seconds": _json(self.smalls()),
            "rounds": [
                {
                    "small": {"process_seconds": a.seconds, "job_seconds": a.job, "cpu_seconds": a.cpu},
                    "large": {"process_seconds": b.seconds, "job_seconds": b.job, "cpu_seconds": b.cpu},
                }
                for a, b in self.rounds
            ],
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ways of the same rounds: `rate` is the ratio of what they reach, above 1 where the first is faster; `cpu` the
    same by processor time; `more`: seconds by which the first's whole process takes longer over the small file (not
    told where their small files differ)."""

    what: str
    first: Series
    second: Series

    def rate(self) -> Estimate | None:
        return estimate(ratios(self.first.rates(), self.second.rates()))

    def cpu(self) -> Estimate | None:
        return estimate(ratios(self.first.cpu_rates(), self.second.cpu_rates()))

    def more(self) -> Estimate | None:
        if self.first.small != self.second.small:
            return None
        return estimate(a[0].seconds - b[0].seconds for a, b in zip(self.first.rounds, self.second.rounds, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        told = {"ratio": self.rate(), "cpu_ratio": self.cpu(), "small_process_seconds_more": self.more()}
        return {
            "comparison": self.what,
            "first": self.first.way.name,
            "second": self.second.way.name,
            "threads": self.first.threads,
            **{name: each.to_json() if each else None for name, each in told.items()},
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured."""

    series: list[Series]

    def pairs(self) -> list[Pair]:
        """Return the comparisons that the series allow: those with the most threads, where something is written by hand."""
        most = max(each.threads for each in self.series)
        by_way = {each.way: each for each in self.series if each.threads == most}
        found: list[Pair] = []
        for way, each in by_way.items():
            plain = by_way.get(Way(way.engine))
            if plain is None or plain is each:
                continue
            if way.by_hand:
                found.append(Pair(f"{way.engine}: written by caudal / {way.name}", plain, each))
            else:
                found.append(Pair(f"{way.engine}: checked / not checked", each, plain))
        for dead in ("discard", "file") if found else ():
            local = by_way.get(Way("local", dead=dead))
            others = [e for w, e in by_way.items() if w.engine != "local" and w.dead == dead]
            found += [Pair(f"{local.way.name} / {e.way.name}", local, e) for e in others if local is not None]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"series": [s.to_json() for s in self.series], "comparisons": [p.to_json() for p in self.pairs()]}


def throughput(settings: Settings, say: Say, measure: Measure | None = None) -> Outcome:
    """Run the experiment; raises `OptionError` before anything runs, `RunError` for what breaks or gives other alerts.

    `measure`: what runs the detection and takes the time, for tests.
    """
    settings = settings.checked()
    if measure is not None:
        return Outcome(_rounds(settings, say, measure))
    with tempfile.TemporaryDirectory(prefix="caudal-lab-") as folder:
        return Outcome(_rounds(settings, say, Files(Path(settings.data or folder), Path(folder), say).measure))


def _rounds(settings: Settings, say: Say, measure: Measure) -> list[Series]:
    series: list[Series] = []
    for threads in settings.threads:
        ways = settings.ways(threads)
        ran = [Series(way, threads, *settings.sizes(way)) for way in ways]
        for number in range(settings.repeat):
            for each in turned(ran, number):
                shown = f"{threads} thread{'' if threads == 1 else 's'}"
                say(f"{each.way.name}, {shown}: round {number + 1} of {settings.repeat}")
                small, large = (measure(each.way, size, threads) for size in (each.small, each.large))
                each.rounds.append((small, large))
        series += ran
    return series


def turned(ran: Sequence[Series], number: int) -> list[Series]:
    """Return the order of a round: each begins with another, so that a machine that grows slower favours none."""
    first = number % len(ran)
    return [*ran[first:], *ran[:first]]


class Files:
    """Runs the detection over files, which are made when they are first needed, and looks at the alerts."""

    def __init__(self, data: Path, folder: Path, say: Say) -> None:
        self._data = data.resolve()
        self._folder = folder
        self._say = say
        self._alerts: dict[int, tuple[str, set[tuple[str, int, int]]]] = {}

    def measure(self, way: Way, events: int, threads: int) -> Took:
        """Run it; raises `RunError` where the alerts are not those of the runs before."""
        given = self._data / f"requests-{events}.jsonl"
        if not given.exists():
            self._say(f"writing {events:,} events")
            denial_data.generate(events, given, bad=BAD)
        taken = self._folder / "alerts.jsonl"
        took = run(way, path_of("denial"), given, taken, threads)
        found = alerts(taken)
        before, wanted = self._alerts.setdefault(events, (way.name, found))
        if found != wanted:
            raise RunError(
                f"{way.name} gave {len(found):,} alerts over {events:,} events, {before} {len(wanted):,}",
                detail=f"only one of them has {sorted(found ^ wanted)[:3]}",
            )
        return took


def alerts(path: Path) -> set[tuple[str, int, int]]:
    """Return (address, window start in ms, total) of the alerts in a file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(row["ip"], _milliseconds(row["window_start"]), row["total"]) for row in rows}


def _milliseconds(value: int | str) -> int:
    return value if isinstance(value, int) else round(1000 * datetime.fromisoformat(value).timestamp())


def _minute(rate: float | None) -> float | None:
    return None if rate is None else 60 * rate


def _json(values: Sequence[float | None]) -> dict[str, Any] | None:
    each = estimate(values)
    return each.to_json() if each else None

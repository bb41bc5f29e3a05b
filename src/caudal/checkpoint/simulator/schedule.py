"""What happens in a schedule, drawn from its seed: the job, its input, and what goes wrong when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from caudal.checkpoint.protocol import Step
from caudal.checkpoint.shards import Phase
from caudal.checkpoint.simulator.engine import DISORDER, EVERY, FOREVER, WINDOW, Row

CALM = 9.0
"""Seconds after which nothing goes wrong any more."""
PATIENCE = 90.0
"""Seconds after which all must be done then."""
DUE = 0.7
"""Seconds between epochs."""

FAULTS = ("kill", "strand", "freeze", "twin", "stop", "shuffle", "lossy", "outage", "crash", "expire", "rot", "blank")
_WEIGHTS = (18, 28, 14, 4, 20, 18, 6, 8, 8, 1, 1, 1)

MOMENTS: tuple[Step | Phase, ...] = (
    *(Phase.FINDING, Phase.MARKING, Phase.LOADING, *2 * (Phase.DROPPING,), Phase.CLOSING, Phase.LEAVING),
    *(Step.PREPARING, Step.STORING, *3 * (Step.COMMITTING,), *2 * (Step.RECALLING, Step.PUBLISHING)),
)
"""Steps of an epoch and phases of a shard that faults wait for."""

STOPPING = (Step.PREPARING, Step.STORING, *8 * (Step.RECALLING,), *2 * (Step.PUBLISHING,))
"""Those that a stop waits for."""

HOPELESS = ("expire", "rot", "blank")
"""Faults after which a job must not go on as if nothing were: it may end for good, and says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a time. `number` chooses whom it strikes, `seconds` how long it takes.

    `moment`: the step or phase in which it strikes, None for any.
    """

    at: float
    kind: str
    number: int
    seconds: float
    moment: Step | Phase | None


@dataclass(frozen=True, slots=True)
class Input:
    """A partition of a source: values by offset with the times at which they come; None is a control record."""

    times: Sequence[float]
    values: Sequence[Row | None]

    @property
    def rows(self) -> list[Row]:
        """The records."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule. `kind`: plain, repartition or joined."""

    seed: int
    kind: str
    workers: int
    inputs: dict[str, Input]
    destinations: tuple[str, ...]
    shards: dict[str, tuple[str, ...]]
    staging: bool
    from_end: bool
    """Whether the job begins at the end of its topics."""
    network: float
    lag: float
    slow: float
    """Seconds that it takes to load the state of a shard, or to let go of it."""
    faults: tuple[Fault, ...]

    def outputs(self, beginnings: dict[str, int]) -> Counter[Any]:
        """Return what is to be shown, of what stands in the topics from these offsets on: computed without any worker."""
        rows = {
            partition: [row for row in source.values[beginnings.get(partition, 0) :] if row is not None]
            for partition, source in self.inputs.items()
        }
        if self.kind == "joined":
            return Counter(
                ("pair", left[2:], one[0], one[2], two[2])
                for left, lefts in rows.items()
                if left[0] == "l"
                for one in lefts
                for two in rows["r" + left[1:]]
                if one[0] == two[0]
            )
        found: Counter[Any] = Counter()
        windows: Counter[tuple[int, int]] = Counter()
        for partition, each in rows.items():
            each = [row for row in each if row[1] < FOREVER]
            for key in {row[0] for row in each}:
                own = [row for row in each if row[0] == key]
                found.update(("count", partition, key, n + 1, own[n][2]) for n in range(EVERY - 1, len(own), EVERY))
            for index, row in enumerate(each if self.kind == "repartition" else ()):
                before = max([-1, *(other[1] - DISORDER for other in each[:index])])
                end = row[1] - row[1] % WINDOW + WINDOW
                if end <= before:
                    found["late", partition, row[2], before] += 1
                else:
                    windows[end, row[0]] += 1
        passed = min(max([-1, *(row[1] - DISORDER for row in each)]) for each in rows.values())
        found.update(("window", end, key, count) for (end, key), count in windows.items() if end <= passed)
        return found


def draw(seed: int) -> Schedule:
    """Draw a schedule."""
    random = Random(seed)
    kind = random.choice(("plain", "repartition", "joined", "repartition", "joined"))
    count, from_end = random.randint(2, 3), random.random() < 0.25
    destinations: tuple[str, ...] = ()
    shards: dict[str, tuple[str, ...]]
    if kind == "joined":
        shards = {f"j-{n}": (f"l-{n}", f"r-{n}") for n in range(2)}
    else:
        shards = {f"in-{n}": (f"in-{n}",) for n in range(count)}
    names = [partition for partitions in shards.values() for partition in partitions]
    inputs = {name: _input(random, kind, from_end) for name in names}
    if kind == "repartition":
        destinations = ("re-0", "re-1")
        shards.update((name, (name,)) for name in destinations)
    faults = [_fault(random) for _ in range(random.randint(1, 6))]
    return Schedule(
        seed=seed,
        kind=kind,
        workers=random.randint(2, 4 if len(shards) > 3 else 3),
        inputs=inputs,
        destinations=destinations,
        shards=shards,
        staging=random.random() < 0.5,
        from_end=from_end,
        network=random.choice((0.05, 0.1, 0.2, 0.3)),
        lag=random.choice((0.0, 0.3, 0.8)),
        slow=random.choice((0.0, 0.3, 0.7)),
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
    )


def _fault(random: Random) -> Fault:
    kind = random.choices(FAULTS, _WEIGHTS)[0]
    moment = random.choice(STOPPING if kind == "stop" else MOMENTS) if random.random() < 0.6 else None
    at = 0.2 + (CALM - 2.5) * random.random() * (0.5 if kind == "strand" else 1.0)
    return Fault(at, kind, random.randrange(1 << 16), 0.3 + 9 * random.random() ** 2, moment)


def _input(random: Random, kind: str, from_end: bool) -> Input:
    """Records of three keys that come within some seconds, with control records between them and, often, behind them.

    Where a job begins at the end there are more, and they come later: what is there when it begins is not read.
    """
    times: list[float] = []
    values: list[Row | None] = []
    now, event_time, count = (1.5, 0, random.randint(30, 36)) if from_end else (0.0, 0, random.randint(18, 24))
    for number in range(count):
        now += random.random() * 0.75
        event_time += random.randrange(3)
        times.append(now)
        values.append((random.randrange(3), max(0, event_time - random.randrange(9) // 7 * 9), number))
        if random.random() < 0.15:
            times.append(now)
            values.append(None)
    if kind == "repartition":
        times.append(now)
        values.append((0, FOREVER, -1))
    if random.random() < 0.5:
        times.append(now + 1.5 * random.random())
        values.append(None)
    return Input(times, values)

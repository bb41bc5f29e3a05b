"""The ledger: every input row of every operator has one fate, and the counts add up.

in + opening = passed + absorbed + filtered + late + dead + deduplicated + buffered, per logical operator, whatever the rewrites.
`emitted` is a count of its own per output port, and what a port emits is what its consumers take in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

FATES = ("passed", "absorbed", "filtered", "late", "dead", "deduplicated", "buffered")


@dataclass(slots=True)
class Entry:
    """One operator's rows. `partitions` (sources only): partition name -> rows in. `partly_late` rows are not lost.

    `undecided`: of the filtered rows those whose condition was null. `windows`: how many a function was called with.

    `opening`: rows that it held when the run began, where that goes on from a checkpoint of another pipeline; where it goes on
    from one of its own, the counts do too. Where shards were dealt anew: what it holds of rows that others have counted, or, below zero,
    what others hold of those that it has.

    `between`: whether its rows come through a topic, from other workers too, so that those above are not the ones it has taken.

    `whole`: whether all its rows are counted. An engine that counts at sources and sinks knows of other operators what
    is late or dead alone.
    """

    operator: str
    kind: str
    inputs: tuple[tuple[str, str], ...]
    taken: int = 0
    passed: int = 0
    absorbed: int = 0
    filtered: int = 0
    late: int = 0
    dead: int = 0
    deduplicated: int = 0
    buffered: int = 0
    partly_late: int = 0
    undecided: int = 0
    windows: int = 0
    opening: int = 0
    emitted: dict[str, int] = field(default_factory=dict)
    partitions: dict[str, int] = field(default_factory=dict)
    whole: bool = True
    between: bool = False

    @property
    def fates(self) -> int:
        """The number of rows whose fate is known."""
        return sum(getattr(self, name) for name in FATES)


_COUNTS = ("taken", *FATES, "partly_late", "undecided", "windows", "opening")


@dataclass(slots=True)
class Ledger:
    """The entries of a run, in the plan's order."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def check(self) -> list[str]:
        """Return what does not add up, one line each; [] when all is well."""
        wrong = []
        for entry in self.entries.values():
            if not entry.whole:
                continue
            if entry.taken + entry.opening != entry.fates:
                held = f" and {entry.opening} before" if entry.opening else ""
                wrong.append(f"{entry.operator}: in {entry.taken}{held}, but {entry.fates} have a fate")
            if entry.inputs and not entry.between:
                sent = sum(self.entries[up].emitted.get(port, 0) for up, port in entry.inputs)
                if sent != entry.taken:
                    wrong.append(f"{entry.operator}: in {entry.taken}, but its inputs emitted {sent}")
            if entry.partitions and sum(entry.partitions.values()) != entry.taken:
                wrong.append(
                    f"{entry.operator}: in {entry.taken}, but partitions add up to {sum(entry.partitions.values())}"
                )
        return wrong

    @classmethod
    def sum(cls, ledgers: Iterable[Ledger]) -> Ledger:
        """Return the ledger of several jobs of one plan: every count is the sum of theirs."""
        made = cls()
        for ledger in ledgers:
            for name, entry in ledger.entries.items():
                known = made.entries.setdefault(name, Entry(name, entry.kind, entry.inputs, whole=entry.whole))
                for count in _COUNTS:
                    setattr(known, count, getattr(known, count) + getattr(entry, count))
                for total, counts in ((known.emitted, entry.emitted), (known.partitions, entry.partitions)):
                    for key, number in counts.items():
                        total[key] = total.get(key, 0) + number
        return made

    def total(self, fate: str) -> int:
        """Return the sum of a fate over all operators."""
        return sum(getattr(e, fate) for e in self.entries.values())

    def letters(self) -> int:
        """Return how many dead letters there are of all operators: a window that fails is one, whatever it absorbed."""
        return sum(max(e.dead, e.emitted.get("dead", 0)) for e in self.entries.values())

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain values: an object an operator, `in` for the rows taken."""
        out = []
        for entry in self.entries.values():
            data = asdict(entry)
            data["in"] = data.pop("taken")
            data["inputs"] = [list(i) for i in entry.inputs]
            out.append(data)
        return out

    def to_text(self) -> str:
        """Return a table: an operator a line, its non-zero fates; side outputs that took nothing are left out."""
        shown = [e for e in self.entries.values() if e.taken or e.opening or not e.whole or not self._is_side(e)]
        width = max((len(e.operator) for e in shown), default=0)
        counts = max((len(f"{e.taken:,}") for e in shown), default=0)
        lines = []
        for e in shown:
            fates = [f"{name} {getattr(e, name):,}" for name in FATES if getattr(e, name)] or ["nothing"]
            if e.partly_late:
                fates.append(f"({e.partly_late:,} partly late)")
            if not e.whole:
                lines.append(f"  {e.operator:{width}}  {'':{counts + 5}} {' + '.join(fates)}")
                continue
            ports = ", ".join(f"{n:,}" if port == "out" else f"{n:,} {port}" for port, n in e.emitted.items() if n)
            tail = f" -> {ports}" if ports and e.kind != "sink" else ""
            held = (
                f" + {e.opening:,} held before"
                if e.opening > 0
                else f" - {-e.opening:,} held elsewhere"
                if e.opening
                else ""
            )
            lines.append(f"  {e.operator:{width}}  in {e.taken:>{counts},}{held} = {' + '.join(fates)}{tail}")
        return "\n".join(lines)

    def _is_side(self, entry: Entry) -> bool:
        """Whether an operator reads a side output, or what comes of one."""
        return entry.kind in ("late", "dead") or any(self._is_side(self.entries[up]) for up, _ in entry.inputs)

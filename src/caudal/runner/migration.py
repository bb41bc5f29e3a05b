"""A changed pipeline: what of the state that another one has left its operators can go on with, operator by operator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from caudal.checkpoint.manifest import Manifest, Stored
from caudal.core.errors import OptionError
from caudal.core.naming import cut
from caudal.observe.summary import size_text
from caudal.plan import fitting
from caudal.plan.nodes import Keyed
from caudal.plan.plan import Plan
from caudal.ports.snapshot import State
from caudal.rewrite import rewrite
from caudal.runner.binding import following
from caudal.runner.sides import with_sides

Verdict = Literal["kept", "migrated", "new", "dropped", "refused"]

SCHEMA = 1
"""Version of the plan's JSON form."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an operator's state. `changes`: what comes, what goes, or why it does not fit, a line each.

    "dropped": the pipeline has no operator of this id; "refused": it has, and the state does not fit it, so it would begin empty.
    """

    operator: str
    verdict: Verdict
    rows: int = 0
    bytes: int = 0
    changes: Sequence[str] = ()

    @property
    def loses(self) -> bool:
        """Whether state is left behind."""
        return self.verdict in ("dropped", "refused")

    def to_text(self) -> list[str]:
        """Return lines for people."""
        held = f"{self.rows:,} row{'' if self.rows == 1 else 's'}, {size_text(self.bytes)}"
        head = f"{self.verdict:8}  {self.operator}: {'begins empty' if self.verdict == 'new' else held}"
        return [head, *(f"          {change}" for change in self.changes)]


@dataclass(frozen=True, slots=True)
class Fits:
    """What a plan has to say of state: of each stateful operator, and of all its operators (see `plan.fitting`).

    `allow_dropped`: state that it has no use for may be left behind. `users`: of several pipelines, by operator its id in each.
    """

    operators: Mapping[str, Any]
    graph: str
    sources: frozenset[str]
    sinks: frozenset[str]
    allow_dropped: bool = False
    users: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    @classmethod
    def of(
        cls,
        logical: Plan,
        physical: Plan,
        *,
        allow_dropped: bool = False,
        users: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Fits:
        """Return those of a plan, as written and as it runs."""
        return cls(
            {node.name: fitting.fits(node) for node in physical.nodes if isinstance(node, Keyed)},
            fitting.graph(logical),
            frozenset(node.name for node in physical.sources),
            frozenset(node.name for node in physical.sinks),
            allow_dropped,
            users or {},
        )


@dataclass(frozen=True, slots=True)
class Migration:
    """What becomes of a checkpoint's state in a pipeline. `counts`: whether the ledger goes on with the counts of then."""

    checkpoint: str
    epoch: int
    fates: Sequence[Fate]
    counts: bool
    notes: Sequence[str] = field(default_factory=tuple[str, ...])

    @property
    def changed(self) -> bool:
        """Whether the state is of another pipeline, as far as anything depends on it: what is stored next stands alone."""
        return not self.counts or any(fate.verdict != "kept" for fate in self.fates)

    @property
    def loses(self) -> bool:
        """Whether state is left behind."""
        return any(fate.loses for fate in self.fates)

    def check(self, *, allow_dropped: bool) -> None:
        """Raise `OptionError`, with the plan in it, where state would be left behind and that was not allowed."""
        if self.loses and not allow_dropped:
            raise OptionError(
                "the pipeline has changed, and state would be left behind",
                location=f"checkpoint {self.checkpoint}",
                detail=self.to_text(),
                hint="--allow-dropped-state leaves it; operators are found by their ids: name them with name=",
            )

    def applied(self, state: State) -> State:
        """Return the state that the pipeline's operators begin with."""
        if not self.changed:
            return state
        kept = {fate.operator for fate in self.fates if fate.verdict in ("kept", "migrated")}
        operators = {name: each for name, each in state.operators.items() if name in kept}
        return replace(state, operators=operators, changed=not self.counts)

    def to_text(self) -> str:
        """Return lines for people."""
        lines = [line for fate in self.fates for line in fate.to_text()]
        ledger = (
            "counts go on" if self.counts else "counts begin anew, with the rows that operators hold as the opening"
        )
        return "\n".join([*(lines or ["no operator has state"]), *self.notes, f"ledger: {ledger}"])

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "caudal_migration": SCHEMA,
            "checkpoint": self.checkpoint,
            "epoch": self.epoch,
            "operators": [
                {
                    "operator": f.operator,
                    "verdict": f.verdict,
                    "rows": f.rows,
                    "bytes": f.bytes,
                    "changes": [*f.changes],
                }
                for f in self.fates
            ],
            "notes": list(self.notes),
            "counts": self.counts,
            "loses": self.loses,
        }


def migration(manifest: Manifest, fits: Fits) -> Migration:
    """Return what becomes of a checkpoint's state in the pipeline of `fits`."""
    fates = [_fate(name, manifest.operators.get(name), each) for name, each in fits.operators.items()]
    for name, stored in manifest.operators.items():
        if name not in fits.operators:
            why = "the pipeline has no stateful operator of this id any more"
            fates.append(Fate(name, "dropped", *_held(stored), (why,)))
    counts = manifest.graph == fits.graph and all(fate.verdict in ("kept", "migrated") for fate in fates)
    return Migration(manifest.id, manifest.epoch, fates, counts, tuple(_notes(manifest, fits)))


def planned(
    plan: Plan, manifest: Manifest, *, follow: bool = False, late: str = "file", dead: str = "file"
) -> Migration:
    """Return what becomes of a checkpoint's state in a pipeline that is run with these options (see `drive.Job`)."""
    logical = with_sides(following(plan) if follow else plan, late, dead)
    physical = rewrite(logical)
    if plan.name != manifest.pipeline:
        raise OptionError(f"the checkpoint is of the pipeline '{manifest.pipeline}', not of '{plan.name}'")
    return migration(manifest, Fits.of(logical, physical))


def _notes(manifest: Manifest, fits: Fits) -> list[str]:
    read = {source for source, _ in manifest.positions}
    notes = [f"source {name}: new, begins at its start" for name in sorted(fits.sources - read)]
    notes += [f"source {name}: gone, its positions are forgotten" for name in sorted(read - fits.sources)]
    if manifest.receipts:
        written = manifest.receipts.keys()
        notes += [f"sink {name}: new" for name in sorted(fits.sinks - written)]
        notes += [f"sink {name}: gone, its target stays as it is" for name in sorted(written - fits.sinks)]
    return notes


def _held(stored: Stored) -> tuple[int, int]:
    blocks = stored.blocks.values()
    return sum(block.rows for block in blocks), sum(block.length for block in blocks)


def _fate(name: str, stored: Stored | None, now: Mapping[str, Any]) -> Fate:
    if stored is None:
        return Fate(name, "new")
    held = _held(stored)
    then = stored.fits
    if not isinstance(then, dict):
        return Fate(name, "refused", *held, ("the checkpoint does not say what its state depends on",))
    why = [
        *_differences(fitting.anywhere(then["same"]), fitting.anywhere(now["same"])),
        *_retyped(then["parts"], now["parts"]),
    ]
    if why:
        return Fate(name, "refused", *held, why)
    changes = [line for kind in fitting.PARTS for line in _moved(kind, then["parts"], now["parts"])]
    functions = [
        f"the function {each.rpartition('.')[2]} has changed; its state is kept"
        for each, source in now["functions"].items()
        if then["functions"].get(each, source) != source
    ]
    reordered = then["parts"] != now["parts"]
    return Fate(name, "migrated" if changes or reordered else "kept", *held, (*changes, *functions))


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    if then.get("kind") != now.get("kind"):
        return [f"it was the operator {then.get('kind')}, and is {now.get('kind')}"]
    names = [*then, *(name for name in now if name not in then)]
    differing = [name for name in names if then.get(name) != now.get(name)]
    return [
        f"{_WHAT.get(name, name)}: {_shown(then.get(name))} before, {_shown(now.get(name))} now" for name in differing
    ]


_WHAT = {"rows": "columns of the rows that it keeps", "frame": "window"}


def _shown(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False), 80)


def _retyped(then: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[str]:
    """Return which columns and fields have another type: values cannot be taken for values of that."""
    out: list[str] = []
    for kind in ("c", "s"):
        before = {fitting.name_of(label): label for label in then.get(kind, ())}
        for label in now.get(kind, ()):
            name = fitting.name_of(label)
            if before.get(name, label) != label:
                types = (each.partition(" = ")[2].strip('"') for each in (before[name], label))
                out.append(f"the {fitting.PARTS[kind]} {name} was {' and is '.join(types)}")
    return out


def _moved(kind: str, then: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[str]:
    before, after, what = then.get(kind, ()), now.get(kind, ()), fitting.PARTS[kind]
    begins = "begins with no rows" if kind == "a" else "is null in what is held"
    names = {fitting.name_of(label) for label in before if label not in after}
    lines: list[str] = []
    for label in after:
        if label not in before:
            name = fitting.name_of(label)
            anew = (
                f"the {what} {name} is another, and {begins}"
                if name in names
                else f"the {what} {name} is new, and {begins}"
            )
            lines.append(anew)
            names.discard(name)
    return lines + [f"the {what} {name} is gone, and with it what it held" for name in sorted(names)]

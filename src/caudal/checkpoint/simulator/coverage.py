"""Which events meet a worker in which state: the pairs that were met, and those that no driver can bring about."""

from __future__ import annotations

from collections import Counter

from caudal.checkpoint import events
from caudal.checkpoint.events import Event
from caudal.checkpoint.protocol import STEPS, Step, Worker
from caudal.checkpoint.shards import ANSWERS, Phase

Pair = tuple[str, str]
"""A state and the name of an event."""

NONE = "no shard"
"""The state of a shard that the worker does not have."""

_OF_SHARDS = (events.Assigned, events.Revoked, events.Lost, *(kind for kinds in ANSWERS.values() for kind in kinds))
_OF_EPOCHS = (
    *(events.Due, events.Stop, events.Cut, events.Prepared, events.Stored, events.Committed, events.Aborted),
    *(events.Unknown, events.Fenced, events.Recalled, events.Published),
)
_STEPS = STEPS.__args__
_PHASES = [NONE, *(phase.value for phase in Phase if phase is not Phase.GONE)]


def met(machine: Worker, event: Event) -> Pair:
    """Return the state that an event meets, and the event's name."""
    if isinstance(event, events.Failed | events.Waited):
        effect = event.effect
        shard = None if isinstance(effect, _STEPS) else getattr(effect, "shard", None)
    else:
        shard = getattr(event, "shard", None)
    if shard is None:
        return machine.step.value, type(event).__name__
    found = machine.shards.get(shard)
    return NONE if found is None else found.phase.value, type(event).__name__


PAIRS: tuple[Pair, ...] = (
    *((phase, kind.__name__) for phase in _PHASES for kind in (*_OF_SHARDS, events.Failed, events.Waited)),
    *((step.value, kind.__name__) for step in Step for kind in (*_OF_EPOCHS, events.Failed, events.Waited)),
)
"""All there are."""

_ACQUIRING = {phase.value for phase in ANSWERS}
_CLOSING = Phase.CLOSING.value
_WAITING = {
    Step.CUTTING: (events.Cut,),
    Step.PREPARING: (events.Prepared,),
    Step.STORING: (events.Stored,),
    Step.COMMITTING: (events.Committed, events.Aborted, events.Unknown, events.Fenced),
    Step.RECALLING: (events.Recalled,),
    Step.PUBLISHING: (events.Published,),
}


def _impossible() -> dict[Pair, str]:
    found: dict[Pair, str] = {}
    answers = {kind: phase for phase, kinds in ANSWERS.items() for kind in kinds}
    for phase in _PHASES:
        for kind, own in answers.items():
            if phase not in (own.value, _CLOSING):
                found[phase, kind.__name__] = "an effect is answered once, and the shard waits for the answer"
        for kind in (events.Failed, events.Waited):
            if phase not in _ACQUIRING and phase != _CLOSING:
                found[phase, kind.__name__] = "nothing is under way for the shard that could fail"
    for step in Step:
        for own, kinds in _WAITING.items():
            for kind in kinds if own is not step else ():
                found[step.value, kind.__name__] = "an effect is answered once, and the epoch waits for the answer"
    for kind in (events.Failed, events.Waited):
        found[Step.IDLE.value, kind.__name__] = "no step is under way that could fail"
    found[_CLOSING, events.Dropped.__name__] = "a shard that is dropped no longer closes: it stays at dropping"
    found[Step.COMMITTING.value, events.Failed.__name__] = "a commit that fails is aborted, fenced or unknown"
    found[Step.CUTTING.value, events.Failed.__name__] = "a barrier asks nobody"
    found[Step.CUTTING.value, events.Waited.__name__] = "a barrier asks nobody"
    found[Phase.DROPPING.value, events.Failed.__name__] = "dropping asks nobody"
    found[Phase.DROPPING.value, events.Waited.__name__] = "dropping asks nobody"
    for kind in (events.Revoked, events.Lost):
        found[NONE, kind.__name__] = (
            "a driver tells only of shards that it has told of as assigned, and that were not released"
        )
    held = "the group asks for a partition only of who has it, and gives it only to who has not"
    for phase in (*(phase.value for phase in (Phase.RUNNING, Phase.LEAVING)), *_ACQUIRING - {Phase.DROPPING.value}):
        found[phase, events.Assigned.__name__] = held
    return found


IMPOSSIBLE = _impossible()
"""Pairs that no driver brings about, with the reason."""


def table(coverage: Counter[Pair]) -> str:
    """Return how often each pair was met, as text."""
    lines = [f"{coverage[pair]:>9}  {pair[0]} + {pair[1]}" for pair in PAIRS if pair not in IMPOSSIBLE]
    return "\n".join([*lines, f"{len(IMPOSSIBLE)} pairs are impossible"])


def wrong(coverage: Counter[Pair], least: int) -> list[str]:
    """Return the pairs that were met too seldom, and those that should never be met and were."""
    seldom = [
        f"{state} + {event}: {coverage[state, event]} times"
        for state, event in PAIRS
        if (state, event) not in IMPOSSIBLE and coverage[state, event] < least
    ]
    never = [
        f"{state} + {event} was met: {why}" for (state, event), why in IMPOSSIBLE.items() if coverage[state, event]
    ]
    return seldom + never

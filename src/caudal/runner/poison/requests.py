"""What a trial is asked: which program, which records, how it goes on from there; as JSON between two processes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from caudal.ports.records import Convict, Dead
from caudal.runner.poison.narrowing import Key, Trial

Convicts = Mapping[Key, Sequence[Convict]]
"""Convicts by partition, in order."""

REQUEST, JOURNAL, NOTE, RESULT = "request.json", "journal", "note.txt", "result.json"
"""The files of a trial, in its folder: what is asked, what is in work, what the process says as it dies, what came of it."""


@dataclass(frozen=True, slots=True)
class Program:
    """How the job was started, so that another process can be given the same pipeline. See `runner.Job` for what is not said here.

    `file`, `settings`: what is loaded; `between`: from where to where topics are read, None: as their sources say.
    """

    file: str
    settings: Mapping[str, Any]
    between: tuple[str | None, str | None] = (None, None)
    follow: bool = False
    late: str = "file"
    dead: str = "file"
    engine: str = "local"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where a shard goes on. `positions`: by partition; `ended`: those of them that are read to their ends.

    `memories`: what sources know beside that. A partition that is not there begins at its beginning, where `whole` says that all are
    the shard's.
    """

    positions: Mapping[Key, int]
    ended: frozenset[Key] = frozenset()
    memories: Mapping[str, Any] = field(default_factory=dict[str, Any])
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What a process is to try; `trial` None: to say which partitions there are.

    `convicts`: what is left out, by source and partition; `seconds`: how long it goes on where the trial has no end.
    """

    program: Program
    places: Places
    trial: Trial | None
    convicts: Convicts
    seconds: float

    def encode(self) -> str:
        """Return it as JSON."""
        trial = self.trial
        places = {
            "positions": _pairs(self.places.positions),
            "ended": [list(key) for key in sorted(self.places.ended)],
            "memories": self.places.memories,
            "whole": self.places.whole,
        }
        tried = None if trial is None else {"starts": _pairs(trial.starts), "stop": trial.stop, "size": trial.size}
        convicts = _pairs({key: [told(each) for each in several] for key, several in self.convicts.items()})
        asked = {"program": asdict(self.program), "places": places, "trial": tried, "convicts": convicts}
        return json.dumps({**asked, "seconds": self.seconds})

    @classmethod
    def decode(cls, text: str) -> Request:
        """Return what `encode` gave."""
        known = json.loads(text)
        program, places, trial = known["program"], known["places"], known["trial"]
        between = program.pop("between")
        ended: list[list[str]] = places["ended"]
        return cls(
            Program(**program, between=tuple(between)),
            Places(
                _mapping(places["positions"]),
                frozenset((source, partition) for source, partition in ended),
                places["memories"],
                places["whole"],
            ),
            None if trial is None else Trial(_mapping(trial["starts"]), trial["stop"], trial["size"]),
            {key: [convict_of(each) for each in several] for key, several in _mapping(known["convicts"]).items()},
            known["seconds"],
        )


def _pairs(values: Mapping[Key, Any]) -> list[list[Any]]:
    return [[*key, value] for key, value in values.items()]


def _mapping(pairs: list[list[Any]]) -> dict[Key, Any]:
    return {(source, partition): value for source, partition, value in pairs}


def told(convict: Convict) -> dict[str, Any]:
    """Return a convict as JSON takes it."""
    letter = convict.letter
    return {
        "position": convict.position,
        "end": convict.end,
        "message": letter.message,
        "detail": letter.detail,
        "payload": base64.b64encode(letter.payload).decode(),
        "truncated": letter.truncated,
    }


def convict_of(known: Mapping[str, Any]) -> Convict:
    """Return the convict that was told so."""
    payload = base64.b64decode(known["payload"])
    letter = Dead(known["position"], "poison", known["message"], known["detail"], payload, known["truncated"])
    return Convict(known["position"], known["end"], letter)

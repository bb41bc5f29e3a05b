"""What a trial is asked: which program, which records, how it goes on from there; as JSON between two processes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from caudal.ports.calls import POISON, Call
from caudal.ports.records import Convict, Dead
from caudal.runner.poison.narrowing import Key, Trial

Convicts = Mapping[Key, Sequence[Convict]]
"""Convicts by partition, in order."""

Withheld = Mapping[str, Sequence[Call]]
"""Calls that are not made, by site."""

REQUEST, JOURNAL, NOTE, RESULT = "request.json", "journal", "note.txt", "result.json"
"""The files of a trial, in its folder: what is asked, what is in work, what the process says as it dies, what came of it."""

CALL = "call.arrow"
"""The file of what a function is called with: by a shard that goes on, or by a trial of that call."""


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
class Standing:
    """A shard as its last commit has left it. `manifest`: that commit's, as JSON, "" for none; `url`, `folder`: where its snapshot is.

    `shard`: its name in a group, "" for a job that is alone; `together`: the sources that begin a stage, of each stage; `topics`,
    `counts`, `prefix`, `allow_dropped`: see `layout.Layout`.
    """

    manifest: str
    url: str
    folder: str
    allow_dropped: bool = False
    shard: str = ""
    together: Sequence[Sequence[str]] = ()
    topics: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a process is to try: records, or the call in the file `CALL`, by `trial`; or to go on with a shard, where it is `standing`,
    and write to `CALL` what functions are called with. Where there is neither: to say which partitions there are.

    `convicts`, `withheld`: what is left out, by source and partition, and by site; `seconds`: how long it goes on where the trial
    has no end; `args`: what stands in `CALL`, b"" for nothing.
    """

    program: Program
    places: Places
    trial: Trial | None
    convicts: Convicts
    seconds: float
    withheld: Withheld = field(default_factory=dict[str, Sequence[Call]])
    standing: Standing | None = None
    args: bytes = b""

    def encode(self) -> str:
        """Return it as JSON, but for `args`."""
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
        standing = None if self.standing is None else asdict(self.standing)
        withheld = [told_call(each) for several in self.withheld.values() for each in several]
        return json.dumps({**asked, "seconds": self.seconds, "withheld": withheld, "standing": standing})

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
            by_site(call_of(each) for each in known["withheld"]),
            None if known["standing"] is None else Standing(**known["standing"]),
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
    letter = Dead(known["position"], POISON, known["message"], known["detail"], payload, known["truncated"])
    return Convict(known["position"], known["end"], letter)


def told_call(call: Call) -> dict[str, Any]:
    """Return a call as JSON takes it."""
    from caudal.columnar import ipc

    args = base64.b64encode(ipc.to_bytes(call.args)).decode()
    return {"site": call.site, "args": args, "message": call.message, "detail": call.detail}


def call_of(known: Mapping[str, Any]) -> Call:
    """Return the call that was told so."""
    from caudal.columnar import ipc

    args = ipc.from_bytes(base64.b64decode(known["args"]), known["site"])
    return Call(known["site"], args, known["message"], known["detail"])


def by_site(calls: Iterable[Call]) -> Withheld:
    """Return calls by their sites."""
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(call.site, []).append(call)
    return found

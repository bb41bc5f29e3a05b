"""Tokens: what a group keeps of a partition beside its offset, as a line of JSON in ASCII."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass

from caudal.core.errors import RunError


@dataclass(frozen=True, slots=True)
class Token:
    """What was committed last of a shard.

    `writer`: the name of the transaction that committed it; `snapshot`: the id of its manifest, "" for a start, of which there is
    none; `hash`: that of the manifest's bytes; `epoch`: its number.
    """

    writer: str
    snapshot: str = ""
    hash: str = ""
    epoch: int = 0
    start: str = ""

    @property
    def genesis(self) -> bool:
        """Whether it is that of a start."""
        return not self.snapshot

    def text(self) -> str:
        """Return it as the group keeps it."""
        return json.dumps({"caudal": 1, **asdict(self)}, ensure_ascii=True, separators=(",", ":"))


def genesis(writer: str, origin: str = "") -> Token:
    """Return the token of a start; no two are alike. `origin`: the id of the savepoint that it is a start from, "" for none."""
    return Token(writer, start=(f"{origin}/" if origin else "") + secrets.token_hex(8))


def parsed(text: str, partition: str) -> Token:
    """Return a token; raises `RunError` for what is none."""
    try:
        values = json.loads(text)
        if values.pop("caudal") == 1:
            return Token(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise RunError(
        f"the group's offset of {partition} was not committed by caudal",
        detail=text[:100] or "it has no metadata",
        hint="another program commits under this group's name: name another --group",
    )

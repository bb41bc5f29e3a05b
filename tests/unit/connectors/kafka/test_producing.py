"""A producer whose messages are given up hears of that late, and lays it on nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from caudal.connectors.kafka.client import Access
from caudal.connectors.kafka.producing import Producing
from caudal.core.errors import RunError


class Late:
    """A client that tells nothing while it is deaf."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.deaf = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def __len__(self) -> int:
        return len(self.client)

    def poll(self, seconds: float) -> int:
        return 0 if self.deaf else self.client.poll(seconds)


@pytest.fixture
def producing() -> Producing:
    made = Producing(Access("127.0.0.1:1", {"bootstrap.servers": "127.0.0.1:1"}), "murmur2")
    made.client = Late(made.client)
    return made


def test_what_was_given_up_is_told_late_and_is_nothing_to_what_comes_behind(producing: Producing) -> None:
    producing.send("t", [b"1", b"2"], None)
    producing.client.deaf = True
    producing.discard()
    producing.client.deaf = False
    producing.client.poll(1)
    assert len(producing.client) == 0
    producing.check()


def test_what_was_not_given_up_and_is_purged_is_an_error(producing: Producing) -> None:
    producing.send("t", [b"1"], None)
    producing.client.purge()
    producing.client.poll(1)
    with pytest.raises(RunError, match="took a row not"):
        producing.check()
    producing.discard()

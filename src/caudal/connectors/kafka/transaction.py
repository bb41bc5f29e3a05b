"""Transactions of Kafka: rows of several topics and a token, committed at once.

The token stands as metadata of an offset that is committed in the same transaction, in the group `caudal-NAME`: in the first
partition of a topic that the transaction writes to. (Workers of a group: see `group`.) So whoever opens the
transaction anew reads there what was last committed.

What a broker forgets is brought to its end: where a transaction ends while a partition that it has written to has no leader, which of a
lone broker are all while it stops and starts, Kafka 4.3 takes it for ended without telling the partition. What stands there then
hides where the job stands for ever, and would appear with the next commit. So after any trouble, and at the start, such partitions
are touched by a transaction that is aborted: see `sweep`.

No call of the client is trusted to come back: each has a watch, after which the outcome is not known and the producer
is left behind. A new one under the same name fences it off, and ends what it has left open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from caudal.connectors.kafka.client import PATIENCE, Access, code_of, library, passes, reason
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.producing import Producing, TimedOut, guarded
from caudal.connectors.kafka.standing import Standing
from caudal.core.errors import CaudalError, InputError, RunError
from caudal.observe.log import log
from caudal.ports.group import Unstable
from caudal.ports.transaction import Fenced, Outcome, Unanswered

_T = TypeVar("_T")
TIMEOUT = 30.0
"""Seconds after which the cluster aborts an open transaction of a worker that is gone."""
_CALL = 20.0
"""Seconds that one call may take before its outcome is not known."""
_FIRST = 60.0
"""Seconds that opening a transaction may take: what another left open is ended first."""


class KafkaTransaction:
    """The transaction of one worker; keeps `ports.transaction.Transaction`."""

    def __init__(
        self,
        access: Access,
        name: str,
        mark: str,
        partitioner: str,
        timeout: float = TIMEOUT,
    ) -> None:
        """`mark`: a topic to whose first partition the token belongs; `timeout`: seconds after which the cluster aborts what a worker
        that is gone has left open.

        Opens it, so that whoever has opened it before is fenced off. Raises `InputError` where the cluster does not answer.
        """
        self.domain = access.domain
        self._access = access
        self._name = name
        self._mark = Part(mark, 0)
        self._partitioner = partitioner
        self._library = library()
        self._timeout = timeout
        self._standing: Standing | None = None
        self._begun = False
        self._lost = False
        """Whether an outcome is not known, so that nothing goes on before `recall`."""
        self._producing: Producing | None = None
        self._cluster: Cluster | None = None
        self._topics: set[str] = set()
        """What sinks write to."""
        self._suspect = True
        """Whether an epoch that was not committed may have left rows in a partition without an end."""
        self._tried = ""
        """The token of the last epoch."""
        try:
            self._open()
        except RunError as error:
            raise InputError(error.message, detail=error.detail, hint=error.hint) from None

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        if self._lost:
            raise RunError(f"what became of the last epoch of '{self._name}' is not known yet")
        if self._suspect and not self._stood():
            self.sweep()
        self._suspect = False
        self._called(self._client.begin_transaction)
        self._begun = True

    def reaches(self, topic: str) -> None:
        """Say that a topic will be written to."""
        self._topics.add(topic)

    def send(
        self,
        topic: str,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        partition: int | None = None,
    ) -> None:
        """Write messages into the epoch. Raises `Fenced`, `RunError`."""
        assert self._producing is not None
        self._sent(lambda producing: producing.send(topic, values, keys, partition))

    def settle(self) -> None:
        """Wait until the cluster has all messages of the epoch. Raises `Fenced`, `RunError`."""
        self._sent(lambda producing: producing.settle(TIMEOUT))

    def token(self, token: str) -> None:
        """Put the token into the epoch."""
        if len(token) > 3000 or not token.isascii() or "\n" in token:
            raise ValueError("a token is at most 3,000 characters of ASCII on one line")
        self._tried = token
        self._called(lambda: self._put(token))

    def commit(self) -> Outcome:
        """Commit the epoch."""
        try:
            self.settle()
        except (
            Unanswered
        ) as error:  # what the cluster has said of the epoch before may have gone with it: `recall` tells
            self.abort()
            return self._unknown(str(error))
        except RunError as error:
            log.warning("kafka: the epoch of '%s' is aborted: %s", self._name, error)
            self.abort()
            return "aborted"
        try:
            guarded(lambda: self._client.commit_transaction(_CALL / 2), _CALL)
        except TimedOut:
            return self._unknown("no answer")
        except self._library.KafkaException as error:
            self._fence(error)
            inner = error.args[0]
            if inner.txn_requires_abort():
                self.abort()
            return self._unknown(reason(error))
        self._begun = False
        return "committed"

    def abort(self) -> None:
        """Discard the epoch."""
        if not self._begun or self._producing is None:
            return
        self._begun = False
        self._producing.discard()
        try:
            guarded(lambda: self._client.abort_transaction(_CALL / 2), _CALL)
        except (TimedOut, self._library.KafkaException):
            self._abandon()  # the cluster aborts it in time, or who opens it anew does
            self._suspect = True

    def recall(self) -> str:
        """Return the token that was last committed, having ended what was open under this name."""
        self.renew()
        return self._committed()

    def renew(self) -> None:
        """Open it anew: what was open under its name is ended, and hides no more what was committed."""
        self._abandon()
        self._begun = False
        self._open()
        self._touch([])
        self._lost, self._suspect = False, True

    def sweep(self) -> None:
        """Bring to their end, as aborted, rows of epochs that were not committed, where the cluster has forgotten that.

        Not to be asked where the last epoch was committed. (A partition of a larger cluster that had no leader when that epoch was
        committed, while others had one, cannot be told from one in which the next was aborted.)
        """
        if self._cluster is None:
            self._cluster = Cluster(self._access)
        found = self._cluster.unfinished(sorted(self._topics))
        if found:
            log.info("kafka: '%s' ends what may be open in %s", self._name, ", ".join(part.name for part in found))
        self._touch(found)

    def close(self) -> None:
        """Let it go."""
        self.abort()
        self._abandon()
        standing, self._standing = self._standing, None
        if standing is not None:
            standing.close()

    def _stood(self) -> bool:
        """Whether the last epoch was committed."""
        return bool(self._tried) and self._committed() == self._tried

    # -- what has no end -----------------------------------------------------------------------------------------

    def _put(self, token: str) -> None:
        offsets = [self._library.TopicPartition(self._mark.topic, self._mark.number, 0, token)]
        self._client.send_offsets_to_transaction(offsets, self._group().metadata(), _CALL / 2)

    def _touch(self, parts: Sequence[Part]) -> None:
        """Abort a transaction that holds partitions, and where the job stands: each hears of its end, even if what is put in is refused."""
        if self._producing is None:
            self._open()
        producing = self._producing
        assert producing is not None
        self._called(lambda: producing.touch(parts, lambda: self._put(""), _CALL / 4))

    # -- the producer --------------------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._producing is None:
            self._open()
        assert self._producing is not None
        return self._producing.client

    def _open(self) -> None:
        """Make a producer of this name, which fences off all before it."""
        milliseconds = int(self._timeout * 1000)
        self._producing = Producing(
            self._access, self._partitioner, transactional_id=self._name, transaction_timeout_ms=milliseconds,
            message_timeout_ms=milliseconds,
        )  # fmt: skip
        self._called(lambda: self._client.init_transactions(_FIRST), _FIRST + _CALL)

    def _abandon(self) -> None:
        """Leave the producer behind: a call of it may still be under way."""
        self._producing = None

    def _unknown(self, why: str) -> Outcome:
        log.warning("kafka: whether the epoch of '%s' was committed is not known: %s", self._name, why)
        self._begun = False
        self._lost = True
        self._abandon()
        return "unknown"

    def _called(self, call: Callable[[], _T], seconds: float = _CALL) -> _T:
        """Return what a call returns; raises `Fenced`, or `RunError` where it fails or does not come back."""
        try:
            return guarded(call, seconds)
        except TimedOut:
            self._abandon()
            raise Unanswered(f"no answer from {self.domain}, in the transaction '{self._name}'") from None
        except self._library.KafkaException as error:
            self._fence(error)
            inner: Any = error.args[0]
            if inner.retriable() or inner.txn_requires_abort():
                self._abandon()
            kind = Unanswered if passes(code_of(error)) or self._producing is None else RunError
            raise kind(f"the transaction '{self._name}' fails at {self.domain}", detail=reason(error)) from None

    def _sent(self, call: Callable[[Producing], None]) -> None:
        assert self._producing is not None
        try:
            call(self._producing)
        except self._library.KafkaException as error:  # any call may raise what is fatal to the client
            self._fence(error)
            raise RunError(f"the transaction '{self._name}' fails at {self.domain}", detail=reason(error)) from None
        except CaudalError:
            fatal = self._producing.fatal()
            if fatal is not None:
                self._fence(self._library.KafkaException(fatal))
            raise

    def _fence(self, error: Any) -> None:
        """Raise `Fenced` for an error that says that another has taken this one's place, or its partitions."""
        errors = self._library.KafkaError
        fenced = (
            errors._FENCED, errors.INVALID_PRODUCER_EPOCH, errors.PRODUCER_FENCED, errors.FENCED_INSTANCE_ID,
            errors.ILLEGAL_GENERATION, errors.UNKNOWN_MEMBER_ID, errors.INVALID_PRODUCER_ID_MAPPING, errors.STALE_MEMBER_EPOCH,
        )  # fmt: skip
        if code_of(error) in fenced:
            self._begun = False
            self._abandon()
            raise Fenced(f"{self._name}: {reason(error)}") from None

    # -- the token -----------------------------------------------------------------------------------------------

    def _group(self) -> Standing:
        """Return the group that the token is committed in, which has no members: nobody else commits there."""
        if self._standing is None:
            self._standing = Standing(self._access, f"caudal-{self._name}", self._mark.topic)
        return self._standing

    def _committed(self) -> str:
        until = time.monotonic() + PATIENCE
        while isinstance(found := self._group().found([self._mark]), Unstable):
            if time.monotonic() > until:
                raise Unanswered(f"what was committed in '{self._name}' cannot be read: a transaction is open on it")
        stand = found[self._mark.name]
        return "" if stand is None else stand.token

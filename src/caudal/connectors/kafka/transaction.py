"""Transactions of Kafka: rows of several topics, positions and a token, committed at once.

The token stands as metadata of offsets that are committed in the same transaction, in the group `caudal-NAME`: in the first
partition of a topic that the transaction writes to, and in those of the positions. (Workers of a group: see `group`.) So whoever opens the
transaction anew reads there what was last committed.

No call of the client is trusted to come back: each has a watch, after which the outcome is not known and the producer
is left behind. A new one under the same name fences it off, and ends what it has left open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from caudal.connectors.kafka.client import PATIENCE, Access, code_of, library, passes, reason
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.producing import Producing, TimedOut, guarded
from caudal.core.errors import CaudalError, InputError, RunError
from caudal.observe.log import log
from caudal.ports.transaction import Committed, Fenced, Outcome, Place, Unanswered

_T = TypeVar("_T")
TIMEOUT = 30.0
"""Seconds after which the cluster aborts an open transaction of a worker that is gone."""
_CALL = 20.0
"""Seconds that one call may take before its outcome is not known."""
_FIRST = 60.0
"""Seconds that opening a transaction may take: what another left open is ended first."""


class KafkaTransaction:
    """The transaction of one worker; keeps `ports.transaction.Transaction`."""

    timeout = TIMEOUT
    """Seconds after which the cluster aborts what a worker that is gone has left open."""

    def __init__(
        self,
        access: Access,
        name: str,
        mark: str,
        partitioner: str,
    ) -> None:
        """`mark`: a topic to whose first partition the token belongs.

        Opens it, so that whoever has opened it before is fenced off. Raises `InputError` where the cluster does not answer.
        """
        self.domain = access.domain
        self._access = access
        self._name = name
        self._mark = Part(mark, 0)
        self._partitioner = partitioner
        self._library = library()
        self._cluster = Cluster(access)
        self._group = f"caudal-{name}"
        self._consumer: Any = None
        self._begun = False
        self._lost = False
        """Whether an outcome is not known, so that nothing goes on before `recall`."""
        self._producing: Producing | None = None
        try:
            self._open()
        except RunError as error:
            raise InputError(error.message, detail=error.detail, hint=error.hint) from None

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        if self._lost:
            raise RunError(f"what became of the last epoch of '{self._name}' is not known yet")
        self._called(self._client.begin_transaction)
        self._begun = True

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

    def positions(self, positions: Mapping[Place, int], token: str) -> None:
        """Put the token, and the positions of sources that are topics, into the epoch; others are kept by what the token names."""
        if len(token) > 3000 or not token.isascii() or "\n" in token:
            raise ValueError("a token is at most 3,000 characters of ASCII on one line")
        by_part: dict[Part, dict[str, int]] = {self._mark: {}}
        for (operator, name), position in positions.items():
            topic, slash, number = name.rpartition("/")
            if slash and topic and number.isdigit():
                by_part.setdefault(Part(topic, int(number)), {})[operator] = position
        offsets = [
            self._library.TopicPartition(part.topic, part.number, min(held.values(), default=0), _noted(token, held))
            for part, held in by_part.items()
        ]
        metadata = self._metadata()
        self._called(lambda: self._client.send_offsets_to_transaction(offsets, metadata, _CALL / 2))

    def commit(self) -> Outcome:
        """Commit the epoch."""
        try:
            self.settle()
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
                return "aborted"
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

    def recall(self) -> Committed:
        """Return what was last committed, having ended what was open under this name."""
        self._abandon()
        self._begun = False
        self._open()
        self._lost = False
        return self._committed()

    def close(self) -> None:
        """Let it go."""
        self.abort()
        self._abandon()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    # -- the producer --------------------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._producing is None:
            self._open()
        assert self._producing is not None
        return self._producing.client

    def _open(self) -> None:
        """Make a producer of this name, which fences off all before it."""
        milliseconds = int(self.timeout * 1000)
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

    # -- offsets -------------------------------------------------------------------------------------------------

    def _metadata(self) -> Any:
        """Return the metadata of the group that offsets are committed in, which has no members."""
        if self._consumer is None:  # it never joins: nobody else commits in this group
            settings = self._access.configured(self._cluster.log, group_id=self._group, enable_auto_commit=False)
            self._consumer = self._library.Consumer(settings)
        return self._consumer.consumer_group_metadata()

    def _committed(self) -> Committed:
        request = [self._library.ConsumerGroupTopicPartitions(self._group)]
        admin = self._library.admin.AdminClient(self._access.configured(self._cluster.log))
        (future,) = admin.list_consumer_group_offsets(request, require_stable=True, request_timeout=PATIENCE).values()
        try:
            found = future.result(timeout=PATIENCE + 5).topic_partitions
        except (self._library.KafkaException, TimeoutError) as error:
            kind = Unanswered if passes(code_of(error)) or isinstance(error, TimeoutError) else RunError
            raise kind(f"what was committed in '{self._name}' cannot be read", detail=reason(error)) from None
        token, positions = "", dict[Place, int]()
        for each in found:
            noted, held = _read(each.metadata or "")
            token = noted if Part(each.topic, each.partition) == self._mark else token
            positions |= {(operator, f"{each.topic}/{each.partition}"): at for operator, at in held.items()}
        return Committed(token, positions)


def _noted(token: str, held: Mapping[str, int]) -> str:
    """Return a token and the positions of operators as metadata of an offset."""
    return "\n".join([token, *(f"{quote(operator)}={position}" for operator, position in held.items())])


def _read(metadata: str) -> tuple[str, dict[str, int]]:
    """Return what `_noted` was given."""
    token, *lines = metadata.split("\n")
    return token, {unquote(name): int(at) for name, _, at in (line.partition("=") for line in lines)}

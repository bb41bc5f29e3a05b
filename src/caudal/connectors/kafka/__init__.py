"""The connector `kafka`: topics as sources and targets, by the library confluent-kafka, an extra.

Enters: options, encoded rows. Leaves: blocks of messages with their offsets; messages, in transactions where a job wants
them. May touch: the network, files and variables that hold secrets, core, columnar, observe, ports. Must never: import the
library before it is used, show a secret, interpret a payload, lose a message in silence, make a topic nobody asked
for, wait for a cluster without end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from caudal.core.errors import OptionError, nearest
from caudal.core.types import Schema
from caudal.ports.format import Encoder, FileReader
from caudal.ports.group import Group, Membership, Shared
from caudal.ports.records import Options
from caudal.ports.remote import Receiving
from caudal.ports.source import Source

if TYPE_CHECKING:
    from caudal.connectors.kafka.columns import Columns
    from caudal.connectors.kafka.placement import Placement
    from caudal.connectors.kafka.source import Asked
    from caudal.ports.sink import Sink

_ACCESS: Options = {
    "servers": "",
    "tls": False,
    "ca": "",
    "sasl": "",
    "user": "",
    "password_file": "",
    "password_env": "",
    "secrets": {},
    "config": {},
}


class KafkaConnector:
    """Reads and writes topics; the options' meaning is in `source` and `sink`."""

    sink_format = "json"

    def __init__(self) -> None:
        self.source_options: Options = {
            "topic": "",
            "topics": [],
            "pattern": "",
            **_ACCESS,
            "start": None,
            "until": None,
            "metadata": {},
            "partitioned_by": "",
            "partitioner": "murmur2",
            "unchecked": False,
            "max_record": 1024 * 1024,
            "reader": "auto",
        }
        self.sink_options: Options = {"topic": "", **_ACCESS, "key": "", "partitioner": "murmur2", "create": 0}

    def beside(self, options: Options) -> Schema:
        """Return the columns of `metadata=`."""
        return self._columns(options).schema

    def relies_on(self, options: Options) -> frozenset[str]:
        """Return the column of `partitioned_by=`, where records are checked against it."""
        name = options["partitioned_by"]
        return frozenset([name] if name and not options["unchecked"] else [])

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open topics for reading. Each message is one record; partitions are called "topic/number".

        `topic`, or `topics` (a list), or `pattern` (a regular expression for whole names; topics that come later too).
        `servers`: "host:port,...". `start`: "earliest" (the default), "latest", a time ("2026-11-01T00:00:00Z": by the records'
        stamps) or offsets ({0: 1500}, {"topic/0": 1500}; other partitions from their first). `until`: the same forms, where to end; the
        source is then bounded ("latest": the ends that partitions have when the job starts), else it is live.
        `metadata`: columns beside the payload's, such as {"sender": "key", "at": "timestamp"}: key (text), timestamp (the record's
        stamp), topic, partition, offset, headers (a list of name and value), "header:NAME" (the last of that name, text).
        `partitioned_by`: the column whose text is the messages' key, under the `partitioner` ("murmur2", as the Java clients', or
        "crc32"): a record in another partition ends the job, one where it is null is a dead letter; `unchecked=True` takes that on trust.
        `max_record`: bytes of the longest message. `reader`: "blocks", "objects" (slower, without what lies below the client),
        "auto".
        Access: `tls`, `ca` (a file), `sasl` ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"), `user`, `password_file` or
        `password_env`, `secrets` (settings of librdkafka by name, "file:PATH" or "env:NAME"), `config` (all other settings of librdkafka).

        A message without a payload (a tombstone), or an empty one, is a dead letter "empty". Only what is
        committed is read. An offset that is gone ends the job.

        Raises `OptionError` for values that cannot be, `InputError`, within 30 s, for brokers that do not answer, a
        wrong password, a missing topic or right.
        """
        from caudal.connectors.kafka.client import access
        from caudal.connectors.kafka.source import KafkaSource

        asked, placement = _asked(options, file_reader), _placement(options, schema)
        return KafkaSource(access(options), asked, self._columns(options), placement)

    def receiving(self, options: Options, schema: Schema, counts: Mapping[str, int]) -> Receiving:
        """Return what makes blocks of messages that an engine has read by its own connector."""
        from caudal.connectors.kafka.remote import KafkaReceiving

        placement = _placement(options, schema)
        if placement is not None:
            placement.counts(counts)
        return KafkaReceiving(self._columns(options), placement, options["max_record"])

    def shared(self, options: Options) -> bool:
        """Whether a group of workers can share what these options name: topics by name that are read without end."""
        return options["until"] is None and not options["pattern"]

    def between(self, options: Options, topic: str) -> Source:
        """Return a source of a repartition topic of a group."""
        from caudal.connectors.kafka.client import access
        from caudal.connectors.kafka.columns import Columns
        from caudal.connectors.kafka.places import Place
        from caudal.connectors.kafka.repartition import LONGEST
        from caudal.connectors.kafka.source import Asked, KafkaSource

        asked = Asked((topic,), "", Place("earliest"), None, LONGEST, options["reader"])
        return KafkaSource(access(options), asked, Columns({}), None)

    def apart(self, several: Sequence[Options]) -> str:
        """Return why one group cannot share all that these options name: one member reads one cluster, and each topic once."""
        first, *others = several
        for options in others:
            for name in (*_ACCESS, "reader"):
                if options[name] != first[name]:
                    return f"its sources differ in {name}=, and a worker reads all of them by one connection"
        topics = [topic for options in several for topic in _topics(options)]
        twice = next((topic for topic in topics if topics.count(topic) > 1), "")
        return f"two of its sources read the topic {twice}" if twice else ""

    def join(self, sources: Mapping[str, Shared], membership: Membership) -> Group:
        """Join a group that shares topics; options and errors are those of `source`."""
        from caudal.connectors.kafka.client import access
        from caudal.connectors.kafka.group import KafkaGroup, Topics

        first = next(iter(sources.values()))
        asked = {
            name: Topics(_asked(each.options, None), self._columns(each.options), _placement(each.options, each.schema))
            for name, each in sources.items()
        }
        return KafkaGroup(access(first.options), asked, membership)

    def beside_target(self, options: Options, role: str) -> Options:
        """Return the options of a target for late rows or dead letters beside one with these options: a topic of its own."""
        kept = {name: value for name, value in options.items() if name not in ("topic", "key", "create", "partitioner")}
        return {**kept, "topic": f"{options['topic']}.{role}", "create": 1}

    def targets(self, options: Options, suffix: str, *, live: bool) -> list[str]:
        """Return the topic that a sink with these options writes to, at each of its servers."""
        return [f"kafka://{server.strip()}/{options['topic']}" for server in options["servers"].split(",")]

    def sink(
        self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool, staged: bool = False
    ) -> Sink:
        """Open a topic for writing: one message a row, by `format` ("json" by default).

        `key`: a column, whose text is the message's key (null: none), by which `partitioner` ("murmur2", as the Java clients', or
        "crc32") chooses the partition; without it any. `create`: how many partitions the topic gets if it is missing; 0: that is
        an error. Access as for a source.

        With `staged`, rows appear with the worker's transaction, each once to who reads what is committed; else once they are
        delivered to all replicas in sync, at least once. A row that is refused ends the job.

        Raises `OptionError`, and `InputError` as a source does.
        """
        from caudal.connectors.kafka.client import access
        from caudal.connectors.kafka.placement import check_partitioner
        from caudal.connectors.kafka.sink import KafkaSink, Rows, TransactionalKafkaSink, check_target

        if not options["topic"]:
            raise OptionError("kafka needs a topic to write to", hint='.to("kafka", topic="alerts", servers=...)')
        if encoder is None:
            raise OptionError("kafka needs a format to write", hint='format="json"')
        if options["create"] < 0:
            raise OptionError(f"option 'create' of kafka must not be negative, not {options['create']}")
        check_partitioner(options["partitioner"])
        reached = access(options)
        rows = Rows(encoder, schema, options["key"])
        check_target(reached, options["topic"], options["create"])
        kind = TransactionalKafkaSink if staged else KafkaSink
        return kind(reached, options["topic"], rows, options["partitioner"])

    def _columns(self, options: Options) -> Columns:
        from caudal.connectors.kafka.columns import Columns

        return Columns(options["metadata"])


def _asked(options: Options, file_reader: FileReader | None) -> Asked:
    """Return what a source is asked to read; raises `OptionError`."""
    from caudal.connectors.kafka.consuming import READERS
    from caudal.connectors.kafka.places import place
    from caudal.connectors.kafka.source import Asked, pattern_of

    if file_reader is not None:
        raise OptionError("this format is of whole files, not of messages", hint="json, csv, combined")
    topics = _topics(options)
    _one_of(options, "reader", READERS)
    if options["max_record"] < 1:
        raise OptionError(f"option 'max_record' of kafka must be at least 1, not {options['max_record']}")
    start = place("start", "earliest" if options["start"] is None else options["start"])
    until = None if options["until"] is None else place("until", options["until"])
    pattern = pattern_of(options["pattern"]) if options["pattern"] else ""
    return Asked(topics, pattern, start, until, options["max_record"], options["reader"])


def _placement(options: Options, schema: Schema) -> Placement | None:
    """Return what records are held to, None for nothing; raises `OptionError` also for what is taken on trust."""
    from caudal.connectors.kafka.placement import Placement

    if not options["partitioned_by"]:
        return None
    placement = Placement(options["partitioned_by"], options["partitioner"], schema)
    return None if options["unchecked"] else placement


def _topics(options: Options) -> tuple[str, ...]:
    given = [name for name in ("topic", "topics", "pattern") if options[name]]
    if len(given) != 1:
        which = f"not {' and '.join(given)} together" if given else "and has none"
        raise OptionError(f"kafka needs one of topic=, topics= and pattern=, {which}", hint='topic="access-logs"')
    topics = tuple(options["topics"]) or ((options["topic"],) if options["topic"] else ())
    bad = [topic for topic in topics if not isinstance(topic, str) or not topic]
    if bad or len(set(topics)) < len(topics):
        raise OptionError(f"option 'topics' of kafka cannot be {list(topics)!r}", hint="names of topics, each once")
    return topics


def _one_of(options: Options, name: str, known: tuple[str, ...]) -> None:
    if options[name] not in known:
        hint = nearest(str(options[name]), known)
        raise OptionError(f"option '{name}' of kafka cannot be '{options[name]}'", hint=hint)


CONNECTOR = KafkaConnector()

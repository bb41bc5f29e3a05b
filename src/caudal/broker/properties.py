"""The broker's server properties: one node that is broker and controller, for a laptop and for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from caudal.core.errors import OptionError

HOST = "127.0.0.1"

SETTINGS: dict[str, str] = {
    # one node holds everything
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # each partition is a directory with open files; 50 of the offsets alone by default
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # a mistyped topic is an error, not a new topic
    "auto.create.topics.enable": "false",
    # groups: the first member waits for nobody; one that died is noticed after seconds
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "500",
    # transactions whose time is over are looked for each second, not each ten: they hold up readers of what is committed
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # after a kill the node waits for the session of its former life to end before it is let in again
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
"""What is set for all, however the broker is started (the compose file too); anybody may set it otherwise."""

PINNED = (
    *("process.roles", "node.id", "listeners", "advertised.listeners", "listener.security.protocol.map"),
    *("inter.broker.listener.name", "controller.listener.names", "controller.quorum.bootstrap.servers"),
    *("controller.quorum.voters", "log.dir", "log.dirs", "metadata.log.dir"),
)
"""What nobody may set otherwise: by these the broker is found, kept on loopback, and holds its data in one place."""

LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c{1})%n%throwable
"""
"""log4j's configuration: warnings and errors, to where standard output goes."""


def check(settings: Mapping[str, str]) -> None:
    """Raise `OptionError` for a server property that may not be set, or is no property."""
    for name, value in settings.items():
        if name in PINNED:
            hint = "the port is that of --port, the directory that of --data" if "list" in name or "dir" in name else ""
            raise OptionError(f"the server property '{name}' is caudal's own", hint=hint)
        if not name or any(c.isspace() or c in "=:#!\\" for c in name) or "\n" in value:
            raise OptionError(f"{name}={value!r} is no server property", hint="--set takes KEY=VALUE, in one line")


def text(port: int, controller: int, logs: Path, settings: Mapping[str, str], behind: Sequence[int] = ()) -> str:
    """Return the file of properties. `port`, `controller`: of the two listeners; `logs`: where topics are kept; `behind`: see `Broker`."""
    clients = f"PLAINTEXT://{HOST}:{port}"
    listening, told = clients, clients
    if behind:
        listening, told = (f"{clients},PROXIED://{HOST}:{number}" for number in behind)
    own = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"{listening},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": told,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
        "log.dirs": str(logs),
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in {**SETTINGS, **settings, **own}.items())


def _escaped(value: str) -> str:
    r"""Return a value as a properties file takes it: ASCII, a backslash doubled, `\uXXXX` for anything else."""
    units = value.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join("\\\\" if code == 92 else chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)

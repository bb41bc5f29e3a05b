"""The client library, which is an extra: how it is found, how it is configured, and what its errors say to people."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caudal.core import extras, secrets
from caudal.core.errors import InputError, OptionError
from caudal.core.shown import shown

PATIENCE = 15.0
"""Seconds that a cluster has to answer before a job starts."""

_SECRET = ("password", "secret", "passphrase", "key.pem", "private.key", "jaas.config", "token")
"""What names of the client's settings hold whose values are secrets."""
_HARMLESS = frozenset({"sasl.oauthbearer.token.endpoint.url", "enable.sasl.oauthbearer.unsecure.jwt"})
_OURS = {
    "bootstrap.servers": "servers=",
    "group.id": "the job itself",
    "enable.auto.commit": "the job itself: positions are kept with its state",
    "enable.auto.offset.store": "the job itself: positions are kept with its state",
    "auto.offset.reset": "start=; an offset that is gone ends the job, so that no row is lost in silence",
    "isolation.level": "the job itself: only what is committed is read",
    "enable.partition.eof": "the job itself",
    "enable.idempotence": "the job itself: no row is written twice by a retry",
    "acks": "the job itself: all replicas in sync have a row before it counts",
    "transactional.id": "the job itself",
    "partitioner": "partitioner=",
    "partition.assignment.strategy": "the job itself: topics of one source go together",
    "group.remote.assignor": "the job itself: topics of one source go together",
    "group.instance.id": "--worker",
    "sasl.mechanism": "sasl=",
    "sasl.mechanisms": "sasl=",
    "security.protocol": "sasl= and tls=",
    "sasl.username": "user=",
}
_TOKENS = "sasl.oauthbearer.token.endpoint.url"
"""Where tokens are issued, by librdkafka's name."""
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")


def library() -> Any:
    """Return the module `confluent_kafka`; raises `OptionError` where it is not installed."""
    return extras.library(
        "the connector 'kafka'", "confluent-kafka", "kafka", "confluent_kafka", "confluent_kafka.admin"
    )


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """How a cluster is reached. Its secrets are in `settings` alone, which nothing shows."""

    servers: str
    settings: Mapping[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"Access({self.servers})"

    @property
    def domain(self) -> str:
        """The system, with its address."""
        return f"kafka://{self.servers}"

    def configured(self, log: Log, **more: Any) -> dict[str, Any]:
        """Return the settings of one client: these, and `more` with dots for underscores."""
        own = {name.replace("_", "."): value for name, value in more.items()}
        given = dict(self.settings)
        return {"log_level": 0, **own, **given, "error_cb": log.error, "logger": _quiet()}

    def without(self, *names: str) -> Access:
        """Return the same but for these settings."""
        return Access(self.servers, {name: value for name, value in self.settings.items() if name not in names})


def access(options: Mapping[str, Any]) -> Access:
    """Return how options say that the cluster is reached.

    Raises `OptionError` for what they cannot be, before anything is connected to; no message holds a secret.
    """
    servers = _servers(options["servers"])
    config = _config(options["config"])
    settings: dict[str, Any] = {"bootstrap.servers": servers}
    mechanism = options["sasl"]
    if mechanism:
        if mechanism.upper() not in _MECHANISMS:
            raise OptionError(
                f"option 'sasl' of kafka cannot be '{mechanism}'", hint=f"one of {', '.join(_MECHANISMS)}"
            )
        settings["sasl.mechanisms"] = mechanism.upper()
    elif options["user"] or options["password_file"] or options["password_env"]:
        raise OptionError("option 'sasl' of kafka is missing", hint='user= and a password go with sasl="SCRAM-SHA-512"')
    settings["security.protocol"] = ("sasl_" if mechanism else "") + ("ssl" if options["tls"] else "plaintext")
    if options["ca"]:
        if not options["tls"]:
            raise OptionError("option 'ca' of kafka goes with tls=True")
        if not os.path.exists(options["ca"]):
            raise InputError(
                "there is no such file", location=options["ca"], hint="ca= names the authority's certificate"
            )
        settings["ssl.ca.location"] = options["ca"]
    bearer = mechanism.upper() == "OAUTHBEARER"
    if options["user"]:
        settings["sasl.oauthbearer.client.id" if bearer else "sasl.username"] = options["user"]
    if bearer and _TOKENS in config:
        settings["sasl.oauthbearer.method"] = "oidc"
    settings |= config
    settings |= _secrets(options, mechanism.upper())
    if mechanism.upper() in _MECHANISMS[:3]:
        for name, by in (("sasl.username", "user="), ("sasl.password", "password_file= or password_env=")):
            if not settings.get(name):
                raise OptionError(f"sasl='{mechanism}' of kafka needs {by}")
    return Access(servers, settings)


def _servers(given: Any) -> str:
    hint = 'servers="broker1:9092,broker2:9092"'
    if not given:
        raise OptionError("kafka needs the addresses of brokers", hint=hint)
    parts = [part.strip() for part in given.split(",")]
    for part in parts:
        host, colon, port = part.rpartition(":")
        if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536 or "@" in part or "/" in part:
            raise OptionError(f"option 'servers' of kafka holds '{shown(part)}', which is no address", hint=hint)
    return ",".join(parts)


def is_secret(name: str) -> bool:
    """Whether the value of a setting is one that must stand nowhere."""
    return name not in _HARMLESS and any(part in name for part in _SECRET) and not name.endswith((".location", ".url"))


def _config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the client's that were passed by name."""
    settings: dict[str, Any] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, bool | int | float | str):
            raise OptionError(f"option 'config' of kafka has a value for {name!r} that is neither text nor number")
        if is_secret(name):
            hint = f'put it into a file: secrets={{"{name}": "file:/run/secrets/name"}}, or "env:NAME"'
            raise OptionError(f"option 'config' of kafka must not hold the secret '{name}'", hint=hint)
        if name in _OURS:
            raise OptionError(f"'{name}' is not set by config=", hint=f"it is set by {_OURS[name]}")
        settings[name] = value
    return settings


def _secrets(options: Mapping[str, Any], mechanism: str) -> dict[str, str]:
    """Return the values of secrets, read from where options say that they are."""
    places: dict[str, str] = {}
    for name, place in options["secrets"].items():
        if not isinstance(place, str) or not place.startswith(("file:", "env:")):
            hint = f'secrets={{"{name}": "file:/run/secrets/name"}}, or "env:NAME"'
            raise OptionError(f"option 'secrets' of kafka does not say where '{name}' is", hint=hint)
        places[name] = place
    given = [f"{kind}:{options[f'password_{kind}']}" for kind in ("file", "env") if options[f"password_{kind}"]]
    if len(given) > 1:
        raise OptionError("password_file= and password_env= of kafka exclude each other")
    if given:
        places["sasl.oauthbearer.client.secret" if mechanism == "OAUTHBEARER" else "sasl.password"] = given[0]
    return {name: _secret(name, place) for name, place in places.items()}


def _secret(name: str, place: str) -> str:
    kind, _, where = place.partition(":")
    read = secrets.of_variable if kind == "env" else secrets.of_file
    return read(where, f"'{name}' of kafka")


def _quiet() -> Any:
    import logging

    logger = logging.getLogger("caudal.kafka.client")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger


class Log:
    """What clients say of brokers that cannot be reached; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[float, str] = (0.0, "")
        self.refused = ""
        """Why the brokers let nobody in, "" while they did not say so."""

    def error(self, error: Any) -> None:
        """Take an error in; called by the client."""
        kafka = library().KafkaError
        with self._lock:
            text = shown(error.str())
            if error.code() in (kafka._AUTHENTICATION, kafka.SASL_AUTHENTICATION_FAILED, kafka._SSL):
                self.refused = text
            if error.code() != kafka._ALL_BROKERS_DOWN or not self._last[1]:
                self._last = (time.monotonic(), text)

    @property
    def last(self) -> str:
        """The last error, "" for none."""
        with self._lock:
            return self._last[1]

    def lately(self, seconds: float) -> str:
        """Return the last error where it is not older than that, else ""."""
        with self._lock:
            when, text = self._last
            return text if text and time.monotonic() - when < seconds else ""


def made(kind: Any, settings: dict[str, Any]) -> Any:
    """Return a client with these settings; raises `OptionError` for one that it does not have, or another value."""
    library_ = library()
    try:
        return kind(settings)
    except library_.KafkaException as error:
        raise OptionError("kafka cannot be configured so", detail=shown(_reason(error)), hint=_config_hint()) from None
    except (TypeError, ValueError) as error:
        raise OptionError("kafka cannot be configured so", detail=shown(str(error)), hint=_config_hint()) from None


def _config_hint() -> str:
    return "config= takes the settings of librdkafka, by their names"


def _reason(error: Any) -> str:
    inner = error.args[0] if error.args else error
    return inner.str() if hasattr(inner, "str") else str(inner)


def reason(error: BaseException) -> str:
    """Return what an exception of the client says, on one line."""
    return shown(_reason(error))


def passes(code: int) -> bool:
    """Whether an error is one of a cluster that does not answer for now."""
    errors = library().KafkaError
    return code in (
        errors._TRANSPORT, errors._ALL_BROKERS_DOWN, errors._TIMED_OUT, errors._MSG_TIMED_OUT, errors._RESOLVE,
        errors.COORDINATOR_NOT_AVAILABLE, errors.NOT_COORDINATOR, errors.COORDINATOR_LOAD_IN_PROGRESS,
        errors.LEADER_NOT_AVAILABLE, errors.NOT_LEADER_FOR_PARTITION, errors.REQUEST_TIMED_OUT,
        errors.CONCURRENT_TRANSACTIONS, errors.FENCED_LEADER_EPOCH, errors.UNKNOWN_LEADER_EPOCH,
    )  # fmt: skip


def outdated(code: int) -> bool:
    """Whether an error says that what a client knows of leaders is out of date; a new client asks anew."""
    errors = library().KafkaError
    return code in (errors.FENCED_LEADER_EPOCH, errors.UNKNOWN_LEADER_EPOCH)


def code_of(error: BaseException) -> int:
    """Return the code of an exception of the client, 0 where it has none."""
    inner: Any = error.args[0] if error.args else None
    return inner.code() if hasattr(inner, "code") else 0

"""A Schema Registry: schemas by their numbers, asked for once.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html. No redirect is followed and no proxy asked, so that the
password goes to the address that was given, and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.shown import shown
from caudal.formats.avro.kinds import MAX_SCHEMA, SchemaRefused, Written, parse

TIMEOUT = 5.0
"""Seconds that the registry has to answer a request."""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts, when it does not."""

REMEMBERED = 10.0
"""Seconds for which a number that the registry does not know is not asked for again."""

_MAX_REFERENCES, _MAX_UNKNOWN = 200, 10_000
_HINT = 'registry="http://host:8081"'


class Away(Exception):
    """The registry does not answer, or not with what was asked for."""


class Registry:
    """One Schema Registry; thread-safe. Its password is read when it is first asked, and stands in nothing that is shown."""

    def __init__(self, options: Mapping[str, Any], wait: Callable[[float], None] = time.sleep) -> None:
        """Raises `OptionError` for options that name no registry."""
        self.address = _address(options["registry"])
        self._options = options
        self._wait = wait
        self._lock = threading.Lock()
        self._known: dict[int, Written | SchemaRefused] = {}
        self._unknown: dict[int, float] = {}
        self._headers: dict[str, str] | None = None
        user, file, env = (options[f"registry_{name}"] for name in ("user", "password_file", "password_env"))
        if file and env:
            raise OptionError("registry_password_file= and registry_password_env= of avro exclude each other")
        if bool(user) != bool(file or env):
            raise OptionError("registry_user= of avro goes with registry_password_file= or registry_password_env=")
        if options["registry_ca"] and not self.address.startswith("https:"):
            raise OptionError("option 'registry_ca' of avro goes with an https:// address")

    def check(self) -> None:
        """Ask the registry for anything; raises `InputError` where it does not answer within `TIMEOUT`, or lets nobody in."""
        hint = "is it running, and is registry= its address?"
        try:
            status, _ = self._get("/schemas/types")
        except Away as error:
            detail = str(error)
            raise InputError(
                "the schema registry does not answer", location=self.address, detail=detail, hint=hint
            ) from None
        if status in (401, 403):
            hint = "registry_user= and registry_password_file=, or registry_password_env="
            raise InputError(f"the schema registry lets nobody in ({status})", location=self.address, hint=hint)

    def schema(self, number: int) -> Written:
        """Return the schema with a number; raises `SchemaRefused` where there is none or it is not read, `RunError` without an answer."""
        with self._lock:
            found = self._known.get(number)
            if found is None:
                asked = self._unknown.get(number)
                if asked is not None and time.monotonic() - asked < REMEMBERED:
                    raise SchemaRefused(f"the registry has no schema {number}")
                found = self._fetched(number)
            if isinstance(found, SchemaRefused):
                raise found
            return found

    def _fetched(self, number: int) -> Written | SchemaRefused:
        answer = self._asked(f"/schemas/ids/{number}")
        if answer is None:
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown[number] = time.monotonic()
            return SchemaRefused(f"the registry has no schema {number}")
        try:
            before: dict[tuple[str, int], str] = {}
            self._references(answer, before)
            made: Written | SchemaRefused = parse(str(answer.get("schema")), before.values())
        except SchemaRefused as error:
            made = SchemaRefused(f"schema {number} is not read: {error}")
        self._known[number] = made
        return made

    def _references(self, answer: Mapping[str, Any], into: dict[tuple[str, int], str], depth: int = 0) -> None:
        """Collect the schemas that one refers to, those that they refer to before them."""
        if answer.get("schemaType", "AVRO") != "AVRO":
            raise SchemaRefused(f"it is of {answer['schemaType']}, not of Avro")
        references: Any = answer.get("references") or []
        for each in references:
            place = (str(each["subject"]), int(each["version"]))
            if place in into:
                continue
            if depth > 16 or len(into) >= _MAX_REFERENCES:
                raise SchemaRefused("it refers to too many others")
            found = self._asked(f"/subjects/{quote(place[0], safe='')}/versions/{place[1]}")
            if found is None:
                raise SchemaRefused(f"it refers to version {place[1]} of '{place[0]}', which is not there")
            self._references(found, into, depth + 1)
            into[place] = str(found.get("schema"))

    def _asked(self, path: str) -> Mapping[str, Any] | None:
        """Return an answer, None for 404; asks again while there is none, then raises `RunError`."""
        why = ""
        for pause in (*PAUSES, None):
            try:
                status, body = self._get(path)
                if status == 404:
                    return None
                if status != 200:
                    raise Away(f"it answers {status}")
                answer = json.loads(body)
                if isinstance(answer, dict):
                    return answer
                raise Away("its answer is not as expected")
            except (Away, ValueError, RecursionError) as error:
                why = str(error)
            if pause is not None:
                self._wait(pause)
        raise RunError("the schema registry does not answer", location=self.address, detail=f"{path}: {shown(why)}")

    def _get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of an answer; raises `Away`, and `InputError` for a password that cannot be read."""
        if self._headers is None:
            self._headers = {"Accept": "application/json", **_credentials(self._options)}
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        made: http.client.HTTPConnection
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=self._options["registry_ca"] or None)
                made = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT, context=context)
            else:
                made = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
            try:
                made.request("GET", parts.path.rstrip("/") + path, headers=self._headers)
                answer = made.getresponse()
                body = answer.read(MAX_SCHEMA + 1)
            finally:
                made.close()
        except (OSError, http.client.HTTPException) as error:
            raise Away(shown(str(error) or type(error).__name__)) from None
        if len(body) > MAX_SCHEMA:
            raise Away(f"its answer is of more than {MAX_SCHEMA:,} bytes")
        return answer.status, body


def _address(given: str) -> str:
    try:
        parts = urlsplit(given)
        parts.port  # noqa: B018  # raises for one that is no number
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        parts, good = None, False
    if parts is not None and "@" in parts.netloc:
        raise OptionError(
            "option 'registry' of avro must not hold a password", hint="registry_user=, registry_password_file="
        )
    if not good or not given.isascii() or not given.isprintable() or " " in given:
        raise OptionError(f"option 'registry' of avro is '{shown(given)}', which is no address", hint=_HINT)
    return given.rstrip("/")


def _credentials(options: Mapping[str, Any]) -> dict[str, str]:
    if not options["registry_user"]:
        return {}
    file, env = options["registry_password_file"], options["registry_password_env"]
    if env:
        password = os.environ.get(env)
        if password is None:
            raise InputError(f"the environment has no {env}", hint="it is to hold the password of the schema registry")
    else:
        try:
            password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InputError(f"cannot read the password of the schema registry: {why}", location=file) from None
    pair = f"{options['registry_user']}:{password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

r"""What a line of JSON holds, in plain Python, with a reason for each refusal; it stands alone.

Grammar: RFC 8259 by the standard library's parser, with the limits that all readers share. Leniently (the default),
structure is found in the raw bytes first: a text ends at the first quote that no backslash takes along. What is no
JSON inside it stays readable text and is never decoded: bytes that are no UTF-8 become `\xnn`, half of a surrogate
pair and unknown escapes stay as written, control characters are taken as they are. `NaN` and infinities are read as
null. `json_record` reads a line so, or strictly.
"""

from __future__ import annotations

import json
import re
from typing import Any

from caudal.core.scalars import Refused

JSON_DEPTH = 128
"""How deep arrays and objects may be nested."""

_JSON_HEAD = re.compile(rb"(?:[ \t\r\0]|\xef\xbb\xbf)*+")
_JSON_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)("?)([ \t\r]*+:)?', re.DOTALL)
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
_JSON_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_JSON_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
# good escapes, whole; else one character that cannot stay: a backslash, a control character, a byte that is no UTF-8
_JSON_PIECE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    r'|\\["\\/bfnrt]|[\\\x00-\x1f\udc80-\udcff]'
)
_JSON_ODD = ("\udffe", "\udfff")
"""What the name of a field begins with once it was mended, by what it was: bytes or halves, else escapes or control
characters. No good name holds either."""
_JSON_NAMES = {bool: "a bool", float: "a number", str: "a string", list: "an array", dict: "an object"}
_json_quote: Any = json.encoder.encode_basestring


class JsonObject(dict[str, Any]):
    """An object with its pairs as they stand in the text: a name may stand there twice."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


class JsonReal(float):
    """A number with a fraction or an exponent, and how it was written."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Any:  # its own name is not there yet in a script, where annotations are evaluated
        made = super().__new__(cls, text)
        made.text = text
        return made


class JsonMinusZero(int):
    """The integer 0, written as -0."""


class JsonHuge:
    """An integer of more digits than Python converts: valid, and out of every type's range."""

    def __init__(self, text: str) -> None:
        self.text = text


class JsonConstant:
    """`NaN`, `Infinity` or `-Infinity`: no JSON, and read as null where a number may be."""

    def __init__(self, text: str) -> None:
        self.text = text


class JsonTwice(ValueError):
    """An object names a field twice: what must be looked at closely."""


def _json_integer(text: str) -> Any:
    return JsonMinusZero() if text == "-0" else int(text) if len(text) < 4000 else JsonHuge(text)


def _json_no_constant(text: str) -> Any:
    raise Refused("syntax", f"not valid JSON: {text} is no JSON number")


def _json_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise JsonTwice
    return made


def _json_once_exact(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) != len(pairs):
        raise JsonTwice
    return made


def json_decoder(*, exact: bool, escape: bool, twice: bool = False) -> Any:
    """Return a parser of JSON text.

    `exact`: objects are `JsonObject`, and numbers know how they were written. `escape`: NaN and infinities are
    `JsonConstant`; else they raise `Refused`. `twice`: an object may name a field twice; else it raises `JsonTwice`.
    """
    constant = JsonConstant if escape else _json_no_constant
    if not exact:
        return json.JSONDecoder(parse_constant=constant, object_pairs_hook=_json_once)
    return json.JSONDecoder(
        parse_int=_json_integer,
        parse_float=JsonReal,
        parse_constant=constant,
        object_pairs_hook=JsonObject if twice else _json_once_exact,
    )


_JSON_EXACT = {escape: json_decoder(exact=True, escape=escape, twice=True) for escape in (True, False)}
_JSON_FAST = {escape: json_decoder(exact=False, escape=escape) for escape in (True, False)}


def json_value(text: str) -> Any:
    """Return the value of JSON text whose grammar is known to be good."""
    return _JSON_EXACT[True].decode(text)


def json_head(line: bytes) -> int:
    """Return where a line's record begins: behind blanks, NUL bytes and byte order marks, in any order."""
    found = _JSON_HEAD.match(line)
    return found.end() if found else 0


def json_halves(line: bytes) -> bool:
    """Whether a line may hold half of a surrogate pair."""
    return _JSON_SURROGATE.search(line) is not None


def json_record(line: bytes, *, escape: bool = True, exact: bool = True) -> dict[str, Any]:
    """Return the object that a line (without its newline) holds; `escape`: leniently.

    It is parsed exactly, so a `JsonObject`, unless that is not asked for and the line has nothing that must be looked at.

    Raises `Refused` with the reason "utf8" (strictly, also for half of a surrogate pair), "depth", "syntax" or
    "not_object".
    """
    at = json_head(line)
    if at:
        line = b" " * at + line[at:]
    if line.count(b"{") + line.count(b"[") > JSON_DEPTH:
        _json_check_depth(line)
    if not exact and not json_halves(line):
        try:
            record = _JSON_FAST[escape].decode(line.decode())
            if isinstance(record, dict):
                return record
        except (Refused, ValueError, RecursionError):
            pass  # the exact way tells what is wrong
    try:
        record = _json_parsed(line, escape=escape)
        halves = json_halves(line)
    except Refused:
        if not escape:
            raise
        record, halves = None, True
    if halves and escape:
        record = _json_parsed(_JSON_STRING.sub(_json_mended, line), escape=True)
    elif halves:
        _json_check_halves(line)
    if not isinstance(record, JsonObject):
        raise Refused("not_object", f"a record is a JSON object, not {json_name(record)}")
    return record


def _json_parsed(line: bytes, *, escape: bool) -> Any:
    try:
        return _JSON_EXACT[escape].decode(line.decode())
    except UnicodeDecodeError as error:
        raise Refused("utf8", f"not valid UTF-8 at byte {error.start + 1}", error.reason) from None
    except json.JSONDecodeError as error:
        raise Refused("syntax", f"not valid JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Refused("depth", f"nested more than {JSON_DEPTH} deep") from None


def _json_mended(found: re.Match[bytes]) -> bytes:
    """Return a text, as it is found in a line, in valid JSON; the name of a field that was none is marked."""
    raw, end, colon = found.groups()
    if not end:
        return found[0]
    text = raw.decode(errors="surrogateescape")
    mended = _JSON_PIECE.sub(_json_piece, text).encode()
    if colon and mended != raw:
        bytes_or_halves = json_halves(raw) or (not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text))
        mended = (b"\\udffe" if bytes_or_halves else b"\\udfff") + mended
    return b'"' + mended + b'"' + (colon or b"")


def _json_piece(found: re.Match[str]) -> str:
    piece = found[0]
    if len(piece) > 1:
        return piece
    if piece == "\\":
        return "\\\\"
    code = ord(piece)
    return f"\\\\x{code - 0xDC00:02x}" if code >= 0xDC80 else f"\\u{code:04x}"


def _json_check_depth(line: bytes) -> None:
    """Raise `Refused` for a line that is nested too deep."""
    depth = 0
    for token in _JSON_TOKEN.finditer(line):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth > JSON_DEPTH:
                raise Refused("depth", f"nested more than {JSON_DEPTH} deep at byte {token.start() + 1}")
        elif token[0] in (b"}", b"]"):
            depth -= 1


def _json_check_halves(line: bytes) -> None:
    """Raise for half of a pair in a line of valid JSON, whose backslashes all belong to escapes."""
    first = None  # of a pair that is still open
    for escape in _JSON_ESCAPE.finditer(line):
        code = int(escape[1], 16) if escape[1] else 0
        second = 0xDC00 <= code <= 0xDFFF
        if second != (first is not None and first.end() == escape.start()) or (first is not None and not second):
            raise Refused("utf8", f"half of a surrogate pair at byte {(first or escape).start() + 1}")
        first = escape if 0xD800 <= code <= 0xDBFF else None
    if first is not None:
        raise Refused("utf8", f"half of a surrogate pair at byte {first.start() + 1}")


def json_check_names(record: dict[str, Any], declared: dict[str, Any], where: str = "") -> None:
    """Check the names in the objects that a schema looks into, which messages put behind `where`; raises `Refused`.

    `declared`: the names of fields, each with those inside it. "utf8", "syntax": a name that was no valid JSON, for
    names are read strictly. "duplicate_key": a declared one that stands there twice with different values.
    """
    if not isinstance(record, JsonObject):
        return  # no name stands there twice, and none was mended
    seen: dict[str, str] = {}
    for name in record:
        if name.startswith(_JSON_ODD):
            reason, what = ("utf8", "UTF-8") if name[0] == _JSON_ODD[0] else ("syntax", "JSON")
            raise Refused(reason, f"the name of a field is not valid {what}: {name[1:]!r:.100}")
    for name, value in record.pairs:
        if name not in declared:
            continue
        text = json_compact(value) if len(record) != len(record.pairs) else ""
        if name not in seen:
            seen[name] = text
            if isinstance(value, JsonObject) and declared[name]:
                json_check_names(value, declared[name], f"{where}{name}.")
        elif text != seen[name]:
            raise json_twice(where + name)


def json_twice(name: str) -> Refused:
    """Return the refusal of a record that names a field twice with different values."""
    return Refused("duplicate_key", f"field '{name}' is named twice, with different values", f"field {name}")


def json_compact(value: Any) -> str:
    """Return a value that was parsed exactly as JSON text: no blanks, numbers as written, each text written one way."""
    if isinstance(value, str):
        return _json_quote(value)
    if value is None or isinstance(value, JsonConstant):
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, JsonReal | JsonHuge):
        return value.text
    if isinstance(value, JsonObject):
        return "{" + ",".join(f"{_json_label(name)}:{json_compact(inner)}" for name, inner in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_compact, value)) + "]"
    return "-0" if isinstance(value, JsonMinusZero) else str(value)


def _json_label(name: str) -> str:
    return _json_quote(name[1:] if name.startswith(_JSON_ODD) else name)


def json_name(value: Any) -> str:
    """Return what kind of value this is, for people."""
    if value is None:
        return "null"
    if isinstance(value, JsonConstant):
        return value.text
    return next((name for kind, name in _JSON_NAMES.items() if isinstance(value, kind)), "an integer")


def json_whole(head: bytes) -> tuple[str, str]:
    """Return what is wrong with a file that begins so and is JSON but not one object a line, and what helps; "" for nothing."""
    start = head[json_head(head) :].lstrip(b" \t\r\n\0")
    first, _, rest = start.partition(b"\n")
    rest = rest.lstrip(b" \t\r\n\0")
    if start.startswith(b"["):
        if start[1:].lstrip(b" \t\r\n")[:1] not in (b"{", b"[", b"]", b"") or (
            rest.startswith(b"{") and _json_ends(first)
        ):
            return "", ""
        return (
            "this is one JSON array: a record is one object a line",
            "make lines of it: jq -c '.[]' FILE > FILE.jsonl",
        )
    if not start.startswith(b"{") or not rest or _json_ends(first):
        return "", ""
    if (first.strip() == b"{" and rest.startswith(b'"')) or _json_ends(start):
        problem = "this is JSON printed over several lines: a record is one object a line"
        return problem, "make lines of it: jq -c . FILE > FILE.jsonl"
    return "", ""


def _json_ends(text: bytes) -> bool:
    """Whether text begins with a whole JSON value."""
    try:
        _JSON_EXACT[True].raw_decode(text.decode(errors="replace"))
    except (ValueError, RecursionError):
        return False
    return True

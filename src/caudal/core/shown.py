"""Text of others as people may see it: nothing in it steers a terminal."""

from __future__ import annotations

_CONTROLS = {
    c: f"\\u{c:04x}"
    for c in [
        *range(32),
        *range(127, 160),
        0x200E,
        0x200F,
        0x061C,
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
}
_LINES = {c: text for c, text in _CONTROLS.items() if chr(c) not in "\n\t"}


def shown(text: str) -> str:
    r"""Return one line for people: control characters, and those that turn the text's direction, as `\u001b`.

    >>> shown("a\x1b[2Jb\nc")
    'a\\u001b[2Jb\\u000ac'
    """
    return text if text.isprintable() and text.isascii() else _encodable(text.translate(_CONTROLS))


def shown_lines(text: str) -> str:
    """Return lines for people: as `shown`, but newlines and tabs stay.

    >>> shown_lines("a\\nb\\x07")
    'a\\nb\\\\u0007'
    """
    return _encodable(text.translate(_LINES))


def _encodable(text: str) -> str:
    """A file's name may hold bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

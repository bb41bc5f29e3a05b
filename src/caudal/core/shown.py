"""Text of others as people may see it: nothing in it steers a terminal, or hides."""

from __future__ import annotations


def shown(text: str) -> str:
    r"""Return one line for people: what is not printable (controls, turns of the text's direction) as `\u001b`.

    >>> shown("a\x1b[2Jb\nc\u202e")
    'a\\u001b[2Jb\\u000ac\\u202e'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def shown_lines(text: str) -> str:
    r"""Return lines for people: as `shown`, but newlines and tabs stay.

    >>> shown_lines("a\nb\x07")
    'a\nb\\u0007'
    """
    return "".join(c if c in "\n\t" or c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

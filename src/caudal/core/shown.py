"""Text of others as people may see it: nothing in it steers a terminal, or hides."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"^\s*[a-z][a-z0-9+.-]*://[^@]*:[^@]*@|\b(password|sslpassword|passwd|pwd)\s*=", re.IGNORECASE)


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


def holds_password(text: str) -> bool:
    """Return whether an address holds a password, which is to stand in no plan, log or error.

    >>> holds_password("postgresql://reader:secret@db/assets"), holds_password("postgresql://reader@db/assets")
    (True, False)
    """
    return _PASSWORD.search(text) is not None

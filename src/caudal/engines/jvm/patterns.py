"""Regular expressions of RE2 as those of Java, where both mean the same: a part of the syntax, written anew.

What is beyond that part runs in RE2 itself, in a Python worker. Java differs in `$` (before a last newline too), `.`
(four more line ends), `\\s`, `\\b`, classes in classes, folding of case, empty matches, and it backtracks: a repeated
group can exhaust its stack, and each unbounded repetition is another power of the text's length. So groups are repeated
only with a bound, and no more than two repetitions are unbounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLASSES = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 10), (12, 13), (32, 32)],
}
_CONTROL = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_WORD = "[0-9A-Za-z_]"
_EDGE = f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"
_REPEAT = re.compile(r"([*+?]|\{([0-9]{1,4})(,?)([0-9]{0,4})\})(\??)")
_FOLDED = {"k": 0x212A, "s": 0x017F}
"""What else RE2 takes for these letters where case does not matter."""
_SIGNS = ".^$*+?()[]{}|\\-&"
_UNBOUNDED, _LOOP = 2, 16

Ranges = list[tuple[int, int]]


class _Beyond(Exception):
    """The pattern holds something that is not translated: no failure, it runs elsewhere."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A Java pattern, its number of groups, and whether it can match nothing."""

    text: str
    groups: int
    can_be_empty: bool


@dataclass(slots=True)
class _Part:
    """A translated part. `single`: it is one character."""

    text: str
    empty: bool = False
    single: bool = False
    unbounded: bool = False


def to_java(pattern: str) -> Pattern | None:
    """Return the pattern of Java that finds the same in every text, None where there is none known.

    `pattern` is one that RE2 takes.

    >>> to_java("^a.b$").text
    '\\\\Aa[^\\\\n]b\\\\z'
    """
    flags = re.match(r"\(\?([is]+)\)", pattern)
    reader = _Reader(pattern, flags.end() if flags else 0, flags.group(1) if flags else "")
    try:
        whole = reader.alternatives()
        if reader.at < len(pattern):
            return None
    except _Beyond:
        return None
    return Pattern(whole.text, reader.groups, whole.empty)


def quoted(text: str) -> str:
    """Return the pattern that matches this text."""
    return "".join(_character(ord(c)) for c in text)


class _Reader:
    def __init__(self, pattern: str, at: int, flags: str) -> None:
        self.pattern = pattern
        self.at = at
        self.any_case = "i" in flags
        self.dot = "[\\s\\S]" if "s" in flags else "[^\\n]"
        self.groups = 0
        self.unbounded = 0

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise _Beyond
        self.at += 1
        return self.pattern[self.at - 1]

    def alternatives(self) -> _Part:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return _Part(
            "|".join(p.text for p in parts), any(p.empty for p in parts), unbounded=any(p.unbounded for p in parts)
        )

    def _sequence(self) -> _Part:
        whole = _Part("", empty=True)
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            part = self._repeated(self._atom())
            whole.text += part.text
            whole.empty = whole.empty and part.empty
            whole.unbounded = whole.unbounded or part.unbounded
        return whole

    def _repeated(self, part: _Part) -> _Part:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return part
        self.at = found.end()
        sign, low, comma, high, lazy = found.groups()
        endless = sign in ("*", "+") or (bool(comma) and not high)
        most = 1 if sign == "?" else int(high or low or 0)
        if _REPEAT.match(self.pattern, self.at) or part.empty:
            raise _Beyond
        if not part.single and (endless or part.unbounded or most > _LOOP):
            raise _Beyond
        self.unbounded += endless
        if self.unbounded > _UNBOUNDED:
            raise _Beyond
        optional = sign in ("*", "?") or low == "0" or (low is not None and int(low) == 0)
        return _Part(part.text + sign + lazy, optional, unbounded=endless or part.unbounded)

    def _atom(self) -> _Part:
        c = self._next()
        if c == "(":
            return self._group()
        if c == "[":
            return _Part(self._class(), single=True)
        if c == ".":
            return _Part(self.dot, single=True)
        if c in "^$":
            return _Part("\\A" if c == "^" else "\\z", empty=True)
        if c == "\\":
            return self._escape()
        if c in "*+?{":
            raise _Beyond
        return _Part(self._one(ord(c)), single=True)

    def _group(self) -> _Part:
        if self._take("?P<") or self._take("?<"):
            name = re.compile(r"[A-Za-z_][A-Za-z_0-9]*>").match(self.pattern, self.at)
            if name is None:
                raise _Beyond
            self.at = name.end()
            opening = "("
        elif self._take("?:"):
            opening = "(?:"
        elif self._take("?"):
            raise _Beyond
        else:
            opening = "("
        self.groups += opening == "("
        inner = self.alternatives()
        if not self._take(")"):
            raise _Beyond
        return _Part(f"{opening}{inner.text})", inner.empty, unbounded=inner.unbounded)

    def _escape(self) -> _Part:
        c = self._next()
        if c.lower() in _CLASSES:
            known = _CLASSES[c.lower()]
            return _Part(_ranges(_any_case(known) if self.any_case else known, c.isupper()), single=True)
        if c == "b":
            return _Part(_EDGE, empty=True)
        if c in "Az":
            return _Part("\\" + c, empty=True)
        return _Part(self._one(self._coded(c)), single=True)

    def _coded(self, c: str) -> int:
        """Return the code point that an escape stands for."""
        if c in _CONTROL:
            return _CONTROL[c]
        if c == "x":
            digits = re.compile(r"([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\}").match(self.pattern, self.at)
            if digits is None or int(digits.group(1) or digits.group(2), 16) > 127:
                raise _Beyond
            self.at = digits.end()
            return int(digits.group(1) or digits.group(2), 16)
        # \B among them: RE2 finds it inside a character of several bytes too.
        if ord(c) > 127 or c.isalnum():
            raise _Beyond
        return ord(c)

    def _one(self, code: int) -> str:
        if not self.any_case or not (code > 127 or chr(code).isalpha()):
            return _character(code)
        return _ranges(_any_case([(code, code)]), False)

    def _class(self) -> str:
        negated = self._take("^")
        ranges: Ranges = []
        first = True
        while first or not self._take("]"):
            c = self._next()
            first = False
            if c == "[" and self.pattern[self.at : self.at + 1] == ":":
                raise _Beyond
            if c == "\\":
                c = self._next()
                if c.lower() in _CLASSES:
                    if c.isupper():
                        raise _Beyond
                    ranges += _CLASSES[c]
                    continue
                low = self._coded(c)
            else:
                low = ord(c)
            high = low
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                c = self._next()
                high = self._coded(self._next()) if c == "\\" else ord(c)
            ranges.append((low, high))
        return _ranges(_any_case(ranges) if self.any_case else ranges, negated)


def _any_case(ranges: Ranges) -> Ranges:
    if any(high > 127 for _, high in ranges):
        raise _Beyond
    out = list(ranges)
    for low, high in ranges:
        for code in range(low, high + 1):
            letter = chr(code)
            if letter.isalpha():
                out.append((ord(letter.swapcase()), ord(letter.swapcase())))
                if letter.lower() in _FOLDED:
                    out.append((_FOLDED[letter.lower()], _FOLDED[letter.lower()]))
    return out


def _ranges(ranges: Ranges, negated: bool) -> str:
    merged: Ranges = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    inner = "".join(_character(a) if a == b else f"{_character(a)}-{_character(b)}" for a, b in merged)
    return f"[{'^' if negated else ''}{inner}]"


def _character(code: int) -> str:
    c = chr(code)
    if code < 32 or code == 127:
        return f"\\x{code:02X}"
    return "\\" + c if c in _SIGNS else c

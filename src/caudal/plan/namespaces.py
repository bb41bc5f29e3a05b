"""The namespaces of an expression: `.str`, `.ip`, `.dt`, `.list`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from caudal.plan import instead
from caudal.plan.called import answered_methods
from caudal.plan.expr import Expr, call, milliseconds


@dataclass(frozen=True, slots=True)
class Namespace:
    """Functions of one kind of value."""

    expr: Expr

    def __getattr__(self, name: str) -> Any:
        raise instead.of_function(self, name)


@answered_methods
class Strings(Namespace):
    """Functions of strings. Lengths and offsets count characters (code points)."""

    __slots__ = ()

    def lower(self) -> Expr:
        """Return it in lower case."""
        return call("lower", self.expr)

    def upper(self) -> Expr:
        """Return it in upper case."""
        return call("upper", self.expr)

    def length(self) -> Expr:
        """Return the number of characters."""
        return call("length", self.expr)

    def byte_length(self) -> Expr:
        """Return the number of bytes in UTF-8."""
        return call("byte_length", self.expr)

    def entropy(self) -> Expr:
        """Return the Shannon entropy of its bytes in UTF-8, in bits a byte: 0 to 8 (random names stand out)."""
        return call("entropy", self.expr)

    def strip(self) -> Expr:
        """Return it without ASCII white space at both ends."""
        return call("trim", self.expr)

    def lstrip(self) -> Expr:
        """Return it without ASCII white space at the start."""
        return call("ltrim", self.expr)

    def rstrip(self) -> Expr:
        """Return it without ASCII white space at the end."""
        return call("rtrim", self.expr)

    def starts_with(self, prefix: Any) -> Expr:
        """Return whether it begins with `prefix`."""
        return call("starts_with", self.expr, prefix)

    def ends_with(self, suffix: Any) -> Expr:
        """Return whether it ends with `suffix`."""
        return call("ends_with", self.expr, suffix)

    def contains(self, part: Any) -> Expr:
        """Return whether `part` stands in it, literally; `matches` takes a regular expression."""
        return call("contains", self.expr, part)

    def like(self, pattern: str) -> Expr:
        """Return whether all of it matches a pattern of SQL: % any text, _ one character, backslash escapes."""
        return call("like", self.expr, pattern=pattern)

    def matches(self, pattern: str) -> Expr:
        """Return whether a regular expression (RE2 syntax) is found in it."""
        return call("matches", self.expr, pattern=pattern)

    def extract(self, pattern: str, group: int = 0) -> Expr:
        """Return a group of the first match of a regular expression (0: all of the match); null without a match."""
        return call("regexp_extract", self.expr, pattern=pattern, group=group)

    def replace(self, old: str, new: str) -> Expr:
        """Return it with all occurrences of a text replaced."""
        return call("replace", self.expr, old=old, new=new)

    def replace_regex(self, pattern: str, replacement: str) -> Expr:
        r"""Return it with all matches of a regular expression replaced; \1 to \9 stand for groups."""
        return call("regexp_replace", self.expr, pattern=pattern, replacement=replacement)

    def slice(self, offset: Any, length: Any = None) -> Expr:
        """Return the characters from `offset` (0-based, negative: from the end), at most `length`."""
        return call("slice", self.expr, offset, *(() if length is None else (length,)))

    def find(self, part: Any) -> Expr:
        """Return where `part` first stands in it, in characters from 0; null when it does not."""
        return call("find", self.expr, part)

    def concat(self, *others: Any) -> Expr:
        """Return it with other texts behind it."""
        return call("concat", self.expr, *others)

    def reverse(self) -> Expr:
        """Return its characters in reverse."""
        return call("reverse", self.expr)

    def split(self, separator: str) -> Expr:
        """Return the list of parts between occurrences of a text."""
        return call("split", self.expr, separator=separator)

    def to_timestamp(self, format: str = "") -> Expr:
        """Return the time that it writes: ISO 8601, or as the format says (POSIX strptime with %f and %z)."""
        return call("strptime", self.expr, format=format)


@answered_methods
class Addresses(Namespace):
    """Functions of IP addresses in text.

    Text names an address with or without a port, a zone, brackets and blanks around it; an IPv4-mapped IPv6 address is
    the IPv4 one. Only `is_ipv4`, `is_ipv6` and `to_int` take the text for the address and nothing else.
    """

    __slots__ = ()

    def canonical(self) -> Expr:
        """Return the address in its one spelling (IPv6: RFC 5952): what to group by; other text as it is."""
        return call("canonical", self.expr)

    def is_ipv4(self) -> Expr:
        """Return whether it is an IPv4 address and nothing else."""
        return call("is_ipv4", self.expr)

    def is_ipv6(self) -> Expr:
        """Return whether it is an IPv6 address and nothing else."""
        return call("is_ipv6", self.expr)

    def in_cidr(self, *networks: str) -> Expr:
        """Return whether the address lies in one of the networks; null for text that names no address."""
        return call("in_cidr", self.expr, networks=networks)

    def is_private(self) -> Expr:
        """Return whether the address is private (RFC 1918, RFC 4193); null for text that names no address."""
        return call("is_private", self.expr)

    def to_int(self) -> Expr:
        """Return the IPv4 address as a number; null for anything else."""
        return call("ipv4_to_int", self.expr)

    def from_int(self) -> Expr:
        """Return the IPv4 address of a number; null out of range."""
        return call("ipv4_from_int", self.expr)

    def prefix(self, v4: int = 24, v6: int = 64) -> Expr:
        """Return the address's network of so many bits as text; null for text that names no address."""
        return call("ip_prefix", self.expr, v4=v4, v6=v6)


@answered_methods
class Times(Namespace):
    """Functions of timestamps, in UTC."""

    __slots__ = ()

    def year(self) -> Expr:
        """Return the year."""
        return call("year", self.expr)

    def month(self) -> Expr:
        """Return the month, 1 to 12."""
        return call("month", self.expr)

    def day(self) -> Expr:
        """Return the day of the month."""
        return call("day", self.expr)

    def hour(self) -> Expr:
        """Return the hour."""
        return call("hour", self.expr)

    def minute(self) -> Expr:
        """Return the minute."""
        return call("minute", self.expr)

    def second(self) -> Expr:
        """Return the second."""
        return call("second", self.expr)

    def millisecond(self) -> Expr:
        """Return the milliseconds of the second."""
        return call("millisecond", self.expr)

    def weekday(self) -> Expr:
        """Return the day of the week: Monday 1 to Sunday 7."""
        return call("weekday", self.expr)

    def ordinal_day(self) -> Expr:
        """Return the day of the year, 1 to 366."""
        return call("ordinal_day", self.expr)

    def epoch(self) -> Expr:
        """Return the milliseconds since 1970 (of a duration: its milliseconds), as int64."""
        return self.expr.cast("int64")

    def truncate(self, every: str | timedelta) -> Expr:
        """Return the time floored to a multiple of a duration since 1970."""
        return call("date_trunc", self.expr, every=milliseconds(every))

    def strftime(self, format: str) -> Expr:
        """Return it as text in UTC: %Y %m %d %H %M %S %f (three digits) %j %s %%."""
        return call("strftime", self.expr, format=format)


@answered_methods
class Lists(Namespace):
    """Functions of lists."""

    __slots__ = ()

    def length(self) -> Expr:
        """Return the number of items."""
        return call("list_length", self.expr)

    def get(self, index: Any) -> Expr:
        """Return the item at an index from 0, negative from the end; null out of range."""
        return call("list_get", self.expr, index)

    def contains(self, value: Any) -> Expr:
        """Return whether an item equals the value."""
        return call("list_contains", self.expr, value)

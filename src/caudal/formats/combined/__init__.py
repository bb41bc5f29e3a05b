r"""Access logs of Apache and nginx: the combined log format, and the common one.

Enters: blocks of whole lines. Leaves: typed columns and dead letters. May touch: columnar, ports, core. Must never:
import another format, a connector or the plan; write.

    ip ident user [17/May/2015:10:05:03 +0000] "method path protocol" status bytes "referer" "user_agent"

The line above is the layout "client". Before the ident may stand a virtual host (`vhost`), a list of addresses that
requests were forwarded for (`forwarded`), and the address of who was connected, in this order: "vhost client",
"forwarded", "vhost forwarded", "forwarded client", "vhost forwarded client". `layout=` declares it; with "auto" most of a
file's first 1,000 lines decide, as far as they lie in its first 64 KiB, and a line that does not fit is a dead letter,
"layout": its client would be another. Of several addresses the client (`ip`) is the rightmost that is not in `trusted=`
(the leftmost where all are): what stands left of it, the client may have written himself.

A line gives `ip`, `ident`, `user`, `timestamp` (with its offset, as UTC), `method`, `path`, `protocol`, `status` and `bytes`
(int64), `referer`, `user_agent` and `request` (the request line as it stands). A dash is null. The common format ends
behind `bytes`: `referer` and `user_agent` are null. What follows behind the agent is not looked at.

A user may hold blanks: the time is the first ` [`, 26 bytes, `] "` of the line. A quote closes its text when no
backslash escapes it and a blank or the end of the line follows. Texts keep their escapes (`\"`, `\xNN`) as written.
A line that ends before its last quote is closed is a row: that text is null, and so is what is missing behind it. NULs
and byte order marks before a line are passed over (a file that was truncated while its writer went on begins with NULs);
a line of nothing else is no record, nor is an empty one.

Of a request the method is the first word, the protocol the last one if it begins with `HTTP/` in any case, the path all
between, inner blanks too, so that no blank takes a path out of sight: `GET /a b  HTTP/1.1` asks for `/a b`. Words stand
between blanks and TABs, raw or as servers write them (`\t`, `\x09`); those around are no part of them. `GET /a` has no
protocol; a request without a method and a path (`GET`, `GET HTTP/1.1`, `\x16\x03`) gives null for all three.

Servers of old wrote the bytes of a request as they came. With `encoding="escape"`, the default, bytes that are not
UTF-8 are read as `\xNN`, which is what the servers of today write for them; so no stray byte takes a request out
of sight of a detection. With `encoding="utf-8"` such a line is a dead letter.

Reasons of dead letters: "utf8", "syntax", "layout", "type" (time, status, bytes), "range".
"""

from __future__ import annotations

from typing import NoReturn

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.formats.combined.layout import decide
from caudal.formats.combined.portable import LOG_LAYOUTS
from caudal.formats.combined.reader import AUTO, FIELDS, CombinedReader
from caudal.ports.portable import Portable, plain_fields
from caudal.ports.records import Options

__all__ = ["FORMAT", "CombinedFormat"]


class CombinedFormat:
    """The combined log by name; keeps `ports.format.Format`.

    Reader: `encoding`, "escape" or "utf-8"; `layout`; `trusted`, networks of proxies.
    """

    name = "combined"
    suffixes = ()

    def __init__(self) -> None:
        self.reader_options: Options = {"encoding": "escape", "layout": "auto", "trusted": []}
        self.writer_options: Options = {}

    def default_schema(self, options: Options) -> Schema:
        """Return the twelve fields that every layout has, and those of a declared one; the event time is `timestamp`."""
        return _fields(*LOG_LAYOUTS.get(str(options.get("layout")), (False, False, True))[:2])

    def guess(self, sample: bytes, options: Options) -> dict[str, str] | None:
        """Return the layout of a sample that has more fields than every layout, else None."""
        layout = decide(sample)
        return {"layout": layout} if any(LOG_LAYOUTS[layout][:2]) else None

    def infer(self, sample: bytes, path: str, options: Options) -> Schema:
        """Return the twelve fields, and `vhost` and `forwarded` where the sample's layout has them."""
        layout = str(options.get("layout", AUTO))
        has_vhost, has_list, _ = LOG_LAYOUTS[decide(sample) if layout == AUTO else layout]
        return _fields(has_vhost, has_list)

    def reader(self, schema: Schema, needed: frozenset[str], options: Options) -> CombinedReader:
        """Return a reader; raises `PlanError` for a field that the format has not, or of another type."""
        return CombinedReader(schema, needed, options)

    def portable(self, schema: Schema, needed: frozenset[str], options: Options) -> Portable:
        """Return a reader for scripts; raises what `reader` raises."""
        self.reader(schema, needed, options)
        names = tuple(name for name in schema.names if name in needed)
        given = {**options, "trusted": tuple(options["trusted"])}
        named = ", ".join(f"{name}={given[name]!r}" for name in self.reader_options)
        call = f"CombinedLines({plain_fields(schema)!r}, {names!r}, {named})"
        return Portable("caudal.formats.combined.portable", call)

    def encoder(self, schema: Schema, options: Options) -> NoReturn:
        """Raise `PlanError`: access logs are only read."""
        raise PlanError("the combined log format is only read", hint="write json, csv or parquet")


def _fields(has_vhost: bool, has_list: bool) -> Schema:
    there = {"vhost": has_vhost, "forwarded": has_list}
    absent = {name: f'layout="{name} client" or the like gives it' for name, given in there.items() if not given}
    return Schema([field for field in FIELDS if there.get(field.name, True)], absent)


FORMAT = CombinedFormat()

"""The connector `maxmind`: the networks of a MaxMind DB (GeoLite2, GeoIP2, ASN and others), each with what its record says.

Enters: the path of an .mmdb file. Leaves: decoded rows of the declared schema, in the order of addresses. May touch: the file system, the
library maxminddb (an extra), core, columnar, ports, and what makes rows of dicts. Must never: map a file that another may cut
short, decode a record once for each of its networks, take half a database for a whole one.
"""

from __future__ import annotations

from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.format import FileReader
from caudal.ports.records import Options
from caudal.ports.source import Listed, Source

_EXAMPLE = (
    'cd.table("maxmind", path="GeoLite2-Country.mmdb", key="network", match="cidr", '
    'schema={"network": "string", "country": cd.field("string", path=["country", "iso_code"])})'
)


class MaxmindConnector:
    """Reads MaxMind databases. `decoded`: a path names no format; `match`: how tables of it are looked up."""

    decoded = True
    match = "cidr"

    def __init__(self) -> None:
        self.source_options: Options = {"path": ""}

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open a database for reading.

        `path`: an .mmdb file. The column `network` is the network, as text; each other is what the record has by its name, or
        its `path`, such as ["country", "iso_code"].

        Raises `OptionError` for what cannot be asked, or where the library is missing, `InputError` for what is no database.
        """
        if not options["path"]:
            raise OptionError("maxmind needs path=", hint=_EXAMPLE)
        if file_reader is not None:
            raise OptionError("maxmind takes no format: a database has its rows decoded")
        for field in schema:
            if field.keys == ("network",) and field.dtype.name != "string":
                raise OptionError(f"the column '{field.name}' of maxmind is a string, not a {field.dtype}")
        from caudal.connectors.maxmind.database import MaxmindPartition

        return Listed([MaxmindPartition(options["path"], schema)])

    def sample(self, path: str) -> bytes:
        """Return some records as JSON lines, for `caudal infer`; raises what `source` raises."""
        from caudal.connectors.maxmind.database import sample

        return sample(path)


CONNECTOR = MaxmindConnector()

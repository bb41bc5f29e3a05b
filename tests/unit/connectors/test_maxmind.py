"""MaxMind databases: what is found in them, held against the library, and what is refused."""

from __future__ import annotations

import random
import sys
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any

import maxminddb
import pytest

import caudal as cd
from caudal.connectors.maxmind.database import Database
from caudal.core.errors import CaudalError, InputError, OptionError
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Tables
from caudal.ingest.tables import read
from caudal.observe.notices import Notices
from caudal.runner.infer import look
from caudal.testing.mmdb import database
from caudal.testing.running import check_everywhere

PLACES = {
    "192.0.2.0/24": {
        "country": {"iso_code": "DE", "names": {"en": "Germany"}},
        "location": {"latitude": 52.5},
        "asn": 64496,
    },
    "192.0.2.128/25": {"country": {"iso_code": "FR"}, "tags": ["a", "b"], "asn": 64497, "anycast": True},
    "2001:db8::/32": {"country": {"iso_code": "JP"}, "asn": ("uint64", 64498), "raw": b"\0\1"},
    "2001:db8:1::/48": {"asn": 64499},
}
SCHEMA = {
    "network": "string",
    "country": cd.field("string", path=["country", "iso_code"]),
    "asn": "int64",
    "latitude": cd.field("float64", path=["location", "latitude"]),
    "anycast": "bool",
    "tags": ["string"],
    "raw": "binary",
}


def written(path: Path, records: Any = None, **options: Any) -> str:
    beside = path.with_suffix(".new")
    beside.write_bytes(database(records or PLACES, **options))
    beside.replace(path)
    return str(path)


def table(path: str, schema: Any = None, **options: Any) -> Any:
    return cd.table("maxmind", path=path, key="network", match="cidr", schema=schema or SCHEMA, **options)


def test_an_address_is_found_in_a_database(tmp_path: Path) -> None:
    given = table(written(tmp_path / "a.mmdb"))
    asked = [
        "192.0.2.1",
        "192.0.2.200:443",
        "2001:db8::1",
        "2001:db8:1::1",
        "::ffff:192.0.2.1",
        "198.51.100.1",
        "x",
        None,
    ]
    rows = cd.source("memory", rows=[], schema={"ip": "string"})
    out = check_everywhere(rows.lookup(given, on="ip", columns=["network", "country", "asn", "latitude", "anycast"]),
                           [{"ip": each} for each in asked])  # fmt: skip
    found = [(row["network"], row["country"], row["asn"], row["latitude"], row["anycast"]) for row in out.rows]
    german = ("192.0.2.0/25", "DE", 64496, 52.5, None)
    none = (None,) * 5
    assert found == [
        german,
        ("192.0.2.128/25", "FR", 64497, None, True),
        ("2001:db8::/48", "JP", 64498, None, None),
        ("2001:db8:1::/48", None, 64499, None, None),
        german,
        none,
        none,
        none,
    ]
    whole = read(given).indexed.columns
    assert [tags for tags in whole["tags"].to_list() if tags] == [["a", "b"]]
    assert {raw for raw in whole["raw"].to_list() if raw} == {b"\0\1"}


@pytest.mark.parametrize("seed", range(24))
def test_every_network_is_held_against_the_library(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    version, size, aliases = rnd.choice([4, 6, 6]), rnd.choice([24, 28, 32]), rnd.random() < 0.5
    records: dict[str, Any] = {"10.0.0.0/9": {"n": 1}} if aliases else {}
    for _ in range(rnd.randrange(1, 40)):
        if version == 4 or rnd.random() < 0.5:
            bits = rnd.choice([1, 8, 16, 24, 31, 32])
            text = str(IPv4Network((rnd.getrandbits(32) >> (32 - bits) << (32 - bits), bits)))
        else:
            bits = rnd.choice([3, 16, 32, 63, 64, 65, 127, 128])
            number = (0x3000 << 112 | rnd.getrandbits(124)) >> (128 - bits) << (128 - bits)
            text = str(IPv6Network((number, bits)))
        records[text] = {"n": rnd.randrange(5)}
    path = tmp_path / "a.mmdb"
    path.write_bytes(database(records, version=version, size=size, aliases=aliases and version == 6))
    made = table(str(path), {"network": "string", "n": "int64"})
    with maxminddb.open_database(str(path)) as reader:
        wanted = {str(net): record["n"] for net, record in reader}
        columns = read(made).indexed.columns
        texts = columns["network"].to_list()
        assert dict(zip(texts, columns["n"].to_list(), strict=True)) == wanted
        drawn = [str(ip_address(rnd.getrandbits(32))) for _ in range(200)]
        drawn += [str(IPv6Address(0x3000 << 112 | rnd.getrandbits(124))) for _ in range(200)] if version == 6 else []
        drawn += [text.partition("/")[0] for text in wanted]
        rows = cd.source("memory", rows=[{"ip": each} for each in drawn], schema={"ip": "string"})
        got = rows.lookup(made, on="ip", columns=["n"]).collect("arrow").to_pylist()
        for row in got:
            record: Any = reader.get(row["ip"])
            assert row["n"] == (record["n"] if record else None), row


def test_a_network_around_all_of_ipv4_is_one_of_ipv4_too(tmp_path: Path) -> None:
    given = table(written(tmp_path / "a.mmdb", {"::/1": {"asn": 1}}), {"network": "string", "asn": "int64"})
    rows = cd.source("memory", rows=[{"ip": "1.2.3.4"}, {"ip": "::5"}, {"ip": "ffff::"}], schema={"ip": "string"})
    assert [row["asn"] for row in rows.lookup(given, on="ip").collect("arrow").to_pylist()] == [1, 1, None]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"network": "string", "city": "string"}, "no record names city"),
        ({"network": "string", "asn": "string"}, "'asn' takes a string, not int"),
        ({"network": "string", "country": "string"}, "'country' takes a string, not dict"),
        ({"network": "string", "code": cd.field("string", path=["asn", "x"])}, "'asn' takes a mapping, not int"),
        ({"network": "int64"}, "networks are one column of text"),
    ],
)
def test_a_schema_that_the_records_do_not_keep(tmp_path: Path, schema: Any, told: str) -> None:
    with pytest.raises(CaudalError, match=told):
        read(table(written(tmp_path / "a.mmdb"), schema))


def test_a_database_is_a_source_too(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mmdb")
    out = cd.source("maxmind", path=path, schema={"net": cd.field("string", path=["network"]), "asn": "int64"})
    assert {row["net"]: row["asn"] for row in out.collect("arrow").to_pylist()}["192.0.2.128/25"] == 64497
    with pytest.raises(CaudalError, match="is a string, not a int64"):
        cd.source("maxmind", path=path, schema={"network": "int64"}).collect()


def test_numbers_beyond_what_is_declared(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mmdb", {"10.0.0.0/8": {"n": ("uint128", 2**100)}})
    with pytest.raises(InputError, match="out of the range of int64"):
        read(table(path, {"network": "string", "n": "int64"}))


def test_what_is_no_database(tmp_path: Path) -> None:
    good = database(PLACES)
    for number, data in enumerate(
        [b"", b"no database", good[:200], good[: len(good) - 5], good[40:], good[:300] + good[400:]]
    ):
        path = tmp_path / f"{number}.mmdb"
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read(table(str(path)))
        assert f"{number}.mmdb" in caught.value.location
    with pytest.raises(InputError, match="there is no such file"):
        read(table(str(tmp_path / "none.mmdb")))
    with pytest.raises(InputError, match="needs path="):
        read(table(""))
    with pytest.raises(OptionError, match="maxmind is a table of networks, which no text equals"):
        cd.table("maxmind", path=str(path), key="network", schema={"network": "string"})
    with pytest.raises(OptionError, match="a MaxMind DB is no file of records"):
        cd.table("files", path=str(path), key="network", schema={"network": "string"})


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_database_is_an_error_or_a_table_and_nothing_else(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    data = bytearray(database(PLACES, aliases=True, size=rnd.choice([24, 28, 32])))
    for _ in range(rnd.randrange(1, 6)):
        data[rnd.randrange(len(data))] = rnd.randrange(256)
    path = tmp_path / "a.mmdb"
    path.write_bytes(data)
    try:
        read(table(str(path), {"network": "string", "asn": "int64"}))
    except InputError:
        pass


def test_a_file_that_is_exchanged_is_another_version_and_half_of_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.mmdb"
    given = table(written(path), {"network": "string", "asn": "int64"}, reload="60s")
    node: Any = cd.source("memory", rows=[], schema={"ip": "string"}).lookup(given, on="ip").node
    notices = Notices()
    held = Tables(Settings()).of(node, notices, live=True)
    first = held.version
    path.write_bytes(path.read_bytes()[:-40])
    assert not held.reload()
    assert held.version is first
    assert [n.to_text() for n in notices.all() if n.code == "table_kept" and "no MaxMind DB" in n.to_text()]
    written(path, {"10.0.0.0/8": {"asn": 5}})
    assert held.reload()
    assert held.version.indexed.columns["network"].to_list() == ["10.0.0.0/8"]


def test_records_are_decoded_once_each(tmp_path: Path) -> None:
    records = {f"10.{i}.{j}.0/24": {"asn": i % 3} for i in range(20) for j in range(0, 20, 2)}
    made = Database(written(tmp_path / "a.mmdb", records))
    assert len(made.record) == 200
    assert len(made.records) == 3


def test_a_schema_to_start_from(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mmdb")
    text = look(path, "", {}).to_text()
    scope: dict[str, Any] = {"cd": cd}
    made = eval(f"cd.table({text})", scope)  # what is printed is to be pasted
    assert {"network", "asn", "anycast"} <= set(made.schema.names)
    assert read(made).rows == read(table(path)).rows


def test_the_library_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(CaudalError, match="needs the package maxminddb") as caught:
        read(table(written(tmp_path / "a.mmdb")))
    assert "caudal[maxmind]" in str(caught.value)

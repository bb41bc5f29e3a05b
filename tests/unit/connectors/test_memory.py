"""Rows in memory: every type, every kind of frame, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import caudal as cd
from caudal.columnar.column import Fixed, Text
from caudal.connectors.memory import CONNECTOR
from caudal.core.errors import InputError, OptionError
from caudal.core.types import Field, Schema, parse_type
from caudal.ports.records import Dead, Decoded
from caudal.ports.source import End, Nothing
from caudal.testing.conformance.sinks import end


def read(rows: Any, schema: Schema, size: int = 1 << 20) -> tuple[dict[str, list[Any]], list[int], list[Dead]]:
    (partition,) = CONNECTOR.source({"rows": rows}, None, schema).partitions()
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    positions: list[int] = []
    dead: list[Dead] = []
    while not isinstance(part := partition.read(size), End):
        if isinstance(part, Nothing):
            continue
        for name, column in part.columns.items():
            columns[name] += column.to_list()
        positions += part.position.tolist()
        dead += part.dead
    assert part == End()
    return columns, positions, dead


def one(value: Any, dtype: Any, **field: Any) -> Any:
    """Return what a value of a dict becomes, or the reason of its dead letter."""
    schema = Schema([Field("v", parse_type(dtype), **field)])
    columns, positions, dead = read([{"v": value}], schema)
    assert len(positions) + len(dead) == 1
    return dead[0].reason if dead else columns["v"][0]


@pytest.mark.parametrize(
    ("value", "dtype", "result"),
    [
        (True, "bool", True),
        (1, "bool", "type"),
        (5, "int64", 5),
        (np.int16(5), "int64", 5),
        (True, "int64", "type"),
        (5.0, "int64", "type"),
        ("5", "int64", "type"),
        (2**63 - 1, "int64", 2**63 - 1),
        (2**63, "int64", "range"),
        (2**31, "int32", "range"),
        (-(2**31), "int32", -(2**31)),
        (5, "float64", 5.0),
        (10**400, "float64", "range"),
        (1e39, "float32", "range"),
        (0.5, "float32", 0.5),
        (False, "float64", "type"),
        ("é", "string", "é"),
        ("\ud800", "string", "utf8"),
        (b"x", "string", "type"),
        (b"x", "binary", b"x"),
        ("x", "binary", "type"),
        (None, "int64", None),
        ("2015-05-17T10:05:03.5Z", "timestamp", 1_431_857_103_500),
        (datetime(2015, 5, 17, 10, 5, 3, 999, tzinfo=UTC), "timestamp", 1_431_857_103_000),
        (datetime(2015, 5, 17, 10, 5, 3), "timestamp", 1_431_857_103_000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_900, tzinfo=UTC), "timestamp", -1),
        (date(1970, 1, 2), "timestamp", 86_400_000),
        (1.0005, "timestamp", 1001),
        (7, "timestamp", 7),
        ("soon", "timestamp", "type"),
        (2**63, "timestamp", "range"),
        (timedelta(seconds=1.5), "duration", 1500),
        ("1h30m", "duration", 5_400_000),
        ("long", "duration", "type"),
        ([1, None, 2], ["int64"], [1, None, 2]),
        ([1, "2"], ["int64"], "type"),
        (5, ["int64"], "type"),
        ({"a": 1, "c": 5}, {"a": "int64", "b": "string"}, {"a": 1, "b": None}),
        ({"a": "1"}, {"a": "int64"}, "type"),
        ([{"a": 1}], [{"a": "int64"}], [{"a": 1}]),
    ],
)
def test_values_of_dicts(value: Any, dtype: Any, result: Any) -> None:
    assert one(value, dtype) == result


def test_units_formats_and_paths_of_dicts() -> None:
    assert one(7, "timestamp", unit="s") == 7000
    assert one(-1, "timestamp", unit="us") == -1
    assert one("17/May/2015:10:05:03 +0000", "timestamp", time_format="%d/%b/%Y:%H:%M:%S %z") == 1_431_857_103_000
    schema = Schema([Field("s", parse_type("string"), path=("alert", "signature"))])
    rows = [{"alert": {"signature": "x"}}, {"alert": None}, {}, {"alert": 5}]
    columns, positions, dead = read(rows, schema)
    assert (columns, positions) == ({"s": ["x", None, None]}, [0, 1, 2])
    assert [(d.position, d.reason, d.message) for d in dead] == [
        (3, "type", "field 'alert' takes a mapping, not int (5)")
    ]
    assert dead[0].payload == b"{'alert': 5}"


@pytest.mark.parametrize("size", [1, 300, 1 << 20])
def test_bad_rows_keep_their_places(size: int) -> None:
    rows = [{"n": i if i % 3 else "x"} for i in range(20)]
    columns, positions, dead = read(rows, Schema.of({"n": "int64"}), size)
    assert positions == columns["n"] == [i for i in range(20) if i % 3]
    assert [d.position for d in dead] == [i for i in range(20) if not i % 3]


FRAME = {"ip": ["a", None, "ccc"], "n": [1, 2, 3], "f": [0.5, None, 2.5]}
SCHEMA = Schema.of({"f": "float64", "n": "int64", "ip": "string"})


@pytest.mark.parametrize(
    "rows",
    [
        pa.table(FRAME),
        pa.table(FRAME).to_batches()[0],
        pa.table({**FRAME, "ip": pa.array(FRAME["ip"]).dictionary_encode()}),
        pa.table({**FRAME, "ip": pa.array(FRAME["ip"], pa.string_view())}),
        pa.table({**FRAME, "n": pa.array([1, 2, 3], pa.uint8())}),
        pa.concat_tables([pa.table(FRAME).slice(0, 1), pa.table(FRAME).slice(1)]),
        pl.DataFrame(FRAME),
        pd.DataFrame({**FRAME, "extra": 1}),
        [pl.DataFrame(FRAME)],
        lambda: [pa.table(FRAME).slice(0, 2), pl.DataFrame(FRAME).slice(2)],
        [dict(zip(FRAME, row)) for row in zip(*FRAME.values())],
    ],
    ids=["arrow", "batch", "dictionary", "view", "uint8", "chunks", "polars", "pandas", "list", "callable", "dicts"],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_frames_of_every_kind_are_the_same_rows(rows: Any, size: int) -> None:
    assert read(rows, SCHEMA, size) == (FRAME, [0, 1, 2], [])


def test_several_frames_are_several_partitions() -> None:
    source = CONNECTOR.source({"rows": [pa.table(FRAME), [], [{"n": 1}], pl.DataFrame(FRAME)]}, None, SCHEMA)
    assert [p.name for p in source.partitions()] == ["p0", "p1", "p2", "p3"]
    assert source.partitions()[1].read(1) == End()
    assert read([], SCHEMA)[1] == []


def test_columns_that_fit_are_not_copied() -> None:
    table = pa.table({"f": np.arange(5.0), "n": np.arange(5), "ip": pa.array(["x"] * 5, pa.large_string())})
    (partition,) = CONNECTOR.source({"rows": table}, None, SCHEMA).partitions()
    part = partition.read(1 << 20)
    assert isinstance(part, Decoded)
    number, text = part.columns["n"], part.columns["ip"]
    assert isinstance(number, Fixed)
    assert isinstance(text, Text)
    assert number.values.__array_interface__["data"][0] == table["n"].chunk(0).buffers()[1].address
    assert text.data.__array_interface__["data"][0] == table["ip"].chunk(0).buffers()[2].address


@pytest.mark.parametrize(
    ("array", "field", "result"),
    [
        (pa.array([1_500_999, -1, None], pa.timestamp("us")), {}, [1500, -1, None]),
        (pa.array([1, None], pa.timestamp("s", tz="Europe/Berlin")), {}, [1000, None]),
        (pa.array([-1, 1], pa.timestamp("ns")), {}, [-1, 0]),
        (pa.array([1, -1], pa.date32()), {}, [86_400_000, -86_400_000]),
        (pa.array([5, None, -1]), {}, [5, None, -1]),
        (pa.array([5, -1], pa.int32()), {"unit": "s"}, [5000, -1000]),
        (pa.array([1500, -1]), {"unit": "us"}, [1, -1]),
        (pa.array([1.0005, None]), {}, [1001, None]),
        (pa.array(["1970-01-02", None]), {}, [86_400_000, None]),
        (pa.array(["02.01.1970"]), {"time_format": "%d.%m.%Y"}, [86_400_000]),
        (pa.nulls(2), {}, [None, None]),
    ],
)
def test_times_of_tables(array: pa.Array, field: dict[str, Any], result: list[Any]) -> None:
    schema = Schema([Field("t", parse_type("timestamp"), **field)])
    assert read(pa.table({"t": array}), schema) == ({"t": result}, list(range(len(result))), [])


def test_text_that_is_no_time_is_a_dead_letter() -> None:
    table = pa.table({"t": ["1970-01-01", "soon", None], "n": [1, 2, 3]})
    columns, positions, dead = read(table, Schema.of({"n": "int64", "t": "timestamp"}))
    assert (columns, positions) == ({"n": [1, 3], "t": [0, None]}, [0, 2])
    assert [(d.position, d.reason, d.message) for d in dead] == [(1, "type", "field 't' is not a time: 'soon'")]
    assert b"soon" in dead[0].payload


@pytest.mark.parametrize(
    ("array", "spec", "good", "values"),
    [
        (pa.array([1, None, 2**63 - 1, 2**63, 2**64 - 1], pa.uint64()), "int64", [0, 1, 2], [1, None, 2**63 - 1]),
        (pa.array([2**31 - 1, 2**31, None], pa.uint32()), "int32", [0, 2], [2**31 - 1, None]),
        (pa.array([-(2**31), -(2**31) - 1]), "int32", [0], [-(2**31)]),
        (pa.array([2**53 + 1, 2**64 - 1], pa.uint64()), "float64", [0, 1], [2.0**53, 2.0**64]),
        (pa.array([7, 2**64 - 1], pa.uint64()), "duration", [0], [7]),
        (pa.array([Decimal("1.25"), None]), "float64", [0, 1], [1.25, None]),
        (pa.array([Decimal("1.250"), None]), "string", [0, 1], ["1.250", None]),
        (pa.array([Decimal(2**63), Decimal(-(2**63))], pa.decimal128(30, 0)), "int64", [1], [-(2**63)]),
        (pa.array(np.array([1.5, np.inf], np.float16)), "float64", [0, 1], [1.5, np.inf]),
        (pa.array(np.array([1.5], np.float16)), "float32", [0], [1.5]),
    ],
    ids=str,
)
@pytest.mark.parametrize("flows", [False, True])
def test_numbers_of_tables_that_fit_by_their_value(
    array: pa.Array, spec: str, good: list[int], values: list[Any], flows: bool
) -> None:
    table = pa.table({"c": array})
    columns, positions, dead = read((lambda: table) if flows else table, Schema.of({"c": spec}))
    assert (columns, positions) == ({"c": values}, good)
    bad = [i for i in range(len(array)) if i not in good]
    assert [(d.position, d.reason) for d in dead] == [(i, "range") for i in bad]
    assert all(d.message == f"field 'c' is out of the range of {spec}" for d in dead)
    assert all(str(array[i].as_py()).encode() in d.payload for i, d in zip(bad, dead))


@pytest.mark.parametrize(
    ("array", "unit", "good", "values"),
    [
        (pa.array([5, None, 2**64 - 1], pa.uint64()), "", [0, 1], [5, None]),
        (pa.array([5, None, 2**63], pa.uint64()), "s", [0, 1], [5000, None]),
        (pa.array([5, None, 2**62], pa.uint64()), "s", [0, 1], [5000, None]),
        (pa.array(np.array([1.5], np.float16)), "s", [0], [1500]),
    ],
    ids=str,
)
def test_unsigned_and_half_counts_of_time(array: pa.Array, unit: str, good: list[int], values: list[Any]) -> None:
    schema = Schema([Field("t", parse_type("timestamp"), unit=unit)])
    columns, positions, dead = read(pa.table({"t": array}), schema)
    assert (columns, positions) == ({"t": values}, good)
    assert [d.reason for d in dead] == ["type"] * (len(array) - len(good))


@pytest.mark.parametrize("unsigned", [pa.list_(pa.uint64()), pa.struct([("x", pa.uint64())])])
def test_unsigned_integers_inside_are_refused(unsigned: pa.DataType) -> None:
    spec: Any = ["int64"] if pa.types.is_list(unsigned) else {"x": "int64"}
    with pytest.raises(InputError, match="column 'c' of the table"):
        read(pa.table({"c": pa.array([None], unsigned)}), Schema([Field("c", parse_type(spec))]))


def test_nested_tables() -> None:
    rows = [{"a": {"x": 1, "y": "no", "at": datetime(1970, 1, 1, 0, 0, 1)}, "l": [1, None]}, {"a": None, "l": None}]
    schema = Schema(
        [
            Field("a", parse_type({"at": "timestamp", "x": "int64"})),
            Field("l", parse_type(["int64"])),
            Field("y", parse_type("string"), path=("a", "y")),
        ]
    )
    columns, _, dead = read(pa.Table.from_pylist(rows), schema)
    assert dead == []
    assert columns["l"] == [[1, None], None]
    assert columns["y"] == ["no", None]
    assert columns["a"][1] is None
    assert columns["a"][0]["x"] == 1
    assert columns["a"][0]["at"] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"n": [1], "ip": ["x"]}), "no column 'f'"),
        (pa.table({"n": [1], "ip": [5], "f": [0.5]}), "column 'ip' of the table is int64, not string"),
        (pa.table({"n": [1.0], "ip": ["x"], "f": [0.5]}), "column 'n' of the table is double, not int64"),
        (pa.table({"n": ["1"], "ip": ["x"], "f": [0.5]}), "column 'n' of the table is string, not int64"),
        (pa.table({"n": pa.array([Decimal("1.5")]), "ip": ["x"], "f": [0.5]}), "column 'n' of the table is decimal"),
    ],
)
def test_tables_that_do_not_fit_are_refused_before_they_are_read(table: pa.Table, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        CONNECTOR.source({"rows": table}, None, SCHEMA)
    assert caught.value.hint


@pytest.mark.parametrize("rows", [None, 5, "text", [5], [[5]], {"a": [1]}])
def test_what_is_no_rows_is_refused(rows: Any) -> None:
    with pytest.raises(OptionError, match="option 'rows' of memory cannot read"):
        CONNECTOR.source({"rows": rows}, None, SCHEMA)


def test_the_sink_needs_a_list() -> None:
    with pytest.raises(OptionError, match="takes a list"):
        CONNECTOR.sink({"into": None}, None, SCHEMA, live=False)


def test_no_rows_are_an_empty_table_of_the_schema() -> None:
    into: list[pa.Table] = []
    sink = CONNECTOR.sink({"into": into}, None, SCHEMA, live=False)
    end(sink)
    assert pa.concat_tables(into).schema.names == list(SCHEMA.names)
    assert into[0].num_rows == 0


def test_times_without_a_zone_are_local_where_the_source_says_so() -> None:
    """In lists of dicts and in tables, naive times and dates too; what has a zone or an offset keeps it."""
    noon = datetime(2024, 7, 1, 12, tzinfo=UTC)

    def read_in_berlin(rows: Any) -> list[Any]:
        stream = cd.source("memory", rows=rows, schema={"t": "timestamp"}, event_time="t", timezone="Europe/Berlin")
        return stream.collect()["t"].to_list()

    naive, aware = noon.replace(tzinfo=None), noon
    rows = [{"t": v} for v in (naive, aware, "2024-07-01T12:00", "2024-07-01T12:00Z", date(2024, 7, 1), 1719835200000)]
    local, midnight = noon - timedelta(hours=2), datetime(2024, 6, 30, 22, tzinfo=UTC)
    assert read_in_berlin(rows) == [local, noon, local, noon, midnight, noon]
    for given, want in (
        (pa.array([naive, None]), local),
        (pa.array([aware], pa.timestamp("us", "UTC")), noon),
        (pa.array(["2024-07-01 12:00"]), local),
        (pa.array([date(2024, 7, 1)]), midnight),
        (pa.array([1719835200000]), noon),
    ):
        assert read_in_berlin(pa.table({"t": given})) == [want]

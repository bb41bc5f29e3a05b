"""Parquet against values written by pyarrow and known in Python."""

from __future__ import annotations

import io
import math
import random
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.columnar.column import Words
from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.types import Field, Schema, parse_type
from caudal.formats.parquet import FORMAT, reader, schema_of
from caudal.formats.parquet.portable import ParquetFiles
from caudal.ports.portable import plain_fields

RANGE = object()
"""A value that its column has no room for."""


def write(path, table, **options):
    pq.write_table(table, path, **options)
    return str(path)


def read(path, schema, needed=None, skip=0):
    schema = Schema.of(schema)
    made = FORMAT.reader(schema, frozenset(schema.names if needed is None else needed), FORMAT.reader_options)
    return list(made.read(path, skip))


def rows(parts, name):
    return [value for part in parts for value in part.columns[name].to_list()]


WIDE = {
    "i8": (pa.array([1, None, -3], pa.int8()), "int32", [1, None, -3]),
    "i32": (pa.array([1, None, -3], pa.int32()), "int64", [1, None, -3]),
    "u16": (pa.array([1, None, 65535], pa.uint16()), "int32", [1, None, 65535]),
    "u32": (pa.array([1, None, 2**32 - 1], pa.uint32()), "int64", [1, None, 2**32 - 1]),
    "f32": (pa.array([0.5, None, -1.5], pa.float32()), "float64", [0.5, None, -1.5]),
    "f64": (pa.array([0.1, None, math.inf]), "float64", [0.1, None, math.inf]),
    "b": (pa.array([True, None, False]), "bool", [True, None, False]),
    "s": (pa.array(["é", None, ""]), "string", ["é", None, ""]),
    "ls": (pa.array(["x", None, "yy"], pa.large_string()), "string", ["x", None, "yy"]),
    "dict": (pa.array(["x", None, "x"]).dictionary_encode(), "string", ["x", None, "x"]),
    "bin": (pa.array([b"\xff", None, b""]), "binary", [b"\xff", None, b""]),
    "ts_s": (pa.array([1, None, -1], pa.timestamp("s")), "timestamp", [1000, None, -1000]),
    "ts_ms": (pa.array([1, None, -1], pa.timestamp("ms", "UTC")), "timestamp", [1, None, -1]),
    "ts_us": (pa.array([1999, None, -1], pa.timestamp("us")), "timestamp", [1, None, -1]),
    "ts_ns": (pa.array([1_999_999, None, -1], pa.timestamp("ns", "Europe/Rome")), "timestamp", [1, None, -1]),
    "day": (pa.array([date(1970, 1, 2), None, date(1969, 12, 31)]), "timestamp", [86_400_000, None, -86_400_000]),
    "ts_int": (pa.array([5, None, -5]), "timestamp", [5, None, -5]),
    "ts_float": (pa.array([0.0015, None, -0.0015]), "timestamp", [2, None, -2]),
    "ts_text": (pa.array(["1970-01-01T00:00:01Z", None, "1970-01-02"]), "timestamp", [1000, None, 86_400_000]),
    "du": (pa.array([1999, None, -1], pa.duration("us")), "duration", [1, None, -1]),
    "du_int": (pa.array([7, None, -7]), "duration", [7, None, -7]),
    "list": (pa.array([[1, None], None, []], pa.list_(pa.int64())), "list<int64>", [[1, None], None, []]),
    "struct": (
        pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
        {"b": "string", "a": "int64"},
        [{"b": "x", "a": 1}, None, {"b": None, "a": None}],
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_types(tmp_path, name):
    array, spec, expected = WIDE[name]
    parts = read(write(tmp_path / "a.parquet", pa.table({"c": array})), {"c": spec})
    assert rows(parts, "c") == expected
    assert [p for part in parts for p in part.position.tolist()] == [0, 1, 2]
    assert not any(part.dead for part in parts)


@pytest.mark.parametrize(
    ("array", "spec"),
    [
        (pa.array([1.5]), "int64"),
        (pa.array([1.5]), "float32"),
        (pa.array(["1"]), "int64"),
        (pa.array([1]), "string"),
        (pa.array([b"1"]), "string"),
        (pa.array(["x"]), "binary"),
        (pa.array([1]), "bool"),
        (pa.array([[1]], pa.list_(pa.uint64())), "list<int64>"),
        (pa.array([Decimal("1.5")]), "int64"),
        (pa.array([time(1)]), "string"),
        (pa.array([True]), "timestamp"),
        (pa.array([[1]]), "list<string>"),
        (pa.array([{"a": 1}]), {"a": "string"}),
        (pa.array([{"a": 1}]), {"b": "int64"}),
    ],
)
def test_a_type_that_does_not_fit_names_the_column(tmp_path, array, spec):
    path = write(tmp_path / "a.parquet", pa.table({"c": array}))
    with pytest.raises(InputError, match="column 'c'") as caught:
        read(path, {"c": spec})
    assert caught.value.location == path


NUMBERS: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "uint64": (
        pa.array([1, None, 2**63 - 1, 2**63, 2**64 - 1], pa.uint64()),
        "int64",
        [1, None, 2**63 - 1, RANGE, RANGE],
    ),
    "uint64 as double": (pa.array([1, 2**53, 2**53 + 1], pa.uint64()), "float64", [1.0, 2.0**53, RANGE]),
    "uint64 as time": (pa.array([1, None, 2**64 - 1], pa.uint64()), "timestamp", [1, None, None]),
    "int64 as int32": (pa.array([-(2**31), 2**31, None]), "int32", [-(2**31), RANGE, None]),
    "int64 as double": (pa.array([-(2**53), 2**53 + 1, None, 3]), "float64", [-(2.0**53), RANGE, None, 3.0]),
    "uint8": (pa.array([0, 255], pa.uint8()), "int64", [0, 255]),
    "decimal as double": (pa.array([Decimal("1.25"), None, Decimal("-0.10")]), "float64", [1.25, None, -0.1]),
    "decimal as text": (pa.array([Decimal("1.25"), None, Decimal("-0.10")]), "string", ["1.25", None, "-0.10"]),
    "decimal as int": (
        pa.array([Decimal(2**63 - 1), Decimal(2**63), None], pa.decimal128(30, 0)),
        "int64",
        [2**63 - 1, RANGE, None],
    ),
    "small decimal": (pa.array([Decimal(7)], pa.decimal128(5, 0)), "int32", [7]),
    "half": (pa.array(np.array([1.5, -0.25], np.float16)), "float32", [1.5, -0.25]),
    "half as double": (pa.array(np.array([1.5, np.inf], np.float16)), "float64", [1.5, math.inf]),
    **{
        f"null as {kind}": (pa.nulls(2), kind, [None, None])
        for kind in ("string", "int64", "float64", "bool", "timestamp")
    },
    "null as list": (pa.nulls(2), "list<int64>", [None, None]),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), "string", ["a", None, "a"]),
    "date64": (pa.array([86_400_000], pa.date64()), "timestamp", [86_400_000]),
    "zoned": (pa.array([1, None], pa.timestamp("us", "America/New_York")), "timestamp", [0, None]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_fit_by_their_value(tmp_path, name):
    """Both readers; what does not fit is a dead letter, whatever is needed."""
    array, spec, wanted = NUMBERS[name]
    path = write(tmp_path / "a.parquet", pa.table({"c": array, "n": range(len(array))}))
    schema = Schema.of({"c": spec, "n": "int64"})
    good = [
        i
        for i, value in enumerate(wanted)
        if value is not RANGE and not (spec == "timestamp" and array[i].is_valid and value is None)
    ]
    for needed in (["c", "n"], ["n"]):
        (part,) = read(path, schema, needed)
        assert part.position.tolist() == good
        assert [d.reason for d in part.dead] == ["type" if spec == "timestamp" else "range"] * (len(wanted) - len(good))
        (portable,) = ParquetFiles(plain_fields(schema), tuple(needed)).parts(path)
        assert portable[0] == good
        assert [d[:4] for d in portable[2]] == [(d.position, d.reason, d.message, d.detail) for d in part.dead]
        if "c" in needed:
            assert part.columns["c"].to_list() == [wanted[i] for i in good]
            text = portable[1]["c"]
            assert text == [wanted[i] for i in good]
    assert [*schema_of(path).names] == ["c", "n"]


def test_unsigned_counts_of_seconds_beyond_the_range_are_dead_letters(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"c": pa.array([5, None, 2**62], pa.uint64())}))
    schema = Schema([Field("c", parse_type("timestamp"), unit="s")])
    (part,) = FORMAT.reader(schema, frozenset(["c"]), FORMAT.reader_options).read(path, 0)
    assert (part.columns["c"].to_list(), [d.position for d in part.dead]) == ([5000, None], [2])


def test_a_missing_column_has_a_hint_even_when_not_needed(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"code": [1]}))
    with pytest.raises(InputError, match="no column 'kode'") as caught:
        read(path, {"kode": "int64"}, needed=[])
    assert "'code'" in caught.value.hint


def test_paths_go_into_structs_and_dots_are_literal(tmp_path):
    table = pa.table({"alert": pa.array([{"id": 7, "x": {"y": "z"}}, None]), "id.orig_h": ["a", "b"], "id": [1, 2]})
    path = write(tmp_path / "a.parquet", table)
    schema = Schema(
        [
            Field("alert_id", parse_type("int64"), ("alert", "id")),
            Field("deep", parse_type("string"), ("alert", "x", "y")),
            Field("id.orig_h", parse_type("string")),
        ]
    )
    parts = read(path, schema)
    assert rows(parts, "alert_id") == [7, None]
    assert rows(parts, "deep") == ["z", None]
    assert rows(parts, "id.orig_h") == ["a", "b"]
    with pytest.raises(InputError, match=r"no column 'alert\.idd'"):
        read(path, Schema([Field("a", parse_type("int64"), ("alert", "idd"))]))
    with pytest.raises(InputError, match="not a struct"):
        read(path, Schema([Field("a", parse_type("int64"), ("id", "b"))]))


def test_times_that_are_none_are_dead_letters_whatever_is_needed(tmp_path):
    table = pa.table({"t": ["1970-01-01", "x", None, "1970-01-02"], "n": [1, 2, 3, 4]})
    path = write(tmp_path / "a.parquet", table)
    for needed in (["t", "n"], ["n"], []):
        parts = read(path, {"t": "timestamp", "n": "int64"}, needed)
        (part,) = parts
        assert part.rows == 3
        assert part.position.tolist() == [0, 2, 3]
        assert [(d.position, d.reason) for d in part.dead] == [(1, "type")]
        assert set(part.columns) == set(needed)
        if "n" in needed:
            assert rows(parts, "n") == [1, 3, 4]


def test_text_that_is_not_utf8_is_escaped(tmp_path):
    offsets, data = pa.array([0, 2, 4], pa.int32()).buffers()[1], pa.py_buffer(b"a\xffok")
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    path = write(tmp_path / "a.parquet", pa.table({"s": broken}))
    assert rows(read(path, {"s": "string"}), "s") == ["a\\xff", "ok"]
    many = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 5000, pa.int32()), broken)
    path = write(tmp_path / "b.parquet", pa.table({"s": many}))
    assert rows(read(path, {"s": "string"}), "s") == ["a\\xff", "ok"] * 5000


def test_row_groups_skip_and_positions(tmp_path):
    table = pa.table({"n": list(range(1000)), "s": [str(i) for i in range(1000)]})
    path = write(tmp_path / "a.parquet", table, row_group_size=64)
    for skip in (0, 1, 63, 64, 65, 500, 999, 1000, 2000):
        parts = read(path, {"n": "int64", "s": "string"}, skip=skip)
        assert rows(parts, "n") == list(range(skip, 1000))
        assert rows(parts, "s") == [str(i) for i in range(skip, 1000)]
        assert [p for part in parts for p in part.position.tolist()] == list(range(skip, 1000))
        assert all(part.rows == len(part.position) > 0 for part in parts)


def test_no_needed_column_still_gives_rows(tmp_path):
    path = write(tmp_path / "a.parquet", pa.table({"n": list(range(10))}))
    assert sum(part.rows for part in read(path, {"n": "int64"}, needed=[])) == 10


@pytest.mark.parametrize("part", [100, 1000, reader.PART])
def test_texts_in_dictionaries(tmp_path, monkeypatch, part):
    """A column that the file keeps as a dictionary is looked up in it; groups of rows have others, and some no words."""
    rng = random.Random(5)
    sets = [["a", "é", "", "x" * 300, None], [None], ["b"], ["\\xff", "a", None], [f"10.0.0.{n}" for n in range(250)]]
    words = [rng.choice(sets[row // 3000 % len(sets)]) for row in range(20_000)]
    times = [rng.choice(["2015-05-17", "1970-01-01T00:00:01Z", None, "x"]) for _ in words]
    table = pa.table(
        {
            "few": words,
            "large": pa.array(words, pa.large_string()),
            "none": pa.array([None] * len(words), pa.string()),
            "time": times,
            "many": [f"{row}" for row in range(len(words))],
        }
    )
    monkeypatch.setattr(reader, "PART", part)
    schema = {"few": "string", "large": "string", "none": "string", "many": "string", "time": "timestamp"}
    good = [row for row, text in enumerate(times) if text != "x"]
    for of_dictionary in (True, False):
        path = write(tmp_path / "a.parquet", table, row_group_size=3000, use_dictionary=of_dictionary)
        parts = read(path, schema)
        for name in ("few", "large", "none", "many"):
            assert rows(parts, name) == [table[name][row].as_py() for row in good]
        known = {"2015-05-17": 1431820800000, "1970-01-01T00:00:01Z": 1000, None: None}
        assert rows(parts, "time") == [known[times[row]] for row in good]
        assert [p for part in parts for p in part.position.tolist()] == good
        assert [d.position for part in parts for d in part.dead] == sorted({*range(len(words))} - {*good})
        assert rows(read(path, {"few": "string"}, skip=2999), "few") == words[2999:]
        for name in ("few", "large"):
            numbered = [isinstance(column, Words) for column in columns(parts, name)]
            # not those of rows that are all null, nor where the dictionary is longer than the part
            assert of_dictionary == any(numbered)
            assert not of_dictionary or part < 250 or numbered.count(False) <= 2 * -(-3000 // part)
            assert (
                len({id(column.dictionary.origin) for column in columns(parts, name) if isinstance(column, Words)}) <= 1
            )


def columns(parts, name):
    return [part.columns[name] for part in parts]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x00\xff" * 500, b"a,b\n1,2\n"])
def test_what_is_no_parquet(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match="as Parquet"):
        read(str(path), {"n": "int64"})
    with pytest.raises(InputError, match="as Parquet"):
        schema_of(str(path))


def test_a_file_that_breaks_on_the_way(tmp_path):
    path = tmp_path / "a.parquet"
    write(path, pa.table({"n": list(range(50_000))}), compression="zstd", use_dictionary=False)
    raw = bytearray(path.read_bytes())
    raw[20:2000] = b"\xff" * 1980
    path.write_bytes(raw)
    with pytest.raises(RunError, match="broke"):
        read(str(path), {"n": "int64"})


def test_schema_of(tmp_path):
    table = pa.table({name: array for name, (array, _, _) in WIDE.items()})
    path = write(tmp_path / "a.parquet", table)
    schema = schema_of(path)
    assert FORMAT.infer(b"", path, {}) == schema
    shown = {field.name: str(field.dtype) for field in schema}
    assert shown["i8"] == "int32"
    assert shown["u32"] == "int64"
    assert shown["f32"] == "float32"
    assert shown["ts_ns"] == shown["day"] == "timestamp"
    assert shown["ts_text"] == shown["dict"] == "string"
    assert shown["list"] == "list<int64>"
    assert shown["struct"] == "struct<a: int64, b: string>"
    parts = read(path, schema)
    assert sum(part.rows for part in parts) == 3


def encode(schema, tables, **options):
    encoder = FORMAT.encoder(Schema.of(schema), {**FORMAT.writer_options, **options})
    out = io.BytesIO()
    encoder.begin(out, append=False)
    for table in tables:
        encoder.write(encoder.encode(table))
    encoder.end()
    return out


def test_writer_round_trip():
    schema = {"n": "int64", "f": "float64", "t": "timestamp", "l": "list<float64>", "s": {"x": "float32"}}
    table = pa.table(
        {
            "s": pa.array([{"x": math.nan}, None, {"x": 1.0}], pa.struct([("x", pa.float32())])),
            "l": pa.array([[1.0, math.nan], None, []], pa.large_list(pa.float64())),
            "t": pa.array([0, None, 1], pa.timestamp("ms", "UTC")),
            "f": [math.nan, math.inf, 1.5],
            "n": [1, None, 3],
        }
    )
    out = encode(schema, [table, table.slice(1, 1), table.slice(3)], row_group=2)
    file = pq.ParquetFile(out)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [2, 1, 1]
    first = [
        {"n": 1, "f": None, "l": [1.0, None], "s": {"x": None}},
        {"n": None, "f": math.inf, "l": None, "s": None},
        {"n": 3, "f": 1.5, "l": [], "s": {"x": 1.0}},
    ]
    result = file.read()
    assert result.column_names == list(schema)
    assert result.schema.field("t").type == pa.timestamp("ms", "UTC")
    assert result.column("t").cast(pa.int64()).to_pylist() == [0, None, 1, None]
    assert result.drop_columns(["t"]).to_pylist() == [*first, first[1]]


def test_writer_without_rows():
    assert pq.ParquetFile(encode({"n": "int64"}, [])).read().to_pydict() == {"n": []}


def test_appending_and_bad_options_are_refused():
    encoder = FORMAT.encoder(Schema.of({"n": "int64"}), FORMAT.writer_options)
    with pytest.raises(OptionError, match="appended"):
        encoder.begin(io.BytesIO(), append=True)
    with pytest.raises(OptionError, match="row_group"):
        FORMAT.encoder(Schema.of({"n": "int64"}), {"row_group": 0})

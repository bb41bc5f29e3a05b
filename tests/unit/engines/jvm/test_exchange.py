"""What is handed over to an engine is the same by caudal's own readers and by those that stand alone in a script."""

from __future__ import annotations

import base64
import bz2
import gzip
import importlib.util
import json
import lzma
import math
import random
import subprocess
import types
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from caudal.core.errors import InputError
from caudal.core.naming import natural_key
from caudal.core.types import INT32, INT64, Field, Schema
from caudal.engines.jvm import exchange, intake
from caudal.engines.jvm import parts as written
from caudal.engines.jvm.hidden_columns import PARTITION, POSITION, TIME, WATERMARK
from caudal.engines.jvm.job import exchange as reading
from caudal.engines.jvm.job import lines as job_lines
from caudal.engines.jvm.job import parts as job_parts
from caudal.engines.jvm.package import packed
from caudal.ingest.accepting import FUTURE
from caudal.observe.notices import Notice
from caudal.plan.expr import col
from caudal.plan.nodes import DEAD_FIELDS, Source
from caudal.ports import registry
from caudal.ports.engine import ALWAYS, BoundSource
from caudal.ports.format import FileReader, PortableFormat
from caudal.testing.flow import load
from caudal.testing.scenario import prepared

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT.parent / "shared" / "data"
SCRIPT = "caudal.engines.jvm.job.exchange"
FORMATS = ("json", "csv", "combined", "parquet")
MODULES = [SCRIPT, *(f"caudal.formats.{name}.portable" for name in FORMATS)]


@dataclass
class Case:
    """A source of files, as a plan has it."""

    format: str
    schema: Schema
    options: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    needed: list[str] | None = None
    time: str = ""
    unit: str = ""
    time_format: str = ""
    disorder: int = 0
    max_future: int | None = None
    timezone: str = ""
    read_at: int = ALWAYS

    @property
    def names(self) -> list[str]:
        return list(self.schema.names) if self.needed is None else self.needed

    @property
    def node(self) -> Source:
        return Source(
            name="events",
            connector="files",
            options=(),
            declared=self.schema,
            event_time=col(self.time) if self.time else None,
            unit=self.unit,
            time_format=self.time_format,
            disorder=self.disorder,
            max_future=self.max_future,
            timezone=self.timezone,
        )

    @cached_property
    def columns(self) -> Schema:
        hidden = [Field(TIME, INT64)] if self.time else []
        hidden += [Field(WATERMARK, INT64), Field(PARTITION, INT32), Field(POSITION, INT64)]
        return Schema([*(self.schema[name] for name in self.names), *hidden])


@pytest.fixture(scope="module")
def script() -> types.ModuleType:
    """What a script reads its files by."""
    return reading


READERS = {
    name: part
    for form in FORMATS
    for name, part in vars(importlib.import_module(f"caudal.formats.{form}.portable")).items()
}
"""What a script imports to read a format."""


TOLD = ("layout_decided", "quoted_newlines", "local_time_doubled", "local_time_missing")
"""Notices that a script has too, word for word, of sources with an event time."""


def reader_options(case: Case) -> dict[str, Any]:
    plugin = registry.find("format", case.format)
    return registry.check_options(case.options, plugin.reader_options, case.format)


def by_caudal(case: Case, path: Path, into: Path, form: str, threads: int = 1) -> dict[str, Any]:
    plugin = registry.find("format", case.format)
    needed = frozenset([*case.names, case.time]) - {""}
    reader = plugin.reader(case.node.readable, needed, reader_options(case))
    connector = registry.find("connector", "files")
    options = {**connector.source_options, "path": str(path), **case.files}
    source = connector.source(options, reader if isinstance(reader, FileReader) else None, case.node.readable)
    try:
        bound = BoundSource(source, reader)
        return exchange.hand_over(case.node, bound, 0, into, form, case.columns, threads=threads, read_at=case.read_at)
    finally:
        source.close()


def source_of(case: Case, path: Path) -> tuple[dict[str, Any], str]:
    """Return a source as a script has it, and the call that makes its reader."""
    plugin = registry.find("format", case.format)
    assert isinstance(plugin, PortableFormat)
    needed = frozenset([*case.names, case.time]) - {""}
    portable = plugin.portable(case.node.readable, needed, reader_options(case))
    assert portable.module in MODULES
    found = (
        sorted((str(file.relative_to(path)), str(file)) for file in path.rglob("*") if file.is_file())
        if path.is_dir()
        else [(path.name, str(path))]
    )
    files = {**registry.find("connector", "files").source_options, **case.files}
    timed = {"column": case.time, "unit": case.unit, "time_format": case.time_format}
    return {
        "id": "events",
        "files": sorted(found, key=lambda pair: natural_key(pair[0])),
        "columns": {name: case.schema.dtype(name).spec for name in case.names},
        "event_time": timed if case.time else None,
        "disorder": case.disorder,
        "compression": files["compression"],
        "max_record": files["max_record"],
        "max_decoded": files["max_decoded"],
        "max_future": FUTURE if case.max_future is None else case.max_future,
        "timezone": case.timezone,
        "local": [f.name for f in case.node.readable if f.local and f.name in needed],
        "dead": True,
    }, portable.call


def by_script(script: types.ModuleType, case: Case, path: Path, into: Path, form: str) -> dict[str, Any]:
    source, call = source_of(case, path)
    reader = eval(call, dict(READERS))
    return script.hand_over([{**source, "reader": reader}], str(into), form, case.read_at)["events"]


def parts(folder: Path, form: str) -> list[dict[str, Any]]:
    files = sorted(folder.iterdir())
    assert files
    assert [file.name for file in files] == [f"part-{i:05}.{form}" for i in range(len(files))]
    if form == "parquet":
        return [row for file in files for row in pq.read_table(file).to_pylist()]
    return [json.loads(line) for file in files for line in file.read_bytes().split(b"\n")[:-1]]


def exact(value: Any) -> Any:
    """Return a value whose comparison tells 1 from 1.0, and finds NaN equal to itself. -0 is 0, and written so."""
    if isinstance(value, float):
        return ("float", repr(value + 0.0))
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(item) for item in value] if isinstance(value, list) else value


def from_json(value: Any, dtype: Any) -> Any:
    """Return a JSON value as an engine reads it."""
    if value is None:
        return None
    if dtype.item is not None:
        return [from_json(item, dtype.item) for item in value]
    if dtype.name == "struct":
        return {f.name: from_json(value[f.name], f.dtype) for f in dtype.fields}
    if dtype.is_float:
        return float(value)
    return base64.b64decode(value) if dtype.name == "binary" else value


def check(script: types.ModuleType, case: Case, path: Path, tmp: Path) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Hand over by both, in both forms; return rows, dead letters and counts."""
    found: dict[str, Any] = {}
    notices: list[Notice] = []
    for form in ("json", "parquet"):
        for who in ("caudal", "script"):
            into = tmp / f"{form}-{who}"
            if who == "caudal":
                counts = by_caudal(case, path, into, form)
                counts.pop("bytes")
                notices = counts.pop("notices").all()
                counts.pop("watch")
                assert counts.pop("of") == {}, "no operator but the source makes letters here"
            else:
                counts = by_script(script, case, path, into, form)
                told = counts.pop("told")
                assert [n.to_text() for n in notices if n.code in TOLD and f"note: {n.to_text()}" not in told] == []
            rows, dead = parts(into / "0" / "rows", form), parts(into / "0" / "dead", form)
            if form == "json":
                rows = [{f.name: from_json(row[f.name], f.dtype) for f in case.columns} for row in rows]
            assert [*(rows[0] if rows else case.columns.names)] == list(case.columns.names)
            assert [*(dead[0] if dead else [f.name for f in DEAD_FIELDS])] == [f.name for f in DEAD_FIELDS]
            found[f"{form} by {who}"] = (exact(rows), dead, counts)
    first = found.pop("json by caudal")
    for name, other in found.items():
        assert other[2] == first[2], name
        for mine, theirs in ((first[1], other[1]), (first[0], other[0])):
            wrong = next((i for i, pair in enumerate(zip(mine, theirs)) if pair[0] != pair[1]), None)
            assert wrong is None, (name, mine[wrong], theirs[wrong])
            assert len(mine) == len(theirs), name
    return first


def fuzz(name: str) -> types.ModuleType:
    """Return the fuzz tests of a format, whose lines are made by seeds."""
    place = ROOT / "tests" / "fuzz" / name / f"test_{name}_fuzz.py"
    located = importlib.util.spec_from_file_location(f"fuzz_{name}", place)
    assert located is not None
    assert located.loader is not None
    module = importlib.util.module_from_spec(located)
    located.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(3))
def test_json_lines_of_the_fuzz_tests(script, tmp_path, seed) -> None:
    made = fuzz("json")
    r = random.Random(seed)
    lines = [made._line(r) for _ in range(2_000)]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(lines) + r.choice([b"", b"\n"]))
    case = Case("json", made.SCHEMA, time=r.choice(["timestamp", "when", "sec", "code", "narrow", "ip"]), disorder=5)
    rows, dead, _ = check(script, case, path, tmp_path)
    assert rows
    assert len({letter["reason"] for letter in dead}) >= 5
    few = Case("json", made.SCHEMA, needed=["small", "alert"], time="timestamp", unit="us")
    assert len(check(script, few, path, tmp_path / "few")[0]) > 0


@pytest.mark.parametrize("seed", range(3))
def test_csv_lines_of_the_fuzz_tests(script, tmp_path, seed) -> None:
    made = fuzz("csv")
    rng = random.Random(seed)
    lines = [made.make(rng) for _ in range(2_000)]
    path = tmp_path / "in.csv"
    header = ",".join(made.NAMES).encode() + b"\n"
    path.write_bytes(header + b"".join(line + rng.choice((b"\n", b"\r\n")) for line in lines))
    options = {"null_values": ["", "NA"], "comment": rng.choice(["", "a"])}
    case = Case("csv", Schema(made.FIELDS), options, time=rng.choice(["t", "u", "f", "g", "s"]), disorder=1_000)
    rows, dead, _ = check(script, case, path, tmp_path)
    assert {"utf8", "syntax", "fields", "type", "range", "event_time"} >= {letter["reason"] for letter in dead}
    assert dead
    assert rows or case.time == "s"


@pytest.mark.parametrize("encoding", ["escape", "utf-8"])
def test_access_logs_of_the_fuzz_tests(script, tmp_path, encoding) -> None:
    made = fuzz("combined")
    rng = random.Random(3)
    path = tmp_path / "access.log"
    lines = [made.make(rng)[0] for _ in range(700)] + [made.mutate(rng, made.make(rng)[0]) for _ in range(1_500)]
    path.write_bytes(b"".join(line + rng.choice((b"\n", b"\r\n", b"\n\n")) for line in lines))
    schema = registry.find("format", "combined").default_schema({})
    case = Case("combined", schema, {"encoding": encoding}, time="timestamp", disorder=60_000)
    rows, dead, _ = check(script, case, path, tmp_path)
    assert len(rows) > 700
    assert dead


def parquet_table() -> tuple[pa.Table, Schema]:
    floats = [1.5, None, math.nan, math.inf, -math.inf, -0.0]
    times = [0, None, -1, 1_499, -1_500, 10**15]
    text = ["2024-01-01T00:00:00Z", "no", None, "2024-02-30", "", "2024-01-02"]
    inner = pa.struct([("x", pa.float32()), ("when", pa.timestamp("us"))])
    table = pa.table(
        {
            "f": pa.array(floats, pa.float64()),
            "g": pa.array(floats, pa.float32()),
            "i": pa.array([1, None, -(2**31), 2**31 - 1, 5, 6], pa.int32()),
            "u": pa.array([1, None, 2, 2**32 - 1, 5, 6], pa.uint32()),
            "b": pa.array([True, None, False, True, True, False]),
            "s": pa.array(["a", None, 'ä\u2028"\\', "", "%s\n", "z"]).dictionary_encode(),
            "raw": pa.array([b"\xff\x00", None, b"", b"abc", b"a", b"b"]),
            "us": pa.array(times, pa.timestamp("us", "UTC")),
            "ns": pa.array(times, pa.timestamp("ns")),
            "day": pa.array([0, None, -1, 19_000, 1, 2], pa.date32()),
            "took": pa.array(times, pa.duration("us")),
            "whole": pa.array(times, pa.int64()),
            "text": pa.array(text),
            "sec": pa.array([1.0005, None, -1.0005, math.nan, 1e300, 2.0]),
            "l": pa.array([[1.5, None], None, [], [math.nan], [math.inf], [2.0]], pa.list_(pa.float64())),
            "o": pa.array([{"x": 0.1, "when": -1}, None, {"x": None, "when": None}, {"x": math.nan}, {}, {}], inner),
            "ol": pa.array([[{"x": 0.1, "when": 1_999}], None, [None], [], [{}], []], pa.list_(inner)),
            "id.orig": pa.array(["h"] * 6),
        }
    )
    schema = Schema.of(
        {
            "f": "float64",
            "g": "float32",
            "wide": Field("wide", Schema.of({"x": "float64"}).dtype("x"), path=("g",)),
            "i": "int64",
            "u": "int64",
            "b": "bool",
            "s": "string",
            "raw": "binary",
            "us": "timestamp",
            "ns": "timestamp",
            "day": "timestamp",
            "took": "duration",
            "whole": "duration",
            "text": "timestamp",
            "sec": "timestamp",
            "l": ["float64"],
            "o": {"x": "float32", "when": "timestamp"},
            "x": Field("x", Schema.of({"x": "float32"}).dtype("x"), path=("o", "x")),
            "ol": [{"when": "timestamp"}],
            "id.orig": "string",
        }
    )
    return table, schema


def test_parquet(script, tmp_path) -> None:
    table, schema = parquet_table()
    path = tmp_path / "in"
    path.mkdir()
    pq.write_table(table, path / "1.parquet", row_group_size=2)
    pq.write_table(table.slice(0, 0), path / "2.parquet")
    pq.write_table(pa.concat_tables([table.slice(4)] * 900), path / "10.parquet")
    rows, dead, counts = check(script, Case("parquet", schema), path, tmp_path)
    assert len(rows) == 3 + 900
    assert {letter["reason"] for letter in dead} == {"type"}
    assert list(counts["partitions"]) == ["1.parquet", "2.parquet", "10.parquet"]
    timed = Case("parquet", schema, needed=["i", "l"], time="us", disorder=7)
    rows, dead, _ = check(script, timed, path, tmp_path / "timed")
    assert {letter["reason"] for letter in dead} == {"type"}
    bare = Schema([f for f in schema if f.name not in ("text", "sec")])
    for time, unit in (("f", "s"), ("g", ""), ("us", ""), ("i", "s"), ("g", "us")):
        case = Case("parquet", bare, needed=[], time=time, unit=unit)
        assert check(script, case, path, tmp_path / f"by-{time}{unit}")[1]
    assert len(check(script, Case("parquet", bare, needed=[]), path, tmp_path / "none")[0]) == 6 + 1_800


def broken(seed: int, raw: bytes) -> dict[str, bytes]:
    """Return files: whole, compressed, cut off, damaged, with padding, of several members."""
    r = random.Random(seed)
    half = len(raw) // 2
    packed = gzip.compress(raw, mtime=0)
    frames = zstandard.ZstdCompressor(write_checksum=True).compress(raw[:half])
    frames += b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstandard.ZstdCompressor().compress(raw[half:])
    at, to = r.randrange(20, len(packed) - 8), r.randrange(20, len(frames) - 8)
    return {
        "plain": raw,
        "empty": b"",
        "empty.gz": b"",
        "crlf": raw.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + raw,
        "bom only": b"\xef\xbb\xbf",
        "newlines": b"\n\n \n" + raw + b"\n\n",
        "open end": raw[: len(raw) - r.randrange(1, 30)],
        "one.gz": packed,
        "members.gz": gzip.compress(raw[:half]) + gzip.compress(raw[half:]) + bytes(100),
        "cut.gz": packed[: r.randrange(1, len(packed))],
        "behind.gz": packed + b"rubbish",
        "damaged.gz": packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :],
        "promised.gz": raw,
        "frames.zst": frames,
        "cut.zst": frames[: r.randrange(1, len(frames))],
        "damaged.zst": frames[:to] + bytes([frames[to] ^ 0x55]) + frames[to + 1 :],
        "hidden": packed,
        "streams.xz": lzma.compress(raw[:half]) + bytes(8) + lzma.compress(raw[half:]),
        "cut.xz": (xz := lzma.compress(raw))[: r.randrange(1, len(xz))],
        "blocks.bz2": bz2.compress(raw[:half]) + bz2.compress(raw[half:]),
        "cut.bz2": (bz := bz2.compress(raw))[: r.randrange(1, len(bz))],
        "damaged.bz2": bz[: len(bz) // 2] + bytes([bz[len(bz) // 2] ^ 0x55]) + bz[len(bz) // 2 + 1 :],
        "powershell": "\ufeff".encode("utf-16-le") + raw.decode().encode("utf-16-le"),
        "halves": b"\xfe\xff" + raw.decode().encode("utf-16-be") + b'\xd8\0\0"\0',
        "utf16.gz": gzip.compress(raw.decode().encode("utf-16")),
    }


@pytest.mark.parametrize("seed", range(6))
def test_streams_of_all_kinds(script, tmp_path, seed) -> None:
    r = random.Random(seed)
    most = r.choice([40, 200, 5_000, 1 << 20])
    lines = []
    for i in range(r.choice([3, 50, 600])):
        size = r.choice([3, 3, 3, most - 30, most + 9]) if r.random() < 0.1 else 3
        lines.append(json.dumps({"t": 1_000 * i - r.randrange(2_000), "s": "ä" * max(0, min(size, 20_000) // 2)}))
    raw = ("\n".join(lines) + "\n").encode()
    path = tmp_path / "in"
    path.mkdir()
    for name, content in broken(seed, raw).items():
        (path / name).write_bytes(content)
    files = {"max_record": most, "max_decoded": r.choice([10**9, len(raw) // 3 + 1])}
    case = Case("json", Schema.of({"t": "timestamp", "s": "string"}), files=files, time="t", disorder=500)
    rows, dead, counts = check(script, case, path, tmp_path)
    assert rows
    assert len(counts["failures"]) >= 5
    assert {"truncated"} <= {letter["reason"] for letter in dead}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "xz", "bz2"])
def test_a_compression_that_is_said(script, tmp_path, compression) -> None:
    raw = b'{"s":"x"}\n' * 1_000
    path = tmp_path / "in"
    path.mkdir()
    for name, content in broken(1, raw).items():
        (path / name).write_bytes(content)
    case = Case("json", Schema.of({"s": "string"}), files={"compression": compression})
    assert check(script, case, path, tmp_path)[0]


HEADS = [
    (b"", {}),
    (b"k,n\n", {}),
    (b"k,n", {}),
    (b"\n\r\n#c\nn,k\r\n1,a\n\n#d\n2,b", {"comment": "#"}),
    (b"#" + b"c" * 70_000 + b"\nk,n\na,1\n", {"comment": "#"}),
    (b"#c\n" * 30_000 + b"k,n\na,1\n", {"comment": "#"}),
    (b'\xef\xbb\xbf"k";n;"x;y"\na;1;2\n"a;b";2;', {"delimiter": ";"}),
    (b"a,1\nb,2\n", {"header": False}),
    (b"x,1,a\ny,2,b\n", {"header": False, "columns": ["z", "n", "k"]}),
    (b"k,n\n'a,1\n", {"quote": "'"}),
    (b'k,n\n"a,1\n', {"quote": ""}),
    (b"k,n\n" + b"v" * 70_000 + b",1\nb,2\n", {}),
]


@pytest.mark.parametrize(("raw", "options"), HEADS)
def test_beginnings_of_csv(script, tmp_path, raw, options) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(raw)
    check(script, Case("csv", Schema.of({"k": "string", "n": "int32"}), options), path, tmp_path)


def test_csv_of_one_column(script, tmp_path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"k\n\na\n\r\nb")
    rows, _, _ = check(script, Case("csv", Schema.of({"k": "string"})), path, tmp_path)
    assert [row["k"] for row in rows] == [None, "a", None, "b"]


@pytest.mark.parametrize("raw", [b"k,x\na,1\n", b"k,n,n\n", b'"k,n\na,1\n', b"k,\xff\n"])
def test_a_header_that_does_not_fit(script, tmp_path, raw) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(raw)
    case = Case("csv", Schema.of({"k": "string", "n": "int32"}))
    with pytest.raises(InputError) as mine:
        by_caudal(case, path, tmp_path / "a", "json")
    with pytest.raises(script.Unreadable) as theirs:
        by_script(script, case, path, tmp_path / "b", "json")
    assert str(theirs.value).startswith(f"{mine.value.location}: {mine.value.message}")


def test_files_of_other_columns(script, tmp_path) -> None:
    table, _ = parquet_table()
    pq.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    for name, schema in (
        ("in.parquet", {"missing": "int64"}),
        ("in.parquet", {"s": "int64"}),
        ("in.parquet", {"l": ["string"]}),
        ("in.parquet", {"y": Field("y", Schema.of({"x": "string"}).dtype("x"), path=("o", "y"))}),
        ("no.parquet", {"s": "string"}),
    ):
        case = Case("parquet", Schema.of(schema))
        with pytest.raises(InputError) as mine:
            by_caudal(case, tmp_path / name, tmp_path / "a", "json")
        with pytest.raises(script.Unreadable) as theirs:
            by_script(script, case, tmp_path / name, tmp_path / "b", "json")
        assert mine.value.message.split("'")[0] in str(theirs.value)


def test_a_file_that_is_not_there(script, tmp_path) -> None:
    source, call = source_of(Case("json", Schema.of({"s": "string"})), tmp_path)
    source |= {"files": [("gone", str(tmp_path / "gone"))], "reader": eval(call, dict(READERS))}
    with pytest.raises(script.Unreadable, match=r"cannot read .*gone: No such file"):
        script.hand_over([source], str(tmp_path / "out"), "json")


def test_times_that_are_none_or_far_ahead(script, tmp_path) -> None:
    far, times = 4_000_000_000_000, [5, None, 2**53 + 1, 1, -(2**53), -(2**53) - 1]
    lines = [json.dumps({"t": t, "pad": "x" * 5_000}) for t in [*times, far]]
    path = tmp_path / "in.jsonl"
    path.write_text("\r\n".join(lines))
    schema = Schema.of({"t": "int64"})
    rows, dead, _ = check(script, Case("json", schema, time="t", disorder=3), path, tmp_path)
    assert [(row["__t"], row["__w"]) for row in rows] == [(5, 2), (1, 2), (-(2**53), 2), (far, 2)]
    assert [letter["message"] for letter in dead] == [
        "the event time is null",
        "the event time cannot be read",
        "the event time cannot be read",
    ]
    limited = Case("json", schema, time="t", max_future=90_000, read_at=1_700_000_000_000)
    letters = []
    for who in ("caudal", "script"):
        into = tmp_path / who
        if who == "caudal":
            by_caudal(limited, path, into, "json")
        else:
            by_script(script, limited, path, into, "json")
        (letter,) = [d for d in parts(into / "0" / "dead", "json") if d["reason"] == "far_future"]
        assert letter["detail"] == "2300000000.000 s after the read at 1700000000000 ms"
        letters.append(letter)
    assert letters[0] == letters[1]
    assert letters[0]["event_time"] == far
    assert "1m30s ahead" in letters[0]["message"]
    assert letters[0]["truncated"]


BERLIN = {"t": "timestamp", "seen": "timestamp", "s": "string"}
WALLS = [
    "2024-10-27T01:59:59",
    "2024-10-27T02:30:00",
    "2024-10-27T02:00:00",
    "2024-10-27T02:59:59",
    "2024-10-27T03:00:00",
]


@pytest.mark.parametrize("form", ["json", "csv", "text", "parquet"])
def test_local_times(script, tmp_path, monkeypatch, form) -> None:
    """Doubled and missing hours, behind one another and in any order; text with an offset keeps it, numbers are epochs."""
    monkeypatch.setattr(intake, "_READ", 400)
    monkeypatch.setattr(job_lines, "_READ_BYTES", 400)
    r = random.Random(form)
    texts = [
        *WALLS,
        "2024-10-27T02:10:00",
        "2024-10-27 02:20",
        "2024-03-31T02:30:00",
        "2024-10-27T02:15:00Z",
        "nonsense",
    ]
    rows = [{"t": r.choice(texts), "seen": r.choice(texts[:-1]), "s": r.choice(texts)} for _ in range(300)]
    path = tmp_path / f"in.{form}"
    if form == "csv":
        path.write_text("t,seen,s\n" + "".join(f"{row['t']},{row['seen']},{row['s']}\n" for row in rows))
    elif form == "parquet":
        naive = [datetime.fromisoformat(row["t"]).replace(tzinfo=None) for row in rows if row["t"] != "nonsense"]
        pq.write_table(pa.table({"t": naive, "seen": naive, "s": ["x"] * len(naive)}), path)
    else:
        rows += [{"t": 1_729_990_800_000, "seen": None, "s": "x"}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    name = "json" if form == "text" else form
    case = Case(
        name,
        Schema.of(BERLIN),
        time="s" if form == "text" else "t",
        timezone="Europe/Berlin",
        read_at=1_735_000_000_000,
        disorder=1_000,
    )
    found, dead, _ = check(script, case, path, tmp_path)
    assert bool(dead) == (form != "parquet")
    assert len({row["__t"] for row in found}) > 8


def test_the_reading_nearer_to_what_came_before(script, tmp_path) -> None:
    path = tmp_path / "in.jsonl"
    walls = ["01:59:00", "02:59:00", "02:00:00", "02:58:00", "03:30:00", "02:59:00"]
    path.write_text("".join(f'{{"t":"2024-10-27T{wall}"}}\n' for wall in walls))
    case = Case("json", Schema.of({"t": "timestamp"}), time="t", timezone="Europe/Berlin", read_at=1_735_000_000_000)
    rows, _, _ = check(script, case, path, tmp_path)
    midnight = 1_729_987_200_000  # 2024-10-27 00:00 UTC, 02:00 CEST
    # 02:00 behind 02:59 is winter time; 02:58 is nearer to that in summer time; behind 03:30 it is winter again
    assert [(row["__t"] - midnight) // 60_000 for row in rows] == [-1, 59, 60, 58, 150, 119]
    assert [row["t"] for row in rows] == [row["__t"] for row in rows]


def file_flows() -> list[Path]:
    return [flow for flow in sorted((ROOT / "tests" / "scenarios").rglob("*.flow")) if "\nformat:" in flow.read_text()]


@pytest.mark.parametrize("flow", file_flows(), ids=lambda flow: f"{flow.parent.name}/{flow.stem}")
def test_inputs_of_the_scenarios(script, tmp_path, flow) -> None:
    with prepared(load(flow)) as ready:
        nodes = [node for node in ready.case.plan.sources if node.connector == "files"]
        assert nodes
        for number, node in enumerate(nodes):
            options = dict(node.options)
            case = Case(
                node.format,
                node.declared,
                dict(node.format_options),
                files={name: value for name, value in options.items() if name != "path"},
                time="" if node.event_time is None else node.event_time.name,  # type: ignore[attr-defined]
                unit=node.unit,
                time_format=node.time_format,
                timezone=node.timezone,
                disorder=node.disorder,
            )
            rows, dead, counts = check(script, case, Path(options["path"]), tmp_path / str(number))
            assert counts["rows"] == len(rows)
            assert counts["dead"] == len(dead)


LOGS = {
    "weblogs/elastic_apache_logs.log.gz": ("combined", "timestamp"),
    "weblogs/honeynet_access_log.13.gz": ("combined", "timestamp"),
    "weblogs/nginx_loopback_access.jsonl.gz": ("json", ""),
    "suricata/eve_alerts_honeypot-2018.jsonl.gz": ("json", "timestamp"),
    "zeek/002_nmap_portscan_conn.json.gz": ("json", "ts"),
    "edgar/edgar_2017-01-01_am.csv.gz": ("csv", "date"),
    "binetflow/test4-malicious.binetflow.gz": ("csv", "StartTime"),
}


@pytest.mark.data
@pytest.mark.parametrize("log", LOGS)
def test_real_logs(script, tmp_path, log) -> None:
    path = DATA / log
    if not path.exists():
        pytest.skip("the shared sample data is not there")
    name, time = LOGS[log]
    plugin = registry.find("format", name)
    begun = b"\n".join(gzip.decompress(path.read_bytes()).split(b"\n")[:3_000]) + b"\n"
    options = registry.check_options({}, plugin.reader_options, name)
    schema = plugin.infer(b"\n".join(begun.split(b"\n")[:1_000]) + b"\n", str(path), options)
    sample = tmp_path / "sample"
    sample.write_bytes(begun)
    form = "%Y/%m/%d %H:%M:%S.%f" if time == "StartTime" else ""
    case = Case(name, schema, time=time, disorder=1_000 if time else 0, time_format=form)
    assert check(script, case, sample, tmp_path)[0]


def test_partitions_side_by_side_and_threads(script, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(written, "PART_ROWS", 1_000)
    monkeypatch.setattr(intake, "_READ", 20_000)
    monkeypatch.setattr(job_parts, "HANDOVER_ROWS", 1_000)
    monkeypatch.setattr(job_lines, "_READ_BYTES", 20_000)
    path = tmp_path / "in"
    path.mkdir()
    for number in (1, 2, 10):
        lines = [json.dumps({"t": i * number, "s": str(i)}) for i in range(4_000)]
        (path / f"log.{number}").write_text("\n".join(lines) + "\n")
    case = Case("json", Schema.of({"t": "int64", "s": "string"}), time="t", disorder=10)
    rows, _, counts = check(script, case, path, tmp_path)
    assert counts["partitions"] == {"log.1": 4_000, "log.2": 4_000, "log.10": 4_000}
    assert len(list((tmp_path / "json-script" / "0" / "rows").iterdir())) > 2
    by_caudal(case, path, tmp_path / "threads", "json", threads=3)
    assert exact(parts(tmp_path / "threads" / "0" / "rows", "json")) == rows


def test_rows_in_memory(tmp_path) -> None:
    """A connector that gives decoded rows, and an event time that is an expression."""
    import caudal as cd

    rows = [{"d": "2024-01-01", "h": "10:00:00", "n": 1}, {"d": "2024-01-01", "h": None, "n": 2}, {"n": "x"}]
    schema = Schema.of({"d": "string", "h": "string", "n": "int64"})
    node = Source(
        name="events",
        connector="memory",
        options=(),
        declared=schema,
        event_time=cd.concat(cd.col("d"), cd.lit("T"), cd.col("h")),
        disorder=100,
    )
    source = registry.find("connector", "memory").source({"rows": [rows, rows[:1]]}, None, schema)
    columns = Schema([schema["n"], Field(TIME, INT64), Field(WATERMARK, INT64), Field(PARTITION, INT32)])
    counts = exchange.hand_over(node, BoundSource(source, None), 3, tmp_path, "json", columns)
    assert parts(tmp_path / "3" / "rows", "json") == [
        {"n": 1, "__t": 1704103200000, "__w": 1704103199900, "__p": 0},
        {"n": 1, "__t": 1704103200000, "__w": 1704103199900, "__p": 1},
    ]
    dead = parts(tmp_path / "3" / "dead", "json")
    assert [(d["partition"], d["position"], d["reason"]) for d in dead] == [("p0", 1, "event_time"), ("p0", 2, "type")]
    assert counts["partitions"] == {"p0": 3, "p1": 1}


@pytest.mark.engines
@pytest.mark.parametrize("engine", ["flink", "spark"])
def test_in_the_interpreter_of_an_engine(script, tmp_path, engine) -> None:
    """Without caudal, by the libraries that the engine pins."""
    health = registry.find("environment", engine).health()
    if not health.installed:
        pytest.skip(f"the environment of {engine} is not installed")
    raw = fuzz("json")
    r = random.Random(5)
    sources: list[str] = []
    expected = tmp_path / "expected"
    table, schema = parquet_table()
    cases = {
        "in.jsonl": Case("json", raw.SCHEMA, time="timestamp"),
        "in.zst": Case("json", raw.SCHEMA, time="when"),
        "in.parquet": Case("parquet", schema),
    }
    text = b"\n".join(raw._line(r) for _ in range(500))
    (tmp_path / "in.jsonl").write_bytes(text)
    (tmp_path / "in.zst").write_bytes(zstandard.ZstdCompressor().compress(text)[:-20])
    pq.write_table(table, tmp_path / "in.parquet")
    form = {"flink": "json", "spark": "parquet"}[engine]
    wanted = {}
    for i, (name, case) in enumerate(cases.items()):
        source, call = source_of(case, tmp_path / name)
        sources.append(f"{{**{ {**source, 'id': name}!r}, 'reader': {call}}}")
        counts = by_script(script, case, tmp_path / name, expected / str(i), form)
        told = [line.replace(": events: ", f": {name}: ") for line in counts["told"]]
        wanted[name] = {**counts, "told": told}
    (tmp_path / "package.zip").write_bytes(packed(MODULES))
    job = f"import json, sys\nsys.path.insert(0, {str(tmp_path / 'package.zip')!r})\n"
    job += "".join(f"from {module} import *\n" for module in MODULES)
    job += f"\nprint(json.dumps(hand_over([{', '.join(sources)}], {str(tmp_path / 'out')!r}, {form!r})))\n"
    (tmp_path / "job.py").write_text(job)
    done = subprocess.run(
        [health.python, "-I", str(tmp_path / "job.py")], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == wanted
    for i, name in enumerate(cases):
        for what in ("rows", "dead"):
            mine = parts(expected / str(i) / "0" / what, form)
            theirs = parts(tmp_path / "out" / str(i) / what, form)
            if what == "dead":
                theirs = [{**d, "source": "events", "operator": "events"} for d in theirs]
            assert exact(theirs) == exact(mine), name


def test_what_a_script_tells(script, tmp_path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    row = '{"t":"2024-10-27T02:30:00","ip":"a"}\n'
    twice = '{"t":"2024-10-27T02:30:00","ip":"a","ip":"b"}\n'
    for number in range(7):
        (folder / f"{number}\x1b[2J.jsonl").write_text(row + twice + "rubbish\n")
    schema = Schema.of({"t": "timestamp", "ip": "string"})
    case = Case("json", schema, time="t", timezone="Europe/Berlin", read_at=1_735_000_000_000)
    told = by_script(script, case, folder, tmp_path / "out", "json")["told"]
    assert [line.split(" (")[0] for line in told] == [
        "warning: events: 7 dead letters of the reason duplicate_key: field 'ip' is named twice, with different values",
        "note: events: 7 dead letters of the reason syntax: not valid JSON: Expecting value at character 1",
        "note: 0\\u001b[2J.jsonl and 6 others: 7 times of a doubled hour, read as nearest to those before",
    ]
    (folder / "other").write_text("no\n")
    case = Case("combined", Schema.of({"ip": "string"}), read_at=1_735_000_000_000)
    assert by_script(script, case, folder / "other", tmp_path / "dead", "json")["told"] == [
        "warning: events: all 1 records are dead letters",
        "note: events: 1 dead letter of the reason syntax: the line does not begin as: client ident user"
        ' [day/month/year:h:m:s offset] "',
        'note: other: lines begin as: client ident user (by most of the first ones; layout="client" declares it)',
    ]

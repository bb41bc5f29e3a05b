import base64
import datetime
import io
import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from caudal.core.types import Schema
from caudal.formats.json import FORMAT

UTC = datetime.UTC


def encode(table: pa.Table) -> list[str]:
    encoder = FORMAT.encoder(Schema.of({}), {})
    out = io.BytesIO()
    encoder.begin(out, append=False)
    encoder.write(encoder.encode(table))
    encoder.end()
    text = out.getvalue().decode()
    assert text.endswith("\n") or text == ""
    return text.splitlines()


def test_every_type_in_its_form() -> None:
    inner = pa.struct([("t", pa.timestamp("ms", "UTC")), ("n", pa.struct([("f", pa.float64())]))])
    table = pa.table(
        {
            "i": pa.array([1, None]),
            "f": [1.5, float("nan")],
            "g": pa.array([float("inf"), 1e300]),
            "h": pa.array([0.1, float("-inf")], pa.float32()),
            "s": ['ä"\\\n\x01', None],
            "b": [True, None],
            "t": pa.array([0, -1], pa.timestamp("ms", "UTC")),
            "d": pa.array([5, None], pa.duration("ms")),
            "raw": [b"ab", None],
            "l": [[1.0, float("nan")], None],
            "o": pa.array([{"t": datetime.datetime(2020, 1, 1, tzinfo=UTC), "n": {"f": float("inf")}}, None], inner),
            "lo": pa.array([[{"d": 7}], []], pa.list_(pa.struct([("d", pa.duration("ms"))]))),
        }
    )
    first, second = encode(table)
    assert json.loads(first) == {
        "i": 1, "f": 1.5, "g": None, "h": 0.1, "s": 'ä"\\\n\x01', "b": True, "t": "1970-01-01T00:00:00.000Z", "d": 5,
        "raw": "YWI=", "l": [1.0, None], "o": {"t": "2020-01-01T00:00:00.000Z", "n": {"f": None}}, "lo": [{"d": 7}],
    }  # fmt: skip
    assert json.loads(second) == {
        "i": None, "f": None, "g": 1e300, "h": None, "s": None, "b": None, "t": "1969-12-31T23:59:59.999Z", "d": None,
        "raw": None, "l": None, "o": None, "lo": [],
    }  # fmt: skip
    assert list(json.loads(first)) == table.column_names


def test_no_rows_and_no_columns() -> None:
    assert encode(pa.table({"a": pa.array([], pa.int64())})) == []
    assert encode(pa.table({"a": [1, 2]}).select([])) == ["{}", "{}"]


def values(column: pa.Array) -> list[str]:
    """Return the text of each value as it is written, of one column."""
    return [line.removeprefix('{"x":').removesuffix("}") for line in encode(pa.table({"x": column}))]


def arrow(floats: npt.NDArray[np.float64] | npt.NDArray[np.float32]) -> pa.Array:
    kind = pa.float64() if floats.dtype == np.float64 else pa.float32()
    return pa.Array.from_buffers(kind, len(floats), [None, pa.py_buffer(floats)])


def significant(text: str) -> str:
    return text.lstrip("-").split("e")[0].replace(".", "").strip("0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (1.0, "1.0"),
        (-401.5, "-401.5"),
        (100.0, "100.0"),
        (9007199254740993.0, "9007199254740992.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (12345678901234567.0, "1.2345678901234568e+16"),
        (1234567890123456.8, "1234567890123456.8"),
        (0.1, "0.1"),
        (0.001234, "0.001234"),
        (1.5e-05, "0.000015"),
        (1e-06, "1e-6"),
        (1.23e-07, "1.23e-7"),
        (5e-324, "5e-324"),
        (2.2250738585072014e-308, "2.2250738585072014e-308"),
        (-1.7976931348623157e308, "-1.7976931348623157e+308"),
        (1e23, "1e+23"),
        (9.5367431640625e-07, "9.5367431640625e-7"),
    ],
)
def test_how_a_float_is_spelt(value: float, text: str) -> None:
    assert values(pa.array([value])) == [text]


EDGES = (np.arange(2047, dtype=np.uint64) << np.uint64(52))[:, None] + np.array([0, 1, 2**52 - 1], np.uint64)


@pytest.mark.parametrize(
    "floats",
    [
        np.random.default_rng(1).integers(0, 2**64, 50_000, np.uint64).view(np.float64),
        np.random.default_rng(2).integers(0, 2**52, 10_000, np.uint64).view(np.float64),
        EDGES.ravel().view(np.float64),
        np.array([float(f"{m}e{k}") for k in range(-323, 308) for m in (1, 2, 5, 9.5, 123456789)]),
        np.arange(20_000) / 2,
        np.arange(20_000) / 1000,
        np.random.default_rng(3).integers(0, 2**63, 10_000).astype(np.float64),
        np.sqrt(np.random.default_rng(4).random(10_000) * 1e19),
    ],
    ids=["any", "subnormal", "beside powers of two", "powers of ten", "halves", "thousandths", "integers", "roots"],
)
def test_a_float64_reads_back_and_is_as_short_as_pythons(floats: npt.NDArray[np.float64]) -> None:
    """Python's repr is the oracle: the shortest text that reads back, of these the nearest."""
    finite = floats[np.isfinite(floats)]
    texts = values(arrow(finite))
    back = np.array([json.loads(text) for text in texts], np.float64)
    assert (back.view(np.uint64) == (finite + 0.0).view(np.uint64)).all()  # -0 is written as 0
    assert [significant(text) for text in texts] == [significant(repr(value)) for value in finite.tolist()]
    assert all("." in text or "e" in text for text in texts)


def test_a_float32_reads_back_and_is_as_short_as_numpys() -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 50_000, np.uint32)
    bits = np.concatenate([bits, np.arange(255, dtype=np.uint32) << 23, np.arange(1, 2000, dtype=np.uint32)])
    floats = bits.astype(np.uint32).view(np.float32)
    finite = floats[np.isfinite(floats)]
    texts = values(arrow(finite))
    back = np.array([json.loads(text) for text in texts]).astype(np.float32)
    assert (back.view(np.uint32) == (finite + np.float32(0)).view(np.uint32)).all()
    assert [significant(text) for text in texts] == [significant(str(value)) for value in finite]


def test_what_is_no_number_is_null() -> None:
    bits = np.array([0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, 0xFFF8 << 48, (0x7FF0 << 48) + 1], np.uint64)
    assert values(arrow(bits.view(np.float64))) == ["null"] * 5
    assert values(arrow(np.array([np.nan, np.inf, -np.inf], np.float32))) == ["null"] * 3


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.duration("ms")], ids=str)
def test_integers(kind: pa.DataType) -> None:
    bits = 31 if kind == pa.int32() else 63
    edges = {sign * 10**n + d for n in range(20) for d in (-1, 0, 1) for sign in (1, -1)} | {2**bits - 1, -(2**bits)}
    numbers = sorted(n for n in edges if -(2**bits) <= n < 2**bits)
    assert values(pa.array(numbers, kind)) == [str(n) for n in numbers]


def test_instants() -> None:
    lowest, highest = -62_135_596_800_000, 253_402_300_799_999
    numbers = np.random.default_rng(1).integers(lowest, highest, 5_000).tolist()
    numbers += [lowest, highest, 0, -1, 86_399_999, 86_400_000, -86_400_000]
    epoch = datetime.datetime(1970, 1, 1)
    expected = [
        f'"{(epoch + datetime.timedelta(milliseconds=n)).isoformat(timespec="milliseconds")}Z"' for n in numbers
    ]
    assert values(pa.array(numbers, pa.timestamp("ms", "UTC"))) == expected


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-62_135_596_800_001, "0000-12-31T23:59:59.999Z"),
        (-62_167_219_200_001, "-0001-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+10000-01-01T00:00:00.000Z"),
        (8_000_000_000_000_000, "+255479-11-28T14:13:20.000Z"),
        (2**63 - 1, "+292278994-08-17T07:12:55.807Z"),
        (-(2**63), "-292275055-05-16T16:47:04.192Z"),
    ],
)
def test_years_that_have_not_four_digits(ms: int, text: str) -> None:
    column = pa.array([0, ms, 0], pa.timestamp("ms", "UTC"))
    assert values(column) == ['"1970-01-01T00:00:00.000Z"', f'"{text}"', '"1970-01-01T00:00:00.000Z"']


@pytest.mark.parametrize("character", ['"', "\\", "\n", "\x00", "\x1f", "é", "😀", "\x7f"])
def test_a_string_is_escaped_where_it_must_be(character: str) -> None:
    """Of every length and with the character everywhere, so also where the buffer ends."""
    texts = ["a" * n for n in range(70)] + ["b" * i + character + "c" * (69 - i) for i in range(70)] + [character * 40]
    for rows in (texts, texts[::-1]):
        assert values(pa.array(rows, pa.large_string())) == [json.dumps(text, ensure_ascii=False) for text in rows]


def test_every_character_below_space() -> None:
    text = "".join(map(chr, range(0x80)))
    assert values(pa.array([text])) == [json.dumps(text, ensure_ascii=False)]


def test_bytes_are_base64() -> None:
    raw = [bytes(range(n, 2 * n)) for n in range(100)] + [b"\xff" * 3, b""]
    assert values(pa.array(raw, pa.large_binary())) == [f'"{base64.b64encode(b).decode()}"' for b in raw]


def test_names_are_escaped() -> None:
    names = ['a"b', "back\\slash", "line\nfeed", "ключ", ""]
    lines = encode(pa.table({name: [1] for name in names}))
    assert lines == [json.dumps(dict.fromkeys(names, 1), ensure_ascii=False, separators=(",", ":"))]


def test_a_table_of_pieces() -> None:
    """Columns whose pieces end at different rows, each piece behind the beginning of its buffers."""
    numbers = pa.chunked_array([pa.array([9, 1, None, 3]).slice(1), pa.array([None, 5])])
    texts = pa.chunked_array([pa.array(["z", "a"]).slice(1), pa.array(["b", None, "", "e"])])
    flags = pa.chunked_array([pa.array([None] * 9 + [True, False, None, True, False]).slice(9)])
    lists = pa.chunked_array([pa.array([[7], [1, None], [], None, [2], [3, 4]]).slice(1)])
    structs = pa.chunked_array([pa.array([{"p": i, "q": None} if i % 2 else None for i in range(9)]).slice(4)])
    table = pa.table({"n": numbers, "s": texts, "b": flags, "l": lists, "o": structs})
    assert [json.loads(line) for line in encode(table)] == table.to_pylist()


def test_a_type_that_is_not_caudals() -> None:
    with pytest.raises(TypeError, match="decimal128"):
        encode(pa.table({"x": pa.array([1], pa.decimal128(5, 2))}))

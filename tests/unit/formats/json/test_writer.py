import datetime
import io
import json

import pyarrow as pa

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

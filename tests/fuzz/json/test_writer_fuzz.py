"""Any table, of any types and cut anywhere, is written as Python's own values say.

CAUDAL_FUZZ sets how many rows are tried (default 20,000).
"""

import base64
import json
import math
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from caudal.columnar.column import arrow_type
from caudal.core.types import SCALARS, DataType, Field, Schema, list_of, struct_of
from caudal.formats.json import FORMAT

pytestmark = pytest.mark.slow
ROWS = int(os.environ.get("CAUDAL_FUZZ", "20000"))
PER_TABLE = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHARACTERS = 'aaaaaaaaaab 01"\\/\n\t\x00\x1fäЖ€😀'


def some_type(choice: random.Random, depth: int) -> DataType:
    if depth > 0 and choice.random() < 0.3:
        if choice.random() < 0.5:
            return list_of(some_type(choice, depth - 1))
        return struct_of(Field(f"f{i}", some_type(choice, depth - 1)) for i in range(choice.randint(1, 3)))
    return choice.choice(list(SCALARS.values()))


def some_value(choice: random.Random, dtype: DataType) -> Any:
    if choice.random() < 0.15:
        return None
    if dtype.item is not None:
        return [some_value(choice, dtype.item) for _ in range(choice.choice([0, 1, 2, 5]))]
    if dtype.name == "struct":
        return {field.name: some_value(choice, field.dtype) for field in dtype.fields}
    match dtype.name:
        case "bool":
            return choice.random() < 0.5
        case "int32":
            return choice.randint(-(2**31), 2**31 - 1) >> choice.randint(0, 31)
        case "int64" | "duration":
            return choice.randint(-(2**63), 2**63 - 1) >> choice.randint(0, 63)
        case "timestamp":
            return choice.randint(-62_135_596_800_000, 253_402_300_799_999)
        case "float64":
            return (
                float(np.uint64(choice.getrandbits(64)).view(np.float64)) if choice.random() < 0.5 else choice.random()
            )
        case "float32":
            return float(np.uint32(choice.getrandbits(32)).view(np.float32))
        case "string":
            return "".join(choice.choices(CHARACTERS, k=choice.choice([0, 3, 20, 33, 80])))
        case _:
            return choice.randbytes(choice.randint(0, 9))


def expected(value: Any, dtype: DataType) -> Any:
    """Return what JSON's value is, of a value of `some_value`."""
    if value is None or (dtype.is_float and not math.isfinite(value)):
        return None
    if dtype.item is not None:
        return [expected(item, dtype.item) for item in value]
    if dtype.name == "struct":
        return {field.name: expected(value[field.name], field.dtype) for field in dtype.fields}
    if dtype.name == "timestamp":
        when = EPOCH + timedelta(milliseconds=value)
        return when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if dtype.name == "binary":
        return base64.b64encode(value).decode()
    if dtype.name == "float32":
        return float(str(np.float32(value)))
    return value


def some_array(choice: random.Random, values: list[Any], dtype: DataType) -> pa.Array:
    """Return the values as an array that begins somewhere in its buffers."""
    before = choice.randint(0, 9)
    return pa.array([some_value(choice, dtype) for _ in range(before)] + values, arrow_type(dtype)).slice(before)


def test_any_table_is_written_as_its_values_are() -> None:
    choice = random.Random(4)
    for _ in range(max(ROWS // PER_TABLE, 1)):
        fields = [Field(f"c{i}", some_type(choice, 3)) for i in range(choice.randint(1, 6))]
        rows = choice.choice([1, 2, 9, PER_TABLE])
        columns = {f.name: [some_value(choice, f.dtype) for _ in range(rows)] for f in fields}
        chunks: dict[str, pa.ChunkedArray] = {}
        for field in fields:
            cut = choice.randint(0, rows)
            values = columns[field.name]
            parts = [part for part in (values[:cut], values[cut:]) if part]
            chunks[field.name] = pa.chunked_array([some_array(choice, part, field.dtype) for part in parts])
        encoder = FORMAT.encoder(Schema(fields), {})
        lines = bytes(encoder.encode(pa.table(chunks))).decode().split("\n")
        assert lines.pop() == ""
        wanted = [{f.name: expected(columns[f.name][i], f.dtype) for f in fields} for i in range(rows)]
        for line, row in zip(lines, wanted, strict=True):
            # as text once more: so 1 is not 1.0, and the keys stand in order
            assert json.dumps(json.loads(line)) == json.dumps(row)

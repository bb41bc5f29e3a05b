"""Tables: what is read, what is refused, and what a version is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import caudal as cd
from caudal.core.errors import InputError, OptionError
from caudal.ingest.tables import pins, read

SCHEMA = {"ip": "string", "n": "int64"}
GOOD = "ip,n\n192.0.2.1,1\n192.0.2.2,2\n"


def table(path: Path, **options: Any) -> Any:
    return cd.table("files", path=str(path), **{"key": "ip", "schema": SCHEMA, **options})


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(given: Any) -> list[dict[str, Any]]:
    columns = read(given).indexed.columns
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*(c.to_list() for c in columns.values()), strict=True)
    ]


WANTED = [{"ip": "192.0.2.1", "n": 1}, {"ip": "192.0.2.2", "n": 2}]


def test_files_of_every_format_are_read(tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"n": [1, 2], "ip": ["192.0.2.1", "192.0.2.2"], "more": [0, 0]}), tmp_path / "a.parquet"
    )
    paths = [
        write(tmp_path / "a.csv", GOOD),
        write(tmp_path / "a.jsonl", '{"ip": "192.0.2.1", "n": 1}\n{"n": 2, "ip": "192.0.2.2", "more": []}'),
        tmp_path / "a.parquet",
    ]
    found = [rows(table(path)) for path in paths]
    assert found == [WANTED] * 3
    assert len({read(table(path)).name for path in paths}) == 1, "a version is called by what it holds"


def test_several_files_are_one_table_and_the_last_row_of_a_key_counts(tmp_path: Path) -> None:
    write(tmp_path / "2.csv", "ip,n\na,2\nb,2\n")
    write(tmp_path / "10.csv", "ip,n\nb,10\n")
    given = table(tmp_path, format="csv")
    assert rows(given) == [{"ip": "a", "n": 2}, {"ip": "b", "n": 10}]
    assert "2 rows, and 1 more whose keys came again: the last one counts" in read(given).told()
    with pytest.raises(InputError, match="1 rows have keys that came before"):
        read(table(tmp_path, format="csv", duplicates="refuse"))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "", "no row|header|empty"),
        ("a.csv", "ip,n\n", "there is no row"),
        ("a.csv", "ip,m\na,1\n", "'n'"),
        ("a.csv", "host,n\na,1\n", "'ip'"),
        ("a.csv", "ip,n\na,1\nb\n", "record at 9 cannot be read"),
        ("a.csv", "ip,n\na,1\nb,two\n", "record at 9 cannot be read"),
        ("a.csv", "ip,n\na,1\n,2\n", "row 2 has no 'ip'"),
        ("a.jsonl", "", "there is no row"),
        ("a.jsonl", '{"ip": "a", "n": 1}\n{"ip": "b", "n"', "record at 20 cannot be read"),
        ("a.jsonl", '{"ip": "a", "n": 1}\n{"ip": "b", "n": "2"}\n', "record at 20 cannot be read"),
        ("a.jsonl", '{"ip": "a"}\n{"ip": "b"}\n', "no record names n"),
        ("a.jsonl", '{"host": "a", "n": 1}\n', "row 1 has no 'ip'|no record names ip"),
        ("a.jsonl", '{"ip": null, "n": 1}\n', "row 1 has no 'ip'"),
        ("a.jsonl", '{"ip": 7, "n": 1}\n', "record at 0 cannot be read"),
        ("a.parquet", b"PAR1", "parquet|Parquet"),
        ("a.parquet", b"", "parquet|Parquet|no row|empty"),
    ],
)
def test_half_a_table_is_none(tmp_path: Path, name: str, text: str | bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read(table(write(tmp_path / name, text)))
    assert caught.value.location.startswith(f"table '{tmp_path / name}'")


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(table(tmp_path / "none.csv"))
    assert "none.csv" in str(caught.value)


def test_a_parquet_file_of_other_types_or_without_a_column(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"ip": ["a"], "n": ["x"]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"ip": ["a"]}), tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    for name in "abc":
        with pytest.raises(InputError):
            read(table(tmp_path / f"{name}.parquet"))


def test_networks_that_are_none_are_told_with_their_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "ip,n\n10.0.0.0/8,1\n10.0.0.1/8,2\n")
    with pytest.raises(InputError, match="row 2 has no network in 'ip'") as caught:
        read(table(path, match="cidr"))
    assert "host bits" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "told", "detail"),
    [
        ("10.0.0.9,10.0.0.1", "row 2 has no range of addresses in 'first' and 'last'", "ends before it begins"),
        ("10.0.0.9,::1", "row 2 has no range", "not of one version"),
        ("10.0.0.9,", "row 2 has no 'last'", ""),
        ("10.0.0.9,10.0.0.300", "row 2 has no range", "300"),
    ],
)
def test_ranges_that_are_none_are_told_with_their_row(tmp_path: Path, text: str, told: str, detail: str) -> None:
    path = write(tmp_path / "a.csv", f"first,last\n10.0.0.0,10.0.0.5\n{text}\n")
    with pytest.raises(InputError, match=told) as caught:
        read(table(path, key=("first", "last"), match="range", schema={"first": "string", "last": "string"}))
    assert detail in caught.value.detail


def test_ranges_that_hold_for_a_time_lie_inside_one_another(tmp_path: Path) -> None:
    schema = {"net": "string", "f": "timestamp", "u": "timestamp"}
    rows_ = ["10.0.0.0-10.0.0.9,1970-01-01T00:00:00Z,", "10.0.0.2-10.0.0.3,1970-01-01T00:00:00Z,"]
    given = table(tmp_path / "a.csv", key="net", match="range", schema=schema)
    write(tmp_path / "a.csv", "\n".join(["net,f,u", *rows_]))
    assert read(given, ("f", "u")).rows == 2
    write(tmp_path / "a.csv", "\n".join(["net,f,u", *rows_, "10.0.0.3-10.0.0.9,1970-01-01T00:00:00Z,"]))
    assert read(given).rows == 3
    with pytest.raises(InputError, match="the range of row 3 overlaps another in part"):
        read(given, ("f", "u"))


def test_a_version_is_called_by_its_rows(tmp_path: Path) -> None:
    first = read(table(write(tmp_path / "a.csv", GOOD)))
    assert read(table(write(tmp_path / "b.csv", GOOD.replace("\n", "\r\n")))).name == first.name
    for other in (GOOD + "x,3\n", GOOD.replace(",2\n", ",\n"), GOOD.replace("192.0.2.1", "192.0.2.3")):
        assert read(table(write(tmp_path / "c.csv", other))).name != first.name


def test_a_table_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="not followed"):
        table(write(tmp_path / "a.csv", GOOD), follow=True)


def test_pinned_tables_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", GOOD)
    given = table(path)
    with pins.held():
        first = pins.read("key", given, ())
        write(path, GOOD + "x,3\n")
        assert pins.read("key", given, ()) is first
        with pins.held():
            assert pins.read("key", given, ()) is first
    assert pins.read("key", given, ()).rows == 3


def test_a_table_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file at") as caught:
        read(table(tmp_path / "none.csv"))
    assert "follow" not in caught.value.hint
    assert "when the run begins" in caught.value.hint

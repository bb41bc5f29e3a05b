"""How streams, pipelines and results show themselves, and their first rows."""

import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

import caudal as cd
from caudal import col

COLUMNS = {"ip": "string", "n": "int64", "t": "int64"}


def stream(rows: int = 3) -> cd.Stream:
    given = [{"ip": f"192.0.2.{i % 200}", "n": i, "t": i} for i in range(rows)]
    return cd.source("memory", rows=given, schema=COLUMNS, event_time="t")


def test_reprs_are_short() -> None:
    s = stream(1000)
    wide = cd.source("memory", rows=[], schema={f"column_{i}": "int64" for i in range(300)})
    windowed = s.group_by("ip").window(cd.tumbling("3s"))
    pipeline = cd.Pipeline("dos", windowed.agg(n=cd.count()).to("console"))
    assert repr(s) == "Stream(ip: string, n: int64, t: int64)"
    for shown in (s, wide, s.node, s.group_by("ip"), windowed, pipeline, pipeline.sinks[0], pipeline.nodes[0]):
        assert len(repr(shown)) < 250
        assert "\n" not in repr(shown)
    assert repr(pipeline).startswith("Pipeline('dos': 3 operators, into sink-")
    assert repr(windowed) == "Windowed(by ip in tumbling(3s): waits for .agg(...))"


def test_a_stream_shows_its_schema_in_a_notebook_escaped() -> None:
    s = cd.source("memory", rows=[], schema={"<b>": "int64"})
    assert s._repr_html_() == (
        "<table><tr><th>column</th><th>type</th></tr><tr><td>&lt;b&gt;</td><td>int64</td></tr></table>"
    )


def test_a_summary_is_one_line(tmp_path: Path) -> None:
    summary = cd.run(cd.Pipeline("p", stream().to("files", path=str(tmp_path / "out.jsonl"))))
    assert repr(summary).startswith("Summary(p: done after ")
    assert repr(summary).endswith(" s, 3 rows in, 3 out, 0 late, 0 dead)")


def test_head_gives_the_first_rows() -> None:
    s = stream(5000)
    assert s.head(3).to_dicts() == s.collect().head(3).to_dicts()
    assert s.filter(col("n") > 4997).head()["n"].to_list() == [4998, 4999]
    assert s.head(0).columns == ["ip", "n", "t"]
    assert isinstance(s.head(2, to="arrow"), pa.Table)
    counted = s.group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count())
    assert counted.head(7).equals(counted.collect().head(7))
    with pytest.raises(cd.UserError, match="number of rows"):
        s.head(-1)


def test_head_reads_no_more_than_it_needs() -> None:
    """An input without an end is no obstacle."""

    def rows() -> object:
        while True:
            yield pa.table({"ip": ["a"] * 1000, "n": range(1000), "t": range(1000)})

    assert cd.source("memory", rows=rows, schema=COLUMNS, event_time="t").head(5)["n"].to_list() == [0, 1, 2, 3, 4]


def test_the_facade_shows_public_names_alone() -> None:
    shown = set(dir(cd))
    assert {"source", "Pipeline", "col", "run", "__version__"} <= shown
    assert shown == {*cd.__all__, "__version__"}


def test_columns_come_in_the_order_of_the_schema() -> None:
    """Whatever is replaced, dropped, renamed or selected before: in frames and in files."""
    chosen = random.Random(5)
    for _ in range(60):
        s = cd.source("memory", rows=[dict.fromkeys("abcdef", 1)], schema=dict.fromkeys("abcdef", "int64"))
        for _ in range(chosen.randint(1, 5)):
            names = list(s.schema.names)
            one, other = chosen.choice(names), chosen.choice(names)
            kind = chosen.randrange(6)
            if kind == 0:
                s = s.with_columns(**{one: -col(other)})
            elif kind == 1:
                s = s.with_columns(**{f"x{len(names)}": col(one) + 1, other: col(one)})
            elif kind == 2:
                s = s.select(*chosen.sample(names, chosen.randint(1, len(names))))
            elif kind == 3 and len(names) > 1:
                s = s.drop(one)
            elif kind == 4:
                s = s.rename({one: f"{one}_"})
            else:
                s = s.filter(col(one).is_not_null())
        assert tuple(s.collect().columns) == s.schema.names
        assert tuple(s.union(s).collect().columns) == s.schema.names


def test_files_have_columns_in_the_order_of_the_schema(tmp_path: Path) -> None:
    s = cd.source("memory", rows=[{"t": 1, "n": 2, "x": 3}], schema=dict.fromkeys("tnx", "int64"))
    s = s.with_columns(n=-col("t"))
    cd.run(
        cd.Pipeline("p", s.to("files", path=str(tmp_path / "o.csv")), s.to("files", path=str(tmp_path / "o.parquet")))
    )
    assert (tmp_path / "o.csv").read_text() == "t,n,x\n1,-1,3\n"
    assert pa.parquet.read_table(tmp_path / "o.parquet").column_names == ["t", "n", "x"]


def test_what_is_collected_has_its_type(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        textwrap.dedent("""
            import polars as pl
            import pyarrow as pa
            import caudal as cd

            s = cd.source("memory", rows=[], schema={"a": "int64"})
            frame: pl.DataFrame = s.collect()
            table: pa.Table = s.collect("arrow")
            first: pl.DataFrame = s.head(3)
            wrong: int = s.collect()
        """)
    )
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(tmp_path / "typed.py")]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False).stdout
    assert "typed.py:10:" in said
    assert "1 error" in said

"""A detection that sees nothing of what it depends on does not pass as a quiet night."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import caudal as cd

DAY = 1_772_000_000_000
"""2026-02-25, in milliseconds."""

WATCH = """
import caudal as cd
from caudal import col

rows = cd.source("files", path="log.jsonl", format="json", event_time="t", name="rows", schema={schema})
pipeline = cd.Pipeline("watch", {stream}.to("files", path="out.jsonl"))
"""


def _log(count: int = 5, **more: Any) -> list[dict[str, Any]]:
    return [{"t": DAY + i, "ip": "a", **more} for i in range(count)]


ALERTS = "rows.filter((col('k') == 'alert') & (col('a').field('sig') > 1))"

# (schema, stream, rows, exit code, what standard error says even with --quiet)
SEEN = [
    # a field that a filter reads, a key, what a column is made of that a filter reads, a counted condition
    ({"t": "int64", "code": "int64"}, "rows.filter(col('code') > 399)", _log(cod=7), 1, "'code' (did you mean 'cod'?)"),
    (
        {"t": "int64", "adr": "string"},
        "rows.group_by('adr').window(cd.tumbling('1s')).agg(n=cd.count())",
        _log(),
        1,
        "'adr'",
    ),
    (
        {"t": "int64", "x": "int64"},
        "rows.with_columns(y=col('x') + 1).with_columns(z=col('y') * 2).filter(col('z') > 4)",
        _log(),
        1,
        "'x'",
    ),
    (
        {"t": "int64", "ip": "string", "code": "int64"},
        "rows.group_by('ip').window(cd.tumbling('1s')).agg(n=cd.count_if(col('code') > 399))",
        _log(),
        1,
        "'code'",
    ),
    ({"t": "int64", "a": {"sig": "int64"}}, "rows.filter(col('a').field('sig') > 1)", _log(a={"sid": 1}), 1, "'a.sig'"),
    ({"t": "int64", "a": {"sig": "int64"}}, "rows.filter(col('a').field('sig') > 1)", _log(b={"sig": 1}), 1, "'a'"),
    # of which nulls become something else on the way: numbers of values, lists, what a condition chooses between
    *(
        ({"t": "int64", "ip": "string", "x": "int64"}, stream, _log(), 1, "'x'")
        for stream in (
            "rows.group_by('ip').window(cd.tumbling('1s')).agg(n=cd.count_distinct('x')).filter(col('n') > 2)",
            "rows.group_by('ip').window(cd.tumbling('1s')).agg(n=cd.collect('x')).filter(col('n').list.length() > 2)",
            "rows.group_by('ip').window(cd.tumbling('1s'))"
            ".agg(n=cd.sum(cd.when(col('x') > 2).then(1).otherwise(0))).filter(col('n') > 2)",
            "rows.filter(cd.when(col('x') > 2).then(True).otherwise(False))",
            "rows.with_columns(y=cd.when(col('x') > 2).then(1).otherwise(0)).filter(col('y') == 1)",
        )
    ),
    # but not where no row comes that far, or nobody depends on them
    *(
        (
            {"t": "int64", "ip": "string", "k": "string", "x": "int64"},
            f"rows.filter(col('k') == 'alert').{stream}",
            _log(k="flow"),
            0,
            "",
        )
        for stream in (
            "group_by('x').window(cd.tumbling('1s')).agg(n=cd.count())",
            "group_by('ip').window(cd.tumbling('1s')).agg(n=cd.count_if(col('x') > 1))",
            "group_by('ip').window(cd.tumbling('1s')).agg(n=cd.count_distinct('x')).filter(col('n') > 2)",
            "filter(cd.when(col('x') > 2).then(True).otherwise(False))",
        )
    ),
    (
        {"t": "int64", "ip": "string", "x": "int64"},
        "rows.group_by('ip').window(cd.tumbling('1s')).agg(n=cd.count(), all=cd.collect('x')).filter(col('n') > 2)",
        _log(),
        0,
        "",
    ),
    # null is named, and one record that names a field is enough, even one that is dead
    ({"t": "int64", "code": "int64"}, "rows.filter(col('code') > 399)", _log(code=None), 0, ""),
    ({"t": "int64", "code": "int64"}, "rows.filter(col('code') > 399)", [*_log(), *_log(1, code=1)], 0, ""),
    (
        {"t": "int64", "code": "int64"},
        "rows.filter(col('code') > 399)",
        [*_log(), *_log(1, code="x")],
        0,
        "1 of the 6 records",
    ),
    # a field that is only written, or not used, is told of in the summary alone
    ({"t": "int64", "agent": "string"}, "rows", _log(), 0, ""),
    ({"t": "int64", "agent": "string"}, "rows.select('t')", _log(), 0, ""),
    # logs of two kinds: one has this field, the other that
    (
        {"t": "int64", "ip": "string", "src": "string"},
        "rows.filter(cd.coalesce(col('ip'), col('src')) == 'a')",
        _log(),
        0,
        "",
    ),
    # a field decides of rows that the rest of the condition leaves
    ({"t": "int64", "k": "string", "a": {"sig": "int64"}}, ALERTS, _log(k="dns"), 0, ""),
    ({"t": "int64", "k": "string", "a": {"sig": "int64"}}, ALERTS, [*_log(k="dns"), *_log(1, k="alert")], 1, "'a'"),
    ({"t": "int64", "ip": "string", "b": "int64"}, "rows.filter((col('b') > 1) & (col('ip') == 'b'))", _log(), 0, ""),
    (
        {"t": "int64", "ip": "string", "b": "int64"},
        "rows.filter((col('b') > 1) | (col('ip') == 'b'))",
        _log(),
        1,
        "'b'",
    ),
    ({"t": "int64", "ip": "string", "b": "int64"}, "rows.filter((col('b') > 1) | (col('ip') == 'a'))", _log(), 0, ""),
    ({"t": "int64", "ip": "string", "b": "int64"}, "rows.filter(col('ip') == 'b').filter(col('b') > 1)", _log(), 0, ""),
    # nothing but dead letters; no record at all is a quiet night
    ({"t": "int64", "ip": "int64"}, "rows", _log(), 1, "all 5 records are dead letters: field 'ip' takes an int64"),
    ({"time": "int64", "t": "int64"}, "rows.select('time')", [], 0, ""),
]


@pytest.mark.parametrize(("schema", "stream", "rows", "code", "said"), SEEN)
def test_what_ends_a_run_with_1(caudal, write, here, schema: Any, stream: str, rows: Any, code: int, said: str) -> None:
    (here / "p.py").write_text(WATCH.format(schema=schema, stream=stream))
    write("log.jsonl", rows)
    ended = caudal("run", "p.py", "--quiet")
    assert (ended.code, bool(ended.err)) == (code, bool(said)), ended.err
    assert said in ended.err
    if code:
        allowed = caudal("run", "p.py", "--json", "--allow-blind")
        assert allowed.code == 0
        assert any(said in warning for warning in allowed.summary["warnings"])
        checked = caudal("check", "p.py", "--json")
        certain = stream != ALERTS  # a sample does not tell what else the filter lets pass
        assert checked.code == certain
        assert any(said in line for line in checked.summary["failures" if certain else "warnings"])


FUNCTIONS = """
@cd.row
def f(t: int) -> bool:
    return t == UNKNOWN if {when} else True
"""


@pytest.mark.parametrize(
    ("stream", "when", "said"),
    [
        ("rows.filter(f(col('t')))", "True", "all 5 rows are dead letters: NameError"),
        ("rows.filter(f(col('t')))", "t % 5 == 0", "1 of 5 rows are dead letters: NameError"),
        ("rows.map(lambda r: r.nope, schema={'a': 'int64'})", "", "all 5 rows are dead letters: "),
        ("rows.group_by('ip').reduce(lambda a, r: r.nope, schema={'n': 'int64'})", "", "all 5 rows are dead letters: "),
        (
            "rows.group_by('ip').window(cd.tumbling('1s')).apply(lambda w: w.nope, schema={'a': 'int64'})",
            "",
            "all 1 windows are dead letters: ",
        ),
    ],
)
def test_a_function_that_fails_is_told(caudal, write, here, stream, when, said) -> None:
    source = WATCH.format(schema={"t": "int64", "ip": "string"}, stream=stream)
    (here / "p.py").write_text(source.replace("pipeline =", FUNCTIONS.format(when=when or "False") + "\npipeline ="))
    write("log.jsonl", _log())
    ended = caudal("run", "p.py", "--quiet")
    assert (ended.code, said in ended.err) == (0, True), ended.err


def test_a_missing_event_time_names_the_field_and_the_nearest(caudal, write, here) -> None:
    (here / "p.py").write_text(WATCH.format(schema={"t": "int64"}, stream="rows"))
    write("log.jsonl", [{"ts": DAY, "ip": "a"}] * 3)
    ended = caudal("run", "p.py", "--quiet")
    assert ended.code == 1
    assert "all 3 records are dead letters: the event time is null" in ended.err
    assert "did you mean 'ts'?" in ended.err


def test_a_log_of_another_format_is_shown(caudal, write, here) -> None:
    (here / "p.py").write_text(WATCH.format(schema={"t": "int64"}, stream="rows"))
    write("log.jsonl", b"#version: 1.0\x1b[2J\n1.0\tC1\n")
    for command in ("run", "check"):
        ended = caudal(command, "p.py")
        told = ended.err + ended.out
        assert ended.code == 1
        assert "the first begins with '#version: 1.0\\u001b[2J'" in told
        assert "\x1b" not in told


def test_a_sample_names_what_may_still_come(caudal, write, here) -> None:
    (here / "p.py").write_text(
        WATCH.format(schema={"t": "int64", "code": "int64"}, stream="rows.filter(col('code') > 1)")
    )
    write("log.jsonl", [*_log(60_000), *_log(1, code=5)])
    assert caudal("run", "p.py", "--quiet").code == 0
    checked = caudal("check", "p.py", "--json")
    assert checked.code == 0
    (warning,) = checked.summary["warnings"]
    assert re.fullmatch(
        r"rows: none of the first [\d,]+ records has the field 'code', which filters or keys depend on", warning
    )


def test_an_empty_file_is_noted(caudal, write, here) -> None:
    (here / "p.py").write_text(WATCH.format(schema={"t": "int64"}, stream="rows"))
    write("log.jsonl", [])
    ended = caudal("run", "p.py", "--json")
    assert (ended.code, ended.summary["notes"]) == (0, ["rows: there was no record to read"])


# (times, schema type, unit that is proposed or None, whether it is said with --quiet)
TIMES = [
    ([DAY // 1000 + i for i in range(3)], "int64", "s", True),
    ([1000 * (DAY + i) for i in range(3)], "int64", "us", True),
    ([float(DAY + i) for i in range(3)], "float64", "ms", True),
    ([DAY, 1000 * DAY], "int64", "us", True),
    ([DAY, 1000], "int64", None, False),
    ([DAY, DAY + 1], "int64", None, False),
]


@pytest.mark.parametrize(("times", "kind", "unit", "loud"), TIMES)
def test_event_times_of_no_event(
    caudal, write, here, times: list[Any], kind: str, unit: str | None, loud: bool
) -> None:
    (here / "p.py").write_text(WATCH.format(schema={"t": kind}, stream="rows"))
    write("log.jsonl", [{"t": t} for t in times])
    ended = caudal("run", "p.py", "--json")
    assert bool(ended.err) == loud
    hints = [w for w in ended.summary["warnings"] if unit and f'then say unit="{unit}"' in w]
    assert bool(hints) == bool(unit)


def test_collect_warns() -> None:
    rows = [{"t": DAY, "ip": "a"}]
    stream = cd.source("memory", rows=rows, event_time="t", schema={"t": "int64", "adr": "string"})
    with pytest.warns(cd.CaudalWarning, match=r"none of the 1 records has the field 'adr'"):
        frame = stream.filter(cd.col("adr") == "a").collect()
    assert frame.height == 0


def test_code_gets_it_in_the_summary(write, here) -> None:
    write("log.jsonl", _log())
    rows = cd.source("files", path="log.jsonl", event_time="t", schema={"t": "int64", "adr": "string"}, name="rows")
    plan = cd.Pipeline("p", rows.filter(cd.col("adr") == "a").to("files", path="out.jsonl"))
    assert [len(cd.run(plan).failures), len(cd.run(plan, allow_blind=True).failures)] == [1, 0]
    assert json.loads(json.dumps(cd.run(plan).to_json()))["failures"][0].startswith("rows: none of the 5 records")


def _combined(client: str, second: int, status: int) -> str:
    clock = f"{12 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f'{client} - - [01/Mar/2024:{clock} +0000] "GET / HTTP/1.1" {status} 0 "-" "x"\n'


def _dripped() -> bytes:
    """Others' requests each second; one client's 40 requests of second 0 are answered, and logged, 20 s later."""
    others = [_combined(f"192.0.2.{second % 50 + 1}", second, 200) for second in range(60)]
    slow = [_combined("198.51.100.9", 0, 401)] * 40
    return "".join([*others[:21], *slow, *others[21:]]).encode()


def test_who_is_slow_is_counted(caudal, write) -> None:
    write("access.log", _dripped())
    ended = caudal(
        *("run", "dos", "--set", "path=access.log", "--set", "format=combined", "--quiet"),
        *("--set", "out=-", "--set", "out_format=csv"),
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "ip,window_start,window_end,total,refused",
        "198.51.100.9,2024-03-01T12:00:00.000Z,2024-03-01T12:00:03.000Z,40,40",
    ]


def test_keys_that_are_late_are_named_with_the_disorder_that_counts_them(caudal, write) -> None:
    write("access.log", _dripped())
    small = ("run", "dos", "--set", "path=access.log", "--set", "format=combined", "--set", "disorder=1s", "--quiet")
    ended = caudal(*small)
    assert ended.code == 0
    assert "counts: most rows of a key came too late and were not counted: 198.51.100.9 (40)" in ended.err
    assert '40 of 100 rows (40.0 %) came too late and were not counted: disorder="30s" would have kept' in ended.err
    assert "192.0.2" not in ended.err


@pytest.mark.parametrize(("share", "said"), [(10, True), (200, False)])
def test_one_late_row_in_a_hundred_is_enough(caudal, write, here, share: int, said: bool) -> None:
    (here / "p.py").write_text(
        WATCH.format(schema={"t": "int64"}, stream="rows.window(cd.tumbling('1s')).agg(n=cd.count())")
    )
    write("log.jsonl", [{"t": DAY + 1000 * i - (4500 if i % share == share - 1 else 0)} for i in range(1000)])
    ended = caudal("run", "p.py", "--quiet")
    assert ("came too late" in ended.err) == said
    assert ('disorder="5s"' in ended.err) == said


def test_a_mistake_found_by_check_is_json_too(caudal) -> None:
    ended = caudal("check", "p.py", "--json", "--set", "path=nowhere.jsonl")
    assert ended.code == 2
    assert ended.summary["error"]["message"] == "no file at nowhere.jsonl"


def test_the_layout_of_access_logs_is_told_once_a_file_and_summed_up(caudal, here) -> None:
    rest = '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\n'
    (here / "logs").mkdir()
    for number in range(7):
        (here / "logs" / f"a{number}.log").write_text(rest * 3)
    (here / "logs" / "v.log").write_text(f"www.example.org {rest}" * 2)
    (here / "logs" / "w.log").touch()
    given = ("dos", "--set", "path=logs", "--set", "format=combined", "--set", "out=-", "--json")
    told = [
        'a0.log and 6 others: lines begin as: client ident user (by most of the first ones; layout="client" declares it)',
        'v.log: lines begin as: vhost client ident user (by most of the first ones; layout="vhost client" declares it)',
    ]
    for command in ("check", "run"):
        ended = caudal(command, *given)
        assert (ended.code, ended.summary["warnings"], ended.summary["notes"]) == (0, [], told), command
    assert caudal("check", *given, "--set", "layout=client").summary["notes"] == []


@pytest.mark.parametrize("files", [3, 300])
def test_a_host_that_is_not_read_is_named(caudal, here, files: int) -> None:
    """Of many files one is of another type: its dead letters are few among all records, and all that there is of it."""
    (here / "p.py").write_text(
        WATCH.format(schema={"t": "int64", "code": "int64"}, stream="rows").replace("log.jsonl", "in")
    )
    (here / "in").mkdir()
    for number in range(files):
        code = '"x"' if number == 1 else "7"
        lines = [f'{{"t": {DAY + i}, "code": {code}}}' for i in range(10)]
        (here / "in" / f"h{number}.jsonl").write_text("\n".join(lines))
    (here / "in" / "cut.jsonl").write_text('{"t": 1, "co')
    ended = caudal("run", "p.py", "--quiet")
    assert ended.code == 0
    assert "all records of h1.jsonl (10) are dead letters: field 'code' takes an int64" in ended.err
    assert "cut.jsonl" not in ended.err
    assert "h2" not in ended.err
    checked = caudal("check", "p.py", "--json")
    assert any("all records of h1.jsonl" in line for line in checked.summary["warnings"])


TWO = """
import caudal as cd

a = cd.source("files", path="a.jsonl", format="json", event_time="t", schema={{"t": "int64", "k": "string"}}, name="a")
b = cd.source("files", path="b.jsonl", format="json", event_time="t", schema={{"t": "int64", "k": "string"}}, name="b")
pipeline = cd.Pipeline("p", {stream}.to("files", path="out.jsonl"))
"""


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (
            'a.join(b, "k", within="1s", name="j")',
            [
                'a: 3 of 4 rows (75.0 %) came too late and were not counted: disorder="50ms" would have kept',
                'b: 1 of 2 rows (50.0 %) came too late and were not counted: disorder="1ms" would have kept',
            ],
        ),
        (
            'a.union(b).deduplicate("k", within="1s", name="j")',
            [
                'j: 4 of 6 rows (66.7 %) came too late and were not counted: disorder="50ms" of a (it is "0ms"), disorder="1ms" of b'
            ],
        ),
    ],
)
def test_late_rows_of_two_streams_are_told_once(caudal, write, here, stream: str, told: list[str]) -> None:
    write("a.jsonl", [{"t": DAY + t, "k": "x"} for t in (100, 90, 80, 70)])
    write("b.jsonl", [{"t": DAY + t, "k": "x"} for t in (100, 99)])
    (here / "p.py").write_text(TWO.format(stream=stream))
    lines = [line for line in caudal("run", "p.py", "--quiet").err.splitlines() if "came too late" in line]
    assert len(lines) == len(told)
    for line, text in zip(lines, told, strict=True):
        assert line.startswith(f"warning: {text}")

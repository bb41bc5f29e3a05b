"""`caudal backtest OLD NEW`: what is new, lost and changed, against rows that are counted by hand."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

OLD = """
import caudal as cd
from caudal import col

settings = cd.settings(path="log.jsonl", out="alerts.jsonl", threshold=2, size="1s")
rows = cd.source("files", path=settings.path, format="json", event_time="t", name="rows",
                 schema={"ip": "string", "t": "int64", "code": "int64"})
alerts = (rows.group_by("ip").window(cd.tumbling(settings.size)).agg(n=cd.count(), worst=cd.max("code"), name="counts")
          .filter(col("n") > settings.threshold))
pipeline = cd.Pipeline("old", alerts.to("files", path=settings.out, format="json", name="alerts"))
"""

ROWS = [{"ip": "abcd"[(i * i + i // 3) % 4], "t": 110 * i, "code": 200 + i % 7} for i in range(80)]


def alerts(size: int = 1000, threshold: int = 2, code: Any = lambda c: c) -> dict[tuple[str, int], tuple[int, int]]:
    """(address, window start) -> (rows, largest code), of windows with more rows than the threshold."""
    count: Counter[tuple[str, int]] = Counter()
    worst: dict[tuple[str, int], int] = {}
    for row in ROWS:
        key = (row["ip"], row["t"] // size * size)
        count[key] += 1
        worst[key] = max(worst.get(key, 0), code(row["code"]))
    return {key: (n, worst[key]) for key, n in count.items() if n > threshold}


@pytest.fixture
def versions(write, here: Path):
    """Writes the history, the old version, and a new one with parts replaced."""

    def make(*changes: tuple[str, str]) -> tuple[str, str]:
        write("log.jsonl", ROWS)
        write("old.py", OLD)
        text = OLD
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        write("new.py", text)
        return "old.py", "new.py"

    return make


def expected(old: dict[Any, Any], new: dict[Any, Any]) -> dict[str, int]:
    both = old.keys() & new.keys()
    return {
        "new": len(new.keys() - old.keys()),
        "lost": len(old.keys() - new.keys()),
        "changed": sum(old[key] != new[key] for key in both),
        "same": sum(old[key] == new[key] for key in both),
    }


def counts(output: dict[str, Any]) -> dict[str, int]:
    return {name: output[name] for name in ("new", "lost", "changed", "same")}


def test_the_same_version_gives_the_same(caudal, versions, here: Path) -> None:
    versions()
    before = sorted(os.listdir(here))
    ended = caudal("backtest", "old.py", "old.py")
    assert ended.code == 0
    assert "old: the same rows" in ended.out
    assert f"0 new, 0 lost, 0 changed, {len(alerts())} the same" in ended.out
    assert sorted(os.listdir(here)) == before, "no target is touched"


def test_a_lower_threshold_gives_new_rows(caudal, versions) -> None:
    ended = caudal("backtest", *versions(), "--new-set", "threshold=1", "--json")
    (output,) = ended.summary["outputs"]
    wanted = expected(alerts(), alerts(threshold=1))
    assert wanted["new"] > 0
    assert wanted["lost"] == wanted["changed"] == 0
    assert (ended.code, counts(output)) == (3, wanted)
    assert output["matched"].startswith("by identity")
    found = {(row["ip"], row["window_start"]) for row in output["rows"]["new"]}
    starts = {f"1970-01-01T00:00:{start // 1000:02}.000Z" for _, start in alerts(threshold=1).keys() - alerts().keys()}
    assert {start for _, start in found} <= starts
    assert len(output["rows"]["new"]) == min(10, wanted["new"])


def test_a_higher_threshold_loses_rows(caudal, versions) -> None:
    ended = caudal("backtest", *versions(), "--set", "threshold=1", "--new-set", "threshold=3", "--json")
    wanted = expected(alerts(threshold=1), alerts(threshold=3))
    assert wanted["lost"] > 0
    assert (ended.code, counts(ended.summary["outputs"][0])) == (3, wanted)


def test_other_values_are_changed_rows(caudal, versions) -> None:
    old, new = versions(('cd.max("code")', 'cd.max((col("code") % 5))'))
    ended = caudal("backtest", old, new, "--json", "--show", "1000")
    (output,) = ended.summary["outputs"]
    wanted = expected(alerts(), alerts(code=lambda c: c % 5))
    assert wanted["changed"] > 0
    assert (ended.code, counts(output)) == (3, wanted)
    for before, after in output["rows"]["changed"]:
        assert {k for k in before if before[k] != after[k]} == {"worst"}


def test_changed_rows_stand_side_by_side(caudal, versions) -> None:
    ended = caudal(
        "backtest", *versions(("n=cd.count()", "n=cd.count_if(col('code') > 0) * 0 + cd.count()")), "--show", "1"
    )
    assert ended.code == 2, "aggregates are no expressions: the new version fails, and the message says which"
    assert "new.py:8" in ended.err
    old, new = versions(('cd.max("code")', 'cd.min("code")'))
    ended = caudal("backtest", old, new, "--show", "1")
    lines = ended.out.splitlines()
    at = lines.index("  changed (old -> new)")
    assert lines[at + 1].split() == ["ip", "window_start", "window_end", "n", "worst"]
    assert " -> " in lines[at + 2].split("  ")[-1]
    assert lines[at + 3].startswith("    ... and ")


def test_other_windows_are_matched_by_key_and_bounds(caudal, versions) -> None:
    ended = caudal("backtest", *versions(), "--new-set", "size=2s", "--json")
    (output,) = ended.summary["outputs"]
    assert output["matched"] == "by ip, window_start, window_end: the operators differ"
    assert (output["new"], output["lost"]) == (len(alerts(2000)), len(alerts()))


def test_operators_of_other_names_are_matched_by_key_and_bounds(caudal, versions) -> None:
    old, new = versions(('name="counts"', 'name="recounted"'), ('cd.max("code")', 'cd.max((col("code") % 5))'))
    ended = caudal("backtest", old, new, "--json")
    (output,) = ended.summary["outputs"]
    assert output["matched"] == "by ip, window_start, window_end: the operators differ"
    assert counts(output) == expected(alerts(), alerts(code=lambda c: c % 5))


def test_without_keys_in_the_output_whole_rows_are_compared(caudal, versions) -> None:
    drop = ("> settings.threshold))", '> settings.threshold).select("n", "worst"))')
    old, new = versions(drop, ('name="counts"', 'name="recounted"'), ('cd.max("code")', 'cd.max((col("code") % 5))'))
    ended = caudal("backtest", old, new, "--json")
    (output,) = ended.summary["outputs"]
    a, b = Counter(alerts().values()), Counter(alerts(code=lambda c: c % 5).values())
    assert output["matched"].startswith("as whole rows")
    assert counts(output) == {
        "new": (b - a).total(),
        "lost": (a - b).total(),
        "changed": 0,
        "same": (a & b).total(),
    }
    assert sum("only one version writes it" in note for note in output["notes"]) == 3


def test_rows_of_a_stream_are_matched_by_their_record(caudal, versions) -> None:
    plain = OLD[OLD.index("alerts = ") : OLD.index("pipeline = ")]
    old, new = versions((plain, 'alerts = rows.filter(col("code") > 202).with_columns(grade=col("code") - 200)\n'))
    (here_old := Path("old.py")).write_text(
        OLD.replace(plain, 'alerts = rows.filter(col("code") > 201).with_columns(grade=col("code") % 3)\n')
    )
    assert here_old.exists()
    ended = caudal("backtest", old, new, "--json")
    (output,) = ended.summary["outputs"]
    before = {i: r["code"] % 3 for i, r in enumerate(ROWS) if r["code"] > 201}
    after = {i: r["code"] - 200 for i, r in enumerate(ROWS) if r["code"] > 202}
    assert output["matched"].startswith("by identity")
    assert counts(output) == expected(before, after)


def test_rows_that_are_known_by_what_came_before_are_compared_whole(caudal, versions) -> None:
    plain = OLD[OLD.index("alerts = ") : OLD.index("pipeline = ")]
    old, new = versions(
        (plain, 'alerts = rows.filter(col("t") > 0).group_by("ip").running(n=cd.count(), name="counts")\n')
    )
    Path(old).write_text(OLD.replace(plain, 'alerts = rows.group_by("ip").running(n=cd.count(), name="counts")\n'))
    ended = caudal("backtest", old, new, "--json")
    (output,) = ended.summary["outputs"]

    def running(rows: list[dict[str, Any]]) -> set[Any]:
        seen: Counter[str] = Counter()
        out = set()
        for row in rows:
            seen[row["ip"]] += 1
            out.add((row["ip"], row["t"], seen[row["ip"]]))
        return out

    a, b = running(ROWS), running([row for row in ROWS if row["t"] > 0])
    assert output["matched"].startswith("as whole rows")
    assert counts(output) == {"new": len(b - a), "lost": len(a - b), "changed": 0, "same": len(a & b)}


def test_an_output_that_only_one_version_has(caudal, versions) -> None:
    more = 'name="alerts"))', 'name="alerts"), rows.to("files", path="all.jsonl", format="json", name="all"))'
    ended = caudal("backtest", *versions(more), "--json")
    outputs = {(o["old_output"], o["new_output"]): o for o in ended.summary["outputs"]}
    assert set(outputs) == {("alerts", "alerts"), ("", "all")}
    assert counts(outputs["", "all"]) == {"new": 80, "lost": 0, "changed": 0, "same": 0}
    assert (ended.code, outputs["", "all"]["matched"]) == (3, "only the new version has this output")


def test_outputs_of_other_names_belong_together_by_target_or_alone(caudal, versions) -> None:
    for change in (
        ('name="alerts"', 'name="alarms"'),
        ('path=settings.out, format="json", name="alerts"', 'path="b.jsonl", format="json"'),
    ):
        ended = caudal("backtest", *versions(change), "--json")
        (output,) = ended.summary["outputs"]
        assert (ended.code, output["old_output"], output["same"]) == (0, "alerts", len(alerts()))
        assert output["new_output"] != "alerts"


def test_what_comes_from_the_clock_is_left_out(caudal, versions) -> None:
    ended = caudal(
        "backtest", *versions(("> settings.threshold))", "> settings.threshold).with_columns(at=cd.now()))")), "--json"
    )
    (output,) = ended.summary["outputs"]
    assert (ended.code, "at: comes from the clock" in output["notes"]) == (0, True)


def test_a_setting_goes_to_the_versions_that_have_it(caudal, versions) -> None:
    old, new = versions(
        ('size="1s")', 'size="1s", factor=1)'), ("> settings.threshold", "> settings.threshold * settings.factor")
    )
    ended = caudal("backtest", old, new, "--set", "factor=2", "--set", "threshold=1", "--json")
    assert counts(ended.summary["outputs"][0]) == expected(alerts(threshold=1), alerts(threshold=2))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set", "treshold=3"), "neither version has a setting 'treshold'\n  hint: did you mean 'threshold'?"),
        (("--old-set", "factor=3"), "old.py: unknown setting 'factor'"),
        (("--new-set", "factor=3"), "new.py: unknown setting 'factor'"),
        (("--set", "threshold=many"), "setting 'threshold' cannot be 'many'"),
        (("--set", "path=none.jsonl"), "none.jsonl"),
        (("--engine", "flonk"), "unknown engine 'flonk'"),
        (("--threads", "-1"), "threads cannot be -1"),
    ],
)
def test_mistakes(caudal, versions, arguments: tuple[str, ...], told: str) -> None:
    ended = caudal("backtest", *versions(), *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_version_that_is_not_there(caudal, versions) -> None:
    old, _ = versions()
    ended = caudal("backtest", old, "newer.py")
    assert ended.code == 2
    assert "newer.py: there is no such file" in ended.err


def test_a_source_that_breaks_ends_it(caudal, versions, write) -> None:

    old, new = versions()
    whole = gzip.compress(Path("log.jsonl").read_bytes())
    write("log.jsonl.gz", whole[: len(whole) // 2])
    ended = caudal("backtest", old, new, "--set", "path=log.jsonl.gz")
    assert (ended.code, ended.out) == (1, "")
    assert "error: old: a source broke" in ended.err


def test_a_live_source_is_refused(caudal, versions) -> None:
    ended = caudal(
        "backtest", *versions(('path=settings.path, format="json"', 'path=settings.path, follow=True, format="json"'))
    )
    assert ended.code == 2
    assert "new: a live source has no end to compare at" in ended.err
    assert "leave out follow=True" in ended.err


def test_usage(caudal, versions) -> None:
    assert caudal("backtest", "old.py").code == 2
    assert caudal("backtest", *versions(), "--show", "few").code == 2

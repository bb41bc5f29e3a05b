"""The example of distances between flows, against every pair of events in plain Python."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.testing import check_everywhere
from caudal.testing.harness import Started

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "netflow.py"
NUMBERS = (
    "dst_ip4",
    "dst_port",
    "duration",
    "in_bytes",
    "in_packets",
    "out_bytes",
    "out_packets",
    "src_ip4",
    "src_port",
)
COLUMNS = ["eventid_1", "ts_flow1", "eventid_2", "ts_flow2", "distance", "ts_output", "sample_rate"]
START = 1_490_024_739_000

Event = dict[str, Any]


def events(count: int, seed: int = 0, *, seconds: float = 0.5, addresses: int = 3) -> Iterator[Event]:
    """Yield events of a few addresses, in order but for half a second, some of them with their time in seconds."""
    dice = random.Random(seed)
    ids = dice.sample(range(10**12), count)
    for i, eventid in enumerate(ids):
        at = START + i * 40 - dice.randrange(500)
        yield {
            "eventid": eventid,
            "aproto": "failed",
            "src_ip4": 168_099_844 + dice.randrange(addresses),
            "dst_ip4": dice.choice([4_294_967_295, dice.randrange(2**32)]),
            "dvc_time": at // 1000 if dice.random() < seconds else at,
            "@timestamp": "2017-03-20T15:45:08.000Z",
            "duration": dice.choice([0, dice.randrange(60), 0.25]),
            "dst_port": dice.choice([80, 443, dice.randrange(65536)]),
            "src_port": dice.randrange(65536),
            **{name: dice.randrange(5000) for name in ("in_bytes", "in_packets", "out_bytes", "out_packets")},
        }


def milliseconds(stamp: int) -> int:
    return stamp * 1000 if abs(stamp) < 10**11 else stamp


def draw(eventid: int, seed: int) -> int:
    """Return the hash that sampling goes by: 8 bytes of MD5, signed."""
    return int.from_bytes(hashlib.md5(f"{seed}:{eventid}".encode()).digest()[:8], "big", signed=True)


def apart(a: Event, b: Event) -> float:
    total = 0.0
    for name in NUMBERS:
        difference = float(a[name]) - float(b[name])
        total += difference * difference
    return math.sqrt(total)


def brute_force(
    given: Iterable[Event],
    *,
    window: int = 3000,
    stamp: str = "dvc_time",
    top: int = 0,
    below: float = 0.0,
    max_pairs: int = 1_000_000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return the rows that the pipeline should write, but for ts_output, in their order."""
    groups: dict[tuple[int, int], dict[int, Event]] = defaultdict(dict)
    taken = [(milliseconds(e[stamp]), i, e) for i, e in enumerate(given)]
    for at, _, event in sorted(taken, key=lambda one: one[:2]):
        groups[at // window, event["src_ip4"]].setdefault(event["eventid"], {**event, stamp: at})
    out: list[dict[str, Any]] = []
    for _, group in sorted(groups.items()):
        flows = [*group.values()]
        allowed = max(n for n in range(len(flows) + 1) if n * (n - 1) // 2 <= max_pairs)
        sample = sorted(flows, key=lambda e: draw(e["eventid"], seed))[:allowed]
        pairs = [
            (apart(a, b), a, b)
            for a, b in itertools.combinations(sorted(sample, key=lambda e: e["eventid"]), 2)
            if not below or apart(a, b) < below
        ]
        pairs.sort(key=lambda pair: (pair[0], pair[1]["eventid"], pair[2]["eventid"]))
        for distance, a, b in pairs[: top or None]:
            row = {"eventid_1": a["eventid"], "ts_flow1": a[stamp], "eventid_2": b["eventid"], "ts_flow2": b[stamp]}
            out.append({**row, "distance": distance, "sample_rate": len(sample) / len(flows)})
    return out


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes events to a file, and returns settings that read it."""

    def write(given: Iterable[Event], **settings: Any) -> dict[str, Any]:
        path = tmp_path / "flows.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in given))
        return {"path": str(path), "out": str(tmp_path / "out.jsonl"), **settings}

    return write


def found(settings: dict[str, Any], **how: Any) -> tuple[list[dict[str, Any]], Started]:
    """Return the rows without ts_output, as they were written, and the run."""
    run = Started(cd.load(EXAMPLE, settings=settings), **how).run()
    assert run.ledger.check() == []
    return [{k: v for k, v in row.items() if k != "ts_output"} for row in run.rows["results"]], run


def test_every_pair_in_its_order(write: Any) -> None:
    given = [*events(400)]
    wanted = brute_force(given)
    assert len(wanted) > 3000
    rows, run = found(write(given))
    assert rows == wanted
    assert all(row["eventid_1"] < row["eventid_2"] for row in rows)
    assert {row["sample_rate"] for row in rows} == {1.0}
    assert run.rows["warnings"] == []


@pytest.mark.parametrize(
    "how",
    [
        {"threads": 2},
        {"threads": 3, "read_bytes": 777},
        {"threads": 1, "morsel_rows": 1, "rewrites": False},
        {"threads": 3, "morsel_rows": 1, "shuffle": random.Random(5)},
    ],
    ids=lambda how: " ".join(how),
)
def test_the_same_rows_in_the_same_order_whatever_the_threads_and_morsels(write: Any, how: dict[str, Any]) -> None:
    given = [*events(150, seed=3)]
    chosen = {"top": 20, "max_pairs": 50}
    rows, _ = found(write(given, **chosen), **how)
    assert rows == brute_force(given, **chosen)


def test_the_same_rows_cut_and_restored_anywhere() -> None:
    given = [*events(100, seed=13)]
    plan = cd.load(EXAMPLE, settings={"top": 9, "max_pairs": 60})
    for seed in range(3):
        result = check_everywhere(plan, {"events": given}, seed=seed, ignore=("ts_output",))
    rows = [{k: v for k, v in row.items() if k != "ts_output"} for row in result.outputs["results"]]
    assert rows == brute_force(given, top=9, max_pairs=60)


@pytest.mark.parametrize(
    "chosen",
    [{"top": 3}, {"below": 40_000.0}, {"top": 5, "below": 3e8}, {"top": 0, "below": 0.0}, {"below": 1e-9}],
    ids=str,
)
def test_the_nearest_only(write: Any, chosen: dict[str, Any]) -> None:
    given = [*events(200, seed=1)]
    wanted = brute_force(given, **chosen)
    every = len(brute_force(given))
    assert len(wanted) == every if not any(chosen.values()) else len(wanted) < every
    assert found(write(given, **chosen))[0] == wanted


def test_other_windows_and_another_time_field(write: Any) -> None:
    given = [{**event, "eventtime": event["dvc_time"], "dvc_time": "n/a"} for event in events(120, seed=2)]
    rows, _ = found(write(given, window="500ms", time="eventtime"))
    assert rows == brute_force(given, window=500, stamp="eventtime")
    assert rows


def test_seconds_and_milliseconds_are_told_by_their_magnitude(write: Any) -> None:
    in_seconds = [{**e, "dvc_time": milliseconds(e["dvc_time"]) // 1000} for e in events(60, seed=4)]
    in_milliseconds = [{**e, "dvc_time": e["dvc_time"] * 1000} for e in in_seconds]
    wanted = brute_force(in_milliseconds)
    assert found(write(in_seconds))[0] == found(write(in_milliseconds))[0] == wanted
    assert {row["ts_flow1"] % 1000 for row in wanted} == {0}


def test_what_is_not_ipv4_or_lacks_a_field_is_filtered_and_counted(write: Any) -> None:
    good = [*events(90, seed=5)]
    bad = [*events(20, seed=6)]
    given: list[Event] = []
    for i, event in enumerate(good):
        given.append(event)
        if i < 5:
            given.append({**bad[i], "src_ip6": "2001:db8::1", "dvc_time": event["dvc_time"]})
        elif i < 5 + len(NUMBERS):
            lacking = {**bad[i], "dvc_time": event["dvc_time"]}
            del lacking[NUMBERS[i - 5]]
            given.append(lacking)
        elif i == 20:
            given.append({**bad[i - 1], "eventid": None, "dvc_time": event["dvc_time"]})
            given.append({**bad[i - 2], "dvc_time": None})
    rows, run = found(write(given))
    assert rows == brute_force(good)
    fates = {name: run.ledger.entries[name] for name in ("events", "ipv4_only", "complete", "distances")}
    assert (fates["events"].dead, fates["ipv4_only"].filtered) == (1, 5)
    assert (fates["complete"].filtered, fates["distances"].taken) == (len(NUMBERS) + 1, 90)


def test_an_event_that_is_sent_again_counts_once(write: Any) -> None:
    once = [{**event, "dvc_time": START} for event in events(8, seed=7, addresses=1)]
    again = [{**event, "dst_port": 1} for event in once[:4]]
    rows, _ = found(write([*once, *again, *once]))
    assert rows == brute_force(once)
    assert len(rows) == 8 * 7 // 2


def test_too_many_pairs_are_sampled_and_the_address_is_named(write: Any) -> None:
    given = [{**event, "dvc_time": START} for event in events(40, seed=8, addresses=1)]
    few = [{**event, "src_ip4": 7} for event in events(4, seed=9, addresses=1)]
    few = [{**event, "dvc_time": START} for event in few]
    chosen = {"max_pairs": 100, "seed": 11}
    rows, run = found(write([*given, *few], **chosen))
    assert rows == brute_force([*given, *few], **chosen)
    sampled = [row for row in rows if row["sample_rate"] < 1]
    # 14 flows have 91 pairs, 15 have 105
    assert (len(sampled), {row["sample_rate"] for row in sampled}) == (91, {14 / 40})
    (warning,) = run.rows["warnings"]
    assert (warning["src_ip4"], warning["flows"], warning["pairs"]) == (168_099_844, 40, 780)
    assert (warning["window_start"], warning["window_end"]) == (START, START + 3000)
    assert "sampled" in warning["warning"]
    ids = {id_ for row in sampled for id_ in (row["eventid_1"], row["eventid_2"])}
    other, _ = found(write([*given, *few], **{**chosen, "seed": 12}))
    assert ids != {id_ for row in other if row["sample_rate"] < 1 for id_ in (row["eventid_1"], row["eventid_2"])}


def test_just_as_many_pairs_as_allowed_are_all_there(write: Any) -> None:
    given = [{**event, "dvc_time": START} for event in events(15, seed=10, addresses=1)]
    rows, run = found(write(given, max_pairs=105))
    assert (len(rows), rows[0]["sample_rate"], run.rows["warnings"]) == (105, 1.0, [])
    rows, run = found(write(given, max_pairs=104))
    assert (len(rows), rows[0]["sample_rate"], len(run.rows["warnings"])) == (91, 14 / 15, 1)


def test_a_flow_by_itself_has_no_pair(write: Any) -> None:
    (one,) = events(1)
    rows, run = found(write([one]))
    assert rows == []
    assert run.ledger.entries["distances"].absorbed == 1


def test_the_file_that_is_written(write: Any, capfd: pytest.CaptureFixture[str]) -> None:
    given = [*events(60, seed=12, addresses=1)]
    settings = write(given, max_pairs=200)
    before = int(time.time() * 1000)
    summary = cd.run(cd.load(EXAMPLE, settings=settings))
    after = int(time.time() * 1000)
    rows = [json.loads(line) for line in Path(settings["out"]).read_text().splitlines()]
    assert list(rows[0]) == COLUMNS
    assert all(before <= row.pop("ts_output") <= after for row in rows)
    assert rows == brute_force(given, max_pairs=200)
    assert (summary.rows, summary.late, summary.dead) == (60, 0, 0)
    assert "src_ip4=168099844" in capfd.readouterr().err

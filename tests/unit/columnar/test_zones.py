"""Local times to instants, against `zoneinfo`."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from caudal.columnar import zones
from caudal.core import scalars
from caudal.core.errors import PlanError
from caudal.core.zones import zone

EPOCH = datetime(1970, 1, 1)
HOUR = 3_600_000


def local(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("name", "wall", "early", "late", "gap"),
    [
        ("Europe/Berlin", "2024-10-27T02:59:59.999", "2024-10-27T00:59:59.999", "2024-10-27T01:59:59.999", False),
        ("Europe/Berlin", "2024-10-27T03:00", "2024-10-27T02:00", "2024-10-27T02:00", False),
        ("Europe/Berlin", "2024-10-27T01:59:59", "2024-10-26T23:59:59", "2024-10-26T23:59:59", False),
        ("Europe/Berlin", "2024-03-31T02:30", "2024-03-31T01:30", "2024-03-31T01:30", True),
        ("Europe/Berlin", "2024-03-31T03:00", "2024-03-31T01:00", "2024-03-31T01:00", False),
        ("Australia/Lord_Howe", "2024-04-07T01:45", "2024-04-06T14:45", "2024-04-06T15:15", False),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00", "2011-12-30T22:00", True),  # a day that was not
        ("Asia/Kathmandu", "2024-01-01T00:00", "2023-12-31T18:15", "2023-12-31T18:15", False),
        ("UTC", "2024-10-27T02:30", "2024-10-27T02:30", "2024-10-27T02:30", False),
    ],
)
def test_readings(name: str, wall: str, early: str, late: str, gap: bool) -> None:
    found = zones.compiled(name).readings(np.array([local(wall)], np.int64))
    assert [int(f[0]) for f in found] == [local(early), local(late), gap]


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/New_York", "Africa/Casablanca", "Pacific/Apia", "Asia/Tokyo"]
)
def test_columns_single_values_and_zoneinfo_agree(name: str) -> None:
    r, info = random.Random(name), ZoneInfo(name)
    near = [change * 1000 + r.randrange(-4 * HOUR, 4 * HOUR) for change, _, _ in zones._changes(name) for _ in range(4)]
    walls = np.array([*near, *(r.randrange(-4 * 10**12, 9 * 10**12) for _ in range(500))], np.int64)
    early, late, gap = zones.compiled(name).readings(walls)
    assert [*zip(early.tolist(), late.tolist(), gap.tolist())] == [
        scalars.readings_of_local(wall, info) for wall in walls.tolist()
    ]
    for wall, e, la, missing in zip(walls.tolist(), early.tolist(), late.tolist(), gap.tolist()):
        if scalars.FIRST_ZONED < e < scalars.LAST_ZONED and not missing:  # there and back
            for instant in (e, la):
                back = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(info)
                assert back.replace(tzinfo=None) == EPOCH + timedelta(milliseconds=wall)


def test_the_reading_nearer_to_what_came_before() -> None:
    early = np.array([0, 3600, 10, 100_000, 20], np.int64)
    late = np.array([3600, 3600, 3610, 100_000, 3620], np.int64)
    before = np.empty(5, np.int64)
    zones.settle(early, late, zones.NEVER, 50_000, before)
    assert early.tolist() == [0, 3600, 3610, 100_000, 3620]  # 100,000 is not accepted
    assert before.tolist() == [zones.NEVER, 0, 3600, 3610, 3610]
    tie = np.array([0], np.int64)
    zones.settle(tie, np.array([100], np.int64), np.int64(50), 1000, before[:1])
    assert tie.tolist() == [0]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "'Europe/Berlin'"),
        ("berlin", "'Europe/Berlin'"),
        ("utc+1", "Etc/GMT-1"),
        ("../../etc/passwd", "IANA"),
        ("/etc/localtime", "/"),
        ("Europe", ""),
        ("x\0y", "IANA"),
    ],
)
def test_an_unknown_zone(name: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        zone(name)
    assert hint in (caught.value.hint or "")

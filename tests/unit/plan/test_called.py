"""Calls that do not fit a signature are answered; what goes wrong inside a function that was called rightly is not."""

import inspect
from functools import partial
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import Misuse
from caudal.core.zones import zone
from caudal.plan.called import answered, answered_methods


@answered_methods
class Shape:
    def scale(self, by: int, *, digits: int = 0, floor: bool = False) -> int:
        return by + digits

    def broken(self) -> int:
        return len(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "named", "hint"),
    [
        ((2, 3), {}, "write .scale(2, digits=3)"),
        ((2, 3, True), {}, "write .scale(2, digits=3, floor=True)"),
        ((2, 3), {"digits": 1}, "write .scale(2, floor=3, digits=1)"),
        ((), {}, "write .scale(by=...)"),
        ((2,), {"digit": 1}, "did you mean 'digits'?"),
        ((2,), {"zzz": 1}, "known: by, digits, floor"),
    ],
)
def test_a_call_that_does_not_fit_is_answered_with_one_that_does(
    args: tuple[Any, ...], named: dict[str, Any], hint: str
) -> None:
    with pytest.raises(Misuse) as caught:
        Shape().scale(*args, **named)
    assert caught.value.hint == hint


def test_errors_inside_a_call_that_fits_are_kept() -> None:
    with pytest.raises(TypeError, match="has no len") as caught:
        Shape().broken()
    assert not isinstance(caught.value, Misuse)


def test_signatures_and_names_are_those_of_the_function() -> None:
    assert str(inspect.signature(cd.hopping)).startswith("(size")
    assert (cd.hopping.__name__, cd.hopping.__module__) == ("hopping", "caudal.lang.dsl.windows")
    assert answered(len)([1]) == 1


@pytest.mark.parametrize("name", ["__len__", "__abs__", "__round__", "__int__", "__float__", "__floor__"])
def test_protocols_that_are_answered_are_not_there(name: str) -> None:
    assert not hasattr(col("a"), name)


def test_a_stream_is_true() -> None:
    stream = cd.source("memory", rows=[], schema={"a": "int64"})
    assert stream
    assert stream.group_by("a")


def _rest(*given: object) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    "function",
    [_rest, dict, lambda row: row, lambda row, more=1: row, partial(lambda a, row: row, 1), cd.batch(lambda f: f)],
)
def test_functions_that_can_be_called_with_a_row_are_taken(function: object) -> None:
    cd.source("memory", rows=[], schema={"a": "int64"}).map(function, schema={"a": "int64"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("UTC+2", "'Etc/GMT-2'"),
        ("utc-05:00", "'Etc/GMT+5'"),
        ("+0200", "'Etc/GMT-2'"),
        ("GMT+00", "write 'UTC'"),
        ("UTC+5:30", "'Asia/Kolkata'"),
        ("UTC+20", "an IANA name"),
        ("BST", "an IANA name"),
        ("utc", "did you mean 'UTC'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
    ],
)
def test_no_zone_is_proposed_that_is_hours_away(name: str, hint: str) -> None:
    with pytest.raises(cd.PlanError) as caught:
        zone(name)
    assert hint in caught.value.hint

"""`python -m caudal.checkpoint.simulator`: play schedules, replay one with its trace, look for a bug that was put in."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext

from caudal.checkpoint.simulator.bugs import BUGS
from caudal.checkpoint.simulator.campaign import campaign, find, replay
from caudal.checkpoint.simulator.coverage import table, wrong

ENOUGH, LEAST = 20_000, 100
"""In so many schedules each pair of a state and an event is to be met so often."""


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all held, 1 if something did not."""
    parser = argparse.ArgumentParser(prog="python -m caudal.checkpoint.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this schedule and print its trace")
    parser.add_argument("--schedules", type=int, default=20_000, help="how many to play (20,000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--processes", type=int, default=1, help="how many processes play (1)")
    parser.add_argument("--bug", choices=[bug.name for bug in BUGS], help="put this bug in")
    parser.add_argument(
        "--bugs", action="store_true", help="put in each bug in turn, and tell the first schedule that finds it"
    )
    chosen = parser.parse_args(arguments)
    bug = next((bug for bug in BUGS if bug.name == chosen.bug), None)
    if chosen.bugs:
        return _bugs(chosen.first, chosen.schedules)
    with nullcontext() if bug is None else bug.planted():
        if chosen.seed is not None:
            result, trace = replay(chosen.seed)
            sys.stdout.write("\n".join([*trace, str(result), ""]))
            return 1 if result.violation else 0
        began = time.perf_counter()
        report = campaign(range(chosen.first, chosen.first + chosen.schedules), chosen.processes)
        seconds = time.perf_counter() - began
    unmet = wrong(report.coverage, LEAST if chosen.schedules >= ENOUGH and bug is None else 0)
    sys.stdout.write("\n".join([table(report.coverage), *unmet, report.summary(), ""]))
    sys.stdout.write(f"{chosen.schedules / seconds:.0f} schedules a second\n")
    return 1 if report.violations or unmet else 0


def _bugs(first: int, schedules: int) -> int:
    missed = 0
    for bug in BUGS:
        found = find(bug, range(first, first + schedules))
        missed += found is None
        where = (
            "not found"
            if found is None
            else f"{found.number} schedules: {found.violation.strip().splitlines()[-1][:100]}"
        )
        sys.stdout.write(f"{bug.name}: {where}\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

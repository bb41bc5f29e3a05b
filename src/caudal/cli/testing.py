"""`caudal test`: scenario files run in every way, a line each."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from caudal.core.errors import CaudalError, InputError, UserError
from caudal.core.naming import natural_key
from caudal.core.shown import shown, shown_lines

_CODES = {"passed": 0, "completed": 0, "failed": 1, "mistake": 2}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario ended: "passed", "completed" (its file was rewritten), "failed" or "mistake" (in the file)."""

    file: str
    title: str
    state: str
    messages: list[str]


def test(arguments: Namespace) -> int:
    """`caudal test PATH...`."""
    outcomes: list[Outcome] = []
    for path in scenarios(arguments.paths):
        outcome = _run(path, arguments.complete)
        outcomes.append(outcome)
        if not arguments.json:
            print(shown(f"{outcome.state:9}  {outcome.file}  {outcome.title}".rstrip()), flush=True)
            for message in outcome.messages:
                print("  " + shown_lines(message).replace("\n", "\n  "), flush=True)
    if arguments.json:
        print(json.dumps({"scenarios": [asdict(o) for o in outcomes]}))
    else:
        counts = {state: sum(o.state == state for o in outcomes) for state in _CODES}
        print(
            ", ".join(
                f"{n} {state if n == 1 or state != 'mistake' else 'mistakes'}" for state, n in counts.items() if n
            )
        )
    return max(_CODES[o.state] for o in outcomes)


def _run(path: str, complete: bool) -> Outcome:
    from caudal.testing.completing import complete as fill_in
    from caudal.testing.flow import load
    from caudal.testing.scenario import check

    title = ""
    try:
        title = load(path).title
        changed = complete and fill_in(path)
        wrong = check(path)
    except UserError as error:
        return Outcome(path, title, "mistake", [str(error)])
    except CaudalError as error:
        return Outcome(path, title, "failed", [str(error)])
    return Outcome(path, title, "failed" if wrong else "completed" if changed else "passed", wrong)


def scenarios(paths: Iterable[str]) -> list[str]:
    """Return the scenario files of files and directories, in natural order; raises `InputError` where there are none."""
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted((str(p) for p in Path(path).rglob("*.flow")), key=natural_key)
            if not inside:
                raise InputError(
                    "there is no scenario in this directory", location=path, hint="their names end in .flow"
                )
            found += inside
        elif os.path.exists(path):
            found.append(path)
        else:
            raise InputError(
                "there is no such file", location=path, hint="is it right, seen from the working directory?"
            )
    return list(dict.fromkeys(found))

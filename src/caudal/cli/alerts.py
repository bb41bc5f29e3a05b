"""`caudal explain FILE --alert`: the rows that made an alert, for people and as JSON lines."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from caudal.cli.comparing import cell, more, table
from caudal.core.errors import OptionError
from caudal.core.shown import shown

SHOWN = 50
"""Rows of each part that people are shown."""


def explain(arguments: Namespace) -> int:
    """Print the rows that made an alert; raises `OptionError` where there is no such alert."""
    from caudal.runner import load
    from caudal.runner.alerts import made

    if len(arguments.files) > 1:
        raise OptionError("an alert is of one pipeline", hint="name its file alone")
    for option in ("mermaid", "output", "follow"):
        if getattr(arguments, option):
            raise OptionError(f"--{option} means nothing to explain --alert", hint="leave one of them out")
    if arguments.engine != "local":
        raise OptionError(
            "alerts are explained by the local engine", hint="leave out --engine: rows are the same on all"
        )
    found = made(load(arguments.files[0], settings=dict(arguments.settings)), arguments.alert)
    if arguments.json:
        about = {"sink": found.sink, "operator": found.operator, "told": found.told}
        print(json.dumps({"part": "alert", **about, "row": found.alert}))
        for part, rows in found.parts.items():
            for row in rows:
                print(json.dumps({"part": part, "row": row}))
        return 0
    print(f"alert in {shown(found.sink)}", *_table([found.alert]), sep="\n")
    print(f"made by {shown(found.operator)}: {shown(found.told)}")
    for part, rows in found.parts.items():
        count = f"{len(rows):,} row{'' if len(rows) == 1 else 's'}"
        print(f"{shown(part)}: {count}", *_table(rows), sep="\n")
    return 0


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(rows[0]) if rows else []
    lines = table([[cell(row[name]) for name in names] for row in rows[:SHOWN]], names) if rows else []
    return [*lines, *more(len(rows), SHOWN)]

"""`caudal backtest` and `caudal verify`: two runs or more, and their rows side by side."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

from caudal.core.shown import shown_lines
from caudal.observe.summary import Summary
from caudal.runner.backtest import Backtest, Output, load_both
from caudal.runner.backtest import backtest as run_both
from caudal.runner.comparison import Difference, Row, differing
from caudal.runner.history import placed
from caudal.runner.load import load
from caudal.runner.verify import Verification
from caudal.runner.verify import verify as run_all

DIFFERENT = 3
"""The exit code where a comparison found a difference."""


def backtest(arguments: Namespace) -> int:
    """`caudal backtest OLD NEW`."""
    settings, old_settings, new_settings = (
        dict(given) for given in (arguments.settings, arguments.old_settings, arguments.new_settings)
    )
    with redirect_stdout(sys.stderr):  # what functions print: standard output belongs to the result
        old, new = load_both(arguments.old, arguments.new, settings, old_settings, new_settings)
        found = run_both(old, new, engine=arguments.engine, threads=arguments.threads, watch=_watch(arguments.json))
    if arguments.json:
        print(json.dumps(_backtest_json(found, arguments.show)))
    else:
        print(shown_lines("\n".join(_backtest_text(found, arguments.show))))
    return 0 if found.equal else DIFFERENT


def verify(arguments: Namespace) -> int:
    """`caudal verify FILE`."""
    with redirect_stdout(sys.stderr):
        plan = placed(load(arguments.file, settings=dict(arguments.settings)), arguments.start, arguments.until)
        found = run_all(plan, arguments.engines, threads=arguments.threads, watch=_watch(arguments.json))
    if arguments.json:
        print(json.dumps(_verify_json(found, arguments.show)))
    else:
        print(shown_lines("\n".join(_verify_text(found, arguments.show))))
    return 0 if found.equal else DIFFERENT


def _watch(silent: bool) -> Callable[[str], None] | None:
    return None if silent else lambda what: print(f"running {what} ...", file=sys.stderr, flush=True)


def _ran(label: str, summary: Summary, width: int) -> str:
    counts = [
        f"{summary.rows:,} rows in",
        f"{summary.emitted:,} out",
        f"{summary.late:,} late",
        f"{summary.dead:,} dead",
    ]
    return f"  {label:{width}}  {', '.join(counts)}, {summary.seconds:.2f} s on {summary.engine}"


def _backtest_text(found: Backtest, show: int) -> list[str]:
    names = found.old if found.old == found.new else f"{found.old} against {found.new}"
    lines = [f"{names}: {'the same rows' if found.equal else 'rows differ'}"]
    lines += [_ran(side, summary, 3) for side, summary in zip(("old", "new"), found.summaries, strict=True)]
    for output in found.outputs:
        d = output.difference
        lines.append(f"{_named(output)}: {_counts(d)}")
        lines.append(f"  matched {output.matched}")
        lines += [f"  not compared: {note}" for note in output.notes]
        lines += _sides(d, ("old", "new"), ("lost", "new", "changed"), show)
    return lines


def _named(output: Output) -> str:
    return " / ".join(dict.fromkeys(name for name in (output.old, output.new) if name))


def _counts(d: Difference) -> str:
    rows = f"{d.left:,} rows" if d.left == d.right else f"{d.left:,} -> {d.right:,} rows"
    return (
        f"{rows}: {len(d.only_right):,} new, {len(d.only_left):,} lost, {len(d.changed):,} changed, {d.same:,} the same"
    )


def _verify_text(found: Verification, show: int) -> list[str]:
    reference, *others = found.summaries
    width = max(map(len, found.summaries))
    lines = [f"{found.plan}: {'the same rows on all' if found.equal else 'rows differ'}"]
    lines += [_ran(label, summary, width) for label, summary in found.summaries.items()]
    for label in others:
        for output, d in found.differences[label].items():
            if d.equal:
                lines.append(f"{output}: {d.left:,} rows, the same on {reference} and {label}")
                continue
            lines.append(
                f"{output}: {d.left:,} rows on {reference}, {d.right:,} on {label}: {len(d.only_left):,} only on {reference}, "
                f"{len(d.only_right):,} only on {label}, {len(d.changed):,} with other values, {d.same:,} the same"
            )
            lines += _sides(d, (reference, label), (f"only on {reference}", f"only on {label}", "other values"), show)
    lines += [f"differs: {line}" for line in found.disagreements]
    lines += [f"{output}: not compared, from the clock: {', '.join(names)}" for output, names in found.left_out.items()]
    lines += [f"note: {line}" for line in found.notes]
    if not found.equal:
        for label, summary in found.summaries.items():
            lines += [f"ledger on {label}", summary.ledger.to_text()]
    return lines


def _sides(d: Difference, labels: tuple[str, str], titles: tuple[str, str, str], show: int) -> list[str]:
    """Return the first rows of each kind of difference as tables; of changed ones what differs as `old -> new`."""
    lines: list[str] = []
    for title, rows in ((titles[0], d.only_left), (titles[1], d.only_right)):
        if rows and show:
            lines += [
                f"  {title}",
                *table([[cell(row[name]) for name in d.columns] for row in rows[:show]], d.columns),
            ]
            lines += more(len(rows), show)
    if d.changed and show:
        lines.append(f"  {titles[2]} ({labels[0]} -> {labels[1]})")
        lines += table([_beside(a, b, d.columns) for a, b in d.changed[:show]], d.columns)
        lines += more(len(d.changed), show)
    return lines


def _beside(row: Row, other: Row, columns: Sequence[str]) -> list[str]:
    apart = set(differing(row, other, columns))
    return [f"{cell(row[n])} -> {cell(other[n])}" if n in apart else cell(row[n]) for n in columns]


def table(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> list[str]:
    """Return rows of cells as lines, the columns' names first."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    return [
        "    " + "  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in (columns, *rows)
    ]


def more(count: int, show: int) -> list[str]:
    """Return a line that tells how many rows are not shown."""
    return [f"    ... and {count - show:,} more"] if count > show else []


def cell(value: Any) -> str:
    """Return a value for people."""
    if value is None:
        return "null"
    if isinstance(value, str):
        # what data holds does not steer a terminal
        return value if value.isprintable() and value else json.dumps(value)
    return json.dumps(value)


def _difference_json(d: Difference, show: int, names: tuple[str, str, str]) -> dict[str, Any]:
    left, right, changed = names
    return {
        "equal": d.equal,
        "columns": d.columns,
        "same": d.same,
        left: len(d.only_left),
        right: len(d.only_right),
        changed: len(d.changed),
        "rows": {
            left: d.only_left[:show],
            right: d.only_right[:show],
            changed: [[a, b] for a, b in d.changed[:show]],
        },
    }


def _backtest_json(found: Backtest, show: int) -> dict[str, Any]:
    return {
        "caudal_backtest": 1,
        "equal": found.equal,
        "old": found.summaries[0].to_json(),
        "new": found.summaries[1].to_json(),
        "outputs": [
            {
                "old_output": output.old,
                "new_output": output.new,
                "matched": output.matched,
                "notes": output.notes,
                "old_rows": output.difference.left,
                "new_rows": output.difference.right,
                **_difference_json(output.difference, show, ("lost", "new", "changed")),
            }
            for output in found.outputs
        ],
    }


def _verify_json(found: Verification, show: int) -> dict[str, Any]:
    return {
        "caudal_verify": 1,
        "equal": found.equal,
        "pipeline": found.plan,
        "runs": {label: summary.to_json() for label, summary in found.summaries.items()},
        "differences": {
            label: {
                output: _difference_json(d, show, ("only_reference", "only_other", "changed"))
                for output, d in outputs.items()
            }
            for label, outputs in found.differences.items()
        },
        "left_out": found.left_out,
        "disagreements": found.disagreements,
        "notes": found.notes,
    }

"""What each scenario becomes on Flink and Spark, kept beside it: who reads a change sees what it does to their SQL.

`CAUDAL_GOLDEN=write` writes the files anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caudal.core.errors import PlanError
from caudal.engines.jvm.relation import LiveStep, printed
from caudal.engines.jvm.script import lower_all
from caudal.ports import registry
from caudal.rewrite import rewrite
from caudal.testing.elsewhere import suits, suits_live
from caudal.testing.flow import Flow, load
from caudal.testing.scenario import prepared

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
WAYS = (("flink", False), ("spark", False), ("spark", True))


def sql(flow: Flow) -> str:
    """Return the views of a scenario, a part for each engine and way; of unbounded input, those that are others then."""
    parts: list[str] = []
    known: set[str] = set()
    for engine, live in WAYS:
        if not (suits_live(flow) if live else suits(flow)):
            continue
        dialect = registry.find("engine", engine).dialect()
        with prepared(flow) as ready:
            try:
                (lowered,) = lower_all([rewrite(ready.case.plan)], dialect, live=live).plans
            except PlanError as error:
                made = f"-- refused: {error.message}\n"
            else:
                views: list[str] = []
                for view in lowered.views:
                    walk = isinstance(view.relation, LiveStep)
                    if view.name.startswith(("dead:", "late:")) or view.name.endswith((" late rows", " uncounted")):
                        continue  # nobody wired them: each looks like the next
                    text = printed(view.relation.source if walk else view.relation, dialect)
                    views.append(f"-- {view.name}{' (walked by key)' if walk else ''}\n{text};\n")
                made = "\n".join(view for view in views if view not in known)
                known.update(views if engine == "spark" else ())
            parts.append(f"---- {engine}{', over unbounded input' if live else ''}\n\n{made}")
    return "\n".join(parts)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*/*.flow")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_sql(path: Path) -> None:
    kept = path.with_suffix(".sql")
    made = sql(load(path))
    if os.environ.get("CAUDAL_GOLDEN") == "write":
        if made:
            kept.write_text(made, encoding="utf-8")
        else:
            kept.unlink(missing_ok=True)
    assert (kept.read_text(encoding="utf-8") if kept.exists() else "") == made


def test_no_golden_sql_without_a_scenario() -> None:
    assert not [path for path in SCENARIOS.glob("*/*.sql") if not path.with_suffix(".flow").exists()]

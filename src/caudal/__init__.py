"""caudal: write a detection once, run it from a laptop to a cluster.

    import caudal as cd
    from caudal import col

    requests = cd.source("files", path="logs/*.jsonl", format="json", event_time="timestamp", disorder="500ms",
                         schema={"ip": "string", "timestamp": "int64", "code": "float64"})
    alerts = (requests.group_by("ip").window(cd.tumbling("3s"))
              .agg(total=cd.count(), refused=cd.count_if(col("code").is_in([401, 403])))
              .filter((col("total") > 30) & (col("refused") == col("total"))))
    pipeline = cd.Pipeline("dos", alerts.to("files", path="alerts.jsonl", format="json"))

The facade: every public name stands here and is imported when it is first used. Nobody inside imports it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caudal.core.errors import CaudalError, CaudalWarning, PlanError, RunError, UserError
    from caudal.core.types import Schema
    from caudal.lang.dsl.aggregates import *  # noqa: F403 - all that it lists
    from caudal.lang.dsl.functions import batch, jit, row
    from caudal.lang.dsl.patterns import all_of, event
    from caudal.lang.dsl.settings import settings
    from caudal.lang.dsl.source import field, source
    from caudal.lang.dsl.stream import Stream
    from caudal.lang.dsl.stream import pipeline as Pipeline
    from caudal.lang.dsl.tables import table
    from caudal.lang.dsl.windows import cumulative, hopping, rows, session, sliding, tumbling
    from caudal.plan.building import coalesce, concat, greatest, int_div, int_mod, least, now
    from caudal.plan.conditional import when
    from caudal.plan.explain import explain, mermaid
    from caudal.plan.expr import col, lit
    from caudal.runner import load, run, run_together
    from caudal.runner.infer import infer

    __all__ = [*"every name above is public"]  # pyright: ignore[reportUnsupportedDunderAll]

_HOME = {
    "caudal.core.errors": ("CaudalError", "CaudalWarning", "PlanError", "RunError", "UserError"),
    "caudal.core.types": ("Schema",),
    "caudal.lang.dsl.functions": ("batch", "jit", "row"),
    "caudal.lang.dsl.patterns": ("all_of", "event"),
    "caudal.lang.dsl.settings": ("settings",),
    "caudal.lang.dsl.source": ("field", "source"),
    "caudal.lang.dsl.stream": ("Stream",),
    "caudal.lang.dsl.tables": ("table",),
    "caudal.lang.dsl.windows": ("cumulative", "hopping", "rows", "session", "sliding", "tumbling"),
    "caudal.plan.conditional": ("when",),
    "caudal.plan.building": ("coalesce", "concat", "greatest", "int_div", "int_mod", "least", "now"),
    "caudal.plan.expr": ("col", "lit"),
    "caudal.plan.explain": ("explain", "mermaid"),
    "caudal.runner": ("load", "run", "run_together"),
    "caudal.runner.infer": ("infer",),
}
_NAMES = {name: module for module, names in _HOME.items() for name in names}
_OPEN = "caudal.lang.dsl.aggregates"
"""The module whose public names are all of the facade's too."""


def __getattr__(name: str) -> Any:
    if name == "Pipeline":
        value: Any = import_module("caudal.lang.dsl.stream").pipeline
    elif name == "__version__":
        try:
            value = version("caudal")
        except PackageNotFoundError:
            value = "0"
    elif name == "__all__":
        value = ["Pipeline", *_NAMES, *import_module(_OPEN).__all__]
    elif name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    elif not name.startswith("_") and name in import_module(_OPEN).__all__:
        value = getattr(import_module(_OPEN), name)
    else:
        raise _unknown(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__getattr__("__all__"), "__version__"])


def _unknown(name: str) -> AttributeError:
    message = f"module 'caudal' has no attribute '{name}'"
    if name.startswith("_"):
        return AttributeError(message)
    from caudal.core.errors import NoSuchName, nearest

    elsewhere = {
        "avg": "mean",
        "std": "stddev",
        "nunique": "count_distinct",
        "list": "collect",
        "window": "tumbling",
        "pattern": "event",
    }
    elsewhere |= {"udf": "row", "expr": "col", "column": "col", "Stream.source": "source", "stream": "source"}
    return NoSuchName(
        message, hint=f"write cd.{elsewhere[name]}" if name in elsewhere else nearest(name, __getattr__("__all__"))
    )

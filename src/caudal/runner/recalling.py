"""What several pipelines have left, under the names that their operators have now.

An operator's id in a run of several hangs on who shares it, and on what else is called so. Who shared it is in the manifest; so it is
found again where a pipeline has come, or is gone, or they stand in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from caudal.checkpoint.manifest import Manifest
from caudal.core.errors import OptionError
from caudal.ports.snapshot import State

TOGETHER = " + "
"""Between the names of pipelines that run together and have no name for it."""

Users = Mapping[str, Mapping[str, str]]
"""By operator its id in each pipeline that shares it."""


def joined(names: Iterable[str]) -> str:
    """Return what pipelines are called together, in whatever order they are given."""
    return TOGETHER.join(sorted(names))


def recalled(manifest: Manifest, users: Users, *, allow_dropped: bool) -> Manifest:
    """Return a manifest of several pipelines with the ids that a plan of several has for its operators.

    State that one operator had for pipelines that have one each now, or several for what is one now, belongs to none of them: it
    keeps an id that there is not. Raises `OptionError` where a source is such, since its positions would be forgotten in silence.
    """
    if not manifest.users or not users or manifest.users == users:
        return manifest
    names = _names(manifest.users, users)
    lost = sorted({source for source, _ in manifest.positions if _torn(source, manifest.users, users)})
    if lost and not allow_dropped:
        shared = ", ".join(manifest.users[lost[0]])
        raise OptionError(
            f"the source {lost[0]} is read by others together than it was, and would be read from its start",
            location=f"checkpoint {manifest.id}",
            detail=f"it was read once for {shared}",
            hint="run the pipelines as they were, or --allow-dropped-state begins there anew",
        )

    return replace(
        manifest,
        positions={
            (names.get(source, source), partition): at for (source, partition), at in manifest.positions.items()
        },
        operators=_keyed(manifest.operators, names),
        receipts=_keyed(manifest.receipts, names),
    )


def restated(state: State, then: Users, now: Users) -> State:
    """Return what a manifest stood for, likewise."""
    names = _names(then, now) if then and now and then != now else {}
    if not names:
        return state
    rest = dict(state.rest)
    for part in ("sources", "written", "memories"):
        rest[part] = _keyed(rest.get(part, {}), names)
    for part in ("origins", "counts"):
        rest[part] = [[names.get(name, name), *more] for name, *more in rest.get(part, [])]
    return replace(
        state,
        rest=rest,
        positions={(names.get(source, source), partition): at for (source, partition), at in state.positions.items()},
        operators=_keyed(state.operators, names),
    )


def _keyed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _names(then: Users, now: Users) -> dict[str, str]:
    """Return what each operator of then is called now; one that there is not any more gets an id that none has."""
    names: dict[str, str] = {}
    for name, users in then.items():
        here = _alike(users, now)
        if len(here) == 1 and len(_alike(now[here[0]], then)) == 1:
            names[name] = here[0]
        elif name in now:
            names[name] = f"{name} (of {', '.join(users)})"
    return names


def _torn(name: str, then: Users, now: Users) -> bool:
    """Whether there is one of those that shared an operator, and it has not gone on as one."""
    here = _alike(then.get(name, {}), now)
    return len(here) > 1 or any(len(_alike(now[each], then)) > 1 for each in here)


def _alike(users: Mapping[str, str], among: Users) -> list[str]:
    """Return the operators of which one is a pipeline's that is called so there."""
    return [name for name, others in among.items() if users.items() & others.items()]

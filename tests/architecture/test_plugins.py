"""Plugins: every entry point loads and keeps its contract; every shipped detection survives its JSON form."""

from __future__ import annotations

import gzip
import inspect
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.plan import wire
from caudal.ports import engine, format, registry, sink, source

ROOT = Path(__file__).resolve().parents[2]


def _plugins(kind: str) -> list[str]:
    return sorted(registry.available(kind))


def _keeps(plugin: Any, contract: type) -> None:
    """Assert that an object has the attributes of a protocol, and its methods with the same parameters."""
    for name in [*contract.__annotations__, *(n for n in vars(contract) if not n.startswith("_"))]:
        assert hasattr(plugin, name), f"{type(plugin).__name__} has no {name}"
        asked = vars(contract).get(name)
        if inspect.isfunction(asked):
            wanted = [(p.name, p.kind) for p in inspect.signature(asked).parameters.values()][1:]
            given = [(p.name, p.kind) for p in inspect.signature(getattr(plugin, name)).parameters.values()]
            assert given == wanted, f"{type(plugin).__name__}.{name}"


def test_what_is_installed_is_what_the_project_declares() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for kind, group in registry.KINDS.items():
        assert set(declared[f"caudal.{group}"]) <= set(_plugins(kind)), kind


@pytest.mark.parametrize("name", _plugins("format"))
def test_a_format_keeps_its_contract(name: str) -> None:
    plugin = registry.find("format", name)
    _keeps(plugin, format.Format)
    assert plugin.name == name
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in plugin.suffixes)


@pytest.mark.parametrize("name", _plugins("connector"))
def test_a_connector_keeps_its_contract(name: str) -> None:
    plugin = registry.find("connector", name)
    sides = [
        (hasattr(plugin, "source_options"), source.SourceConnector),
        (hasattr(plugin, "sink_options"), sink.SinkConnector),
    ]
    assert any(there for there, _ in sides)
    for there, contract in sides:
        if there:
            _keeps(plugin, contract)


@pytest.mark.parametrize("name", _plugins("engine"))
def test_an_engine_keeps_its_contract(name: str) -> None:
    plugin = registry.find("engine", name)
    _keeps(plugin, engine.Engine)
    assert plugin.name == name


def test_no_two_formats_claim_one_suffix() -> None:
    claimed = [suffix for name in _plugins("format") for suffix in registry.find("format", name).suffixes]
    assert len(claimed) == len(set(claimed))


def test_options_of_connectors_and_formats_do_not_share_names() -> None:
    """They are given side by side, so a name means one of them."""
    taken = set(inspect.signature(cd.source).parameters)
    for connector in _plugins("connector"):
        plugin = registry.find("connector", connector)
        for side, formats in (("source_options", "reader_options"), ("sink_options", "writer_options")):
            own = set(getattr(plugin, side, ()))
            for name in _plugins("format"):
                assert own & set(getattr(registry.find("format", name), formats)) == set()
            if side == "source_options":
                assert own & taken == set()


@pytest.mark.parametrize("name", _plugins("detection"))
@pytest.mark.parametrize("form", ["combined", "json"])
def test_a_shipped_detection_survives_its_json_form(name: str, form: str, tmp_path: Path) -> None:
    fitting = {"combined": {}, "json": {"key": "remote_addr", "time": "msec"}}[form]
    log = tmp_path / "access"
    packed = {"combined": "nginx_loopback_access.log.gz", "json": "nginx_loopback_access.jsonl.gz"}[form]
    log.write_bytes(gzip.decompress((files("caudal.detect") / "data" / packed).read_bytes()))
    settings = {"path": str(log), "format": form, **fitting}
    plan = cd.load(name, settings={**settings, "out": str(tmp_path / "written.jsonl")})
    read = wire.loads(wire.dumps(cd.load(name, settings={**settings, "out": str(tmp_path / "read.jsonl")})))
    assert wire.to_json(read)["nodes"][:-1] == wire.to_json(plan)["nodes"][:-1]
    assert cd.explain(read).replace("read.jsonl", "written.jsonl") == cd.explain(plan)
    for each in (plan, read):
        cd.run(each, threads=1)
    assert (tmp_path / "read.jsonl").read_text() == (tmp_path / "written.jsonl").read_text() != ""

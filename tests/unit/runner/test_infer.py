"""What `infer` proposes for files whose right arguments are known by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.core.errors import CaudalError
from caudal.runner.infer import look, typed

FILES = {
    "a.tsv": ("ts\tip\n1700000000.5\t1.1.1.1\n1700000001.5\t1.1.1.2\n", {"delimiter": "\t"}, [("ts", {})]),
    "b.csv": ("1.1.1.1;2024-03-01 12:00:00\n1.1.1.2;2024-03-01 12:00:01\n", None, [("column_2", {})]),
    "c.csv": ("when,id\n05/Mar/2024:10:00:00 +0000,1\n", {}, [("when", {"time_format": "%d/%b/%Y:%H:%M:%S %z"})]),
    "d.csv": ("id,epoch\n1700000000,1700000000\n1700000001,1700000001\n", {}, [("epoch", {"unit": "s"}), ("id", {"unit": "s"})]),
    "e.csv": ("t\n1700000000123\n", {}, [("t", {})]),
    "f.csv": ("t\n1700000000123456\n", {}, [("t", {"unit": "us"})]),
    "g.csv": ("t\n1700000000123456789\n", {}, [("t", {"unit": "ns"})]),
    "h.csv": ("t\n170000000\n", {}, []),
    "i.csv": ("t\n1700000000\n1700000000123\n", {}, []),
    "j.jsonl": ('{"msec":1763764899.123}\n', {}, [("msec", {})]),
    "k.jsonl": ('{"t":1700000000000.0}\n', {}, [("t", {"unit": "ms"})]),
    "l.jsonl": ('{"t":"1700000000"}\n', {}, [("t", {"unit": "s"})]),
    "m.csv": ('"a|b"|"c"\n"x\ny"|2\n', {"delimiter": "|"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_is_proposed(name: str, tmp_path: Path) -> None:
    text, options, times = FILES[name]
    (tmp_path / name).write_text(text)
    found = look(tmp_path / name, "", {})
    assert found.options == ({"delimiter": ";", "header": False} if options is None else options)
    assert [(each.column, dict(each.given)) for each in found.times] == times
    assert ("timezone=" in found.to_text()) == (name == "b.csv")


def test_what_is_given_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1;a\n2;b\n")
    assert look(tmp_path / "x.csv", "", {"header": "true", "delimiter": ";"}).schema.names == ("1", "a")
    assert look(tmp_path / "x.csv", "", {"header": "true", "delimiter": ","}).schema.names == ("1;a",)


def test_options_are_typed_by_their_defaults() -> None:
    known = {"delimiter": ",", "header": True, "columns": None, "null_values": [""], "n": 1}
    given = {"header": "false", "delimiter": "\\t", "columns": "a,b", "null_values": '["-"]', "n": "7"}
    typed_ = {"header": False, "delimiter": "\t", "columns": ["a", "b"], "null_values": ["-"], "n": 7}
    assert typed(given, known) == typed_
    assert typed({"delimiter": "tab", "header": "maybe"}, known) == {"delimiter": "\t", "header": "maybe"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("#separator \\x09\n#fields\ta\n1\n", "Zeek's own"), ('[\n{"a":1}\n]\n', "JSON array")],
)
@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
def test_what_is_another_format_is_named(text: str, message: str, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"x{suffix}").write_text(text)
    with pytest.raises(CaudalError, match=message) as caught:
        look(tmp_path / f"x{suffix}", "", {})
    assert f"x{suffix}:1" in caught.value.location

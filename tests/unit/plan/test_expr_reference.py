from __future__ import annotations

import importlib.util
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


def test_the_reference_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate_expressions", REFERENCE / "generate_expressions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (REFERENCE / "expressions.md").read_text(encoding="utf-8")
    assert page == module.render(), "run python docs/reference/generate_expressions.py"

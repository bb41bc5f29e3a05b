from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.lang.sql import parse, parse_many
from caudal.plan import building
from caudal.plan import expr as e
from caudal.plan.expr import col, lit


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("code IN (401, 403)", col("code").is_in([401, 403])),
        ("a + b * 2 - 1", col("a") + col("b") * 2 - 1),
        ("(a + b) * 2", (col("a") + col("b")) * 2),
        ("NOT a = 1 AND b", ~(col("a") == 1) & col("b")),
        ("a OR b AND c", col("a") | (col("b") & col("c"))),
        ("a DIV b", building.int_div(col("a"), col("b"))),
        ("a != 'it''s'", col("a") != "it's"),
        ("-9223372036854775808", lit(-(2**63))),
        ("- 5", lit(-5)),
        ('"id.orig_h" = "select"', col("id.orig_h") == col("select")),
        ("timestamp > date", col("timestamp") > col("date")),
        ("INTERVAL '5' SECOND", lit(timedelta(seconds=5))),
        ("INTERVAL '90' MINUTES", lit(timedelta(minutes=90))),
        ("INTERVAL '-1h30m'", lit(timedelta(hours=-1.5))),
        ("DATE_TRUNC(t, '1h')", col("t").dt.truncate("1h")),
        ("lOwEr(Name)", col("Name").str.lower()),
        ("X'00ff'", lit(b"\x00\xff")),
        ("a IS NOT NULL -- why", col("a").is_not_null()),
        ("a AS b", col("a").alias("b")),
        ("1e3", lit(1000.0)),
        ("true", lit(True)),
    ],
)
def test_text_builds_what_operators_build(text: str, same: e.Expr) -> None:
    found = parse(text)
    assert found.same(same), str(found)


def test_dotted_names_are_resolved_by_the_schema() -> None:
    schema = Schema.of({"id.orig_h": "string", "alert": {"signature": "string", "a.b": "int64"}, "a.b": {"c": "int64"}})
    assert parse("id.orig_h", schema=schema).same(col("id.orig_h"))
    assert parse("alert.signature", schema=schema).same(col("alert").field("signature"))
    assert parse('alert."a.b"', schema=schema).same(col("alert").field("a.b"))
    assert parse("a.b.c", schema=schema).same(col("a.b").field("c"))
    assert parse("alert.signature").same(col("alert").field("signature"))


def test_a_list_of_expressions() -> None:
    found = parse_many("ip, total / 3 AS rate,\n  COALESCE(a, b) c")
    assert [f.name for f in found] == ["ip", "rate", "c"]
    assert found[1].same((col("total") / 3).alias("rate"))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("count(*) > 3", "line 1, column 1", r"aggregate count\(\)"),
        ("a > 1 AND\n  lowr(b) = 'x'", "line 2, column 3", "unknown function 'lowr'(?s:.*)did you mean 'lower'"),
        ("a IN (SELECT b FROM t)", "line 1", "subquery"),
        ("(SELECT 1)", "line 1", "subquery"),
        ("EXISTS (SELECT 1)", "line 1", "subquery"),
        ("a <", "line 1", "cannot read"),
        ("a AND AND b", "line 1", "cannot read"),
        ("(a", "line 1", "cannot read"),
        ("'open", "line 1", "cannot read"),
        ("", "", "empty"),
        ("-- nothing", "", "empty"),
        ("a FROM t", "", "not a scalar"),
        ("a; b", "", "not a scalar"),
        ("DISTINCT a", "", "not a scalar"),
        ("a, b", "", "one SQL expression"),
        ("SUM(a) OVER (PARTITION BY b)", "line 1, column 1", "OVER"),
        ("*", "line 1", r"\* is not part"),
        ("a LIKE b", "line 1", "constant"),
        ("HASH(a, b)", "line 1", "constant"),
        ("LENGTH(a, 2)", "line 1, column 1", "too many arguments"),
        ("LENGTH(a) + 9223372036854775808", "line 1", "does not fit int64"),
        ("CAST(a AS DECIMAL(3, 2))", "line 1", "unknown type DECIMAL"),
        ("TIMESTAMP 'yesterday'", "line 1", "is not a time"),
        ("INTERVAL '5' YEAR", "line 1|", "interval"),
        ("SUBSTRING(a, 0, 2)", "line 1, column 1", "SUBSTRING takes"),
        ("a[1]", "line 1", "BRACKET"),
        ("a:b", "line 1", "not a scalar"),
        ("?", "", "not part"),
    ],
)
def test_what_is_not_in_the_language(text: str, where: str, message: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        parse(text, "pipeline.py:7")
    assert caught.value.location.startswith("pipeline.py:7")
    assert where in caught.value.location or "|" in where


def test_nesting_is_bounded() -> None:
    with pytest.raises(PlanError, match="too deeply"):
        parse("(" * 20_000 + "a" + ")" * 20_000)


def test_sqlglot_is_imported_on_first_use() -> None:
    code = "import sys, caudal.lang.sql; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

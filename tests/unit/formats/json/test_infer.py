import pytest

from caudal.core.types import Schema
from caudal.formats.json.infer import infer

CASES = [
    (['{"a":1}', '{"a":-5}'], {"a": "int64"}),
    (['{"a":1}', '{"a":1.5}'], {"a": "float64"}),
    (['{"a":9223372036854775808}', '{"a":1}'], {"a": "json"}),
    (['{"a":9223372036854775808}', '{"a":1.5}'], {"a": "float64"}),
    (['{"a":NaN}', '{"a":1}'], {"a": "float64"}),
    (['{"a":22}', '{"a":"22"}', '{"a":[22]}', '{"a":{}}'], {"a": "json"}),
    (['{"a":{"x":1}}', '{"a":{"x":"1"}}'], {"a": {"x": "json"}}),
    (['{"a":[1]}', '{"a":["x"]}'], {"a": "json"}),
    (['{"a":[{"x":1}]}', '{"a":[{"x":[2]}]}'], {"a": [{"x": "json"}]}),
    (['{"a":true}', '{"a":null}'], {"a": "bool"}),
    (['{"a":"2024-01-01T00:00:00Z"}', '{"a":"2024-01-02"}'], {"a": "timestamp"}),
    (['{"a":"2024-01-01T00:00:00Z"}', '{"a":"-"}'], {"a": "string"}),
    (['{"a":1}', '{"a":"x"}', '{"b":1}'], {"a": "json", "b": "int64"}),
    (['{"a":1}', '{"a":true}'], {"a": "json"}),
    (['{"a":null,"b":[],"c":{}}'], {}),
    (['{"a":1e400,"b":1}'], {"a": "json", "b": "int64"}),
    (['{"a":[1,2.5,null]}', '{"a":[]}'], {"a": ["float64"]}),
    (['{"a":{"x":1}}', '{"a":{"y":["z"],"x":null}}'], {"a": {"x": "int64", "y": ["string"]}}),
    (['{"a":[{"x":1},{"y":"s"}]}'], {"a": [{"x": "int64", "y": "string"}]}),
    (['{"id.orig_h":"h","":1}'], {"id.orig_h": "string"}),
    (["nonsense", "[]", '{"b":1,"a":2}'], {"b": "int64", "a": "int64"}),
]


@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_infer(lines, expected) -> None:
    assert infer("".join(line + "\n" for line in lines).encode()) == Schema.of(expected)


def test_an_unfinished_last_line_is_passed_over_unless_it_is_the_only_one() -> None:
    assert infer(b'{"a":1}\n{"a":"x"}') == Schema.of({"a": "int64"})
    assert infer(b'{"a":1}') == Schema.of({"a": "int64"})
    assert infer(b"") == Schema.of({})


def test_the_limit_counts_lines() -> None:
    assert infer(b'{"a":1}\n{"a":"x"}\n', limit=1) == Schema.of({"a": "int64"})

"""`hash`: MD5 over the seed and the value's canonical text, its first 8 bytes as a signed number."""

from __future__ import annotations

from caudal.core.types import BINARY, FLOAT32, STRING
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import text_of


@shows("hash")
def _hash(site: Site) -> str:
    seed, source = text_of(f"{site.options['seed']}:"), site.types[0]
    value = site.args[0]
    if source == BINARY:
        data = f"concat(CAST({seed} AS BINARY), {value})"
    elif source == STRING:
        data = f"CAST(concat({seed}, {value}) AS BINARY)"
    elif source.is_float:
        wide = value if source != FLOAT32 else f"CAST({value} AS DOUBLE)"
        bits = site.library.python("numbers", "double_bits", "string")
        data = f"CAST(concat({seed}, {bits}({wide})) AS BINARY)"
    else:
        data = f"CAST(concat({seed}, CAST({value} AS STRING)) AS BINARY)"
    # Base -10 is signed decimal.
    return f"CAST(conv(substring(md5({data}), 1, 16), 16, -10) AS BIGINT)"

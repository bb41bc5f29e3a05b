"""The hash of a value as Flink SQL."""

from __future__ import annotations

from caudal.core.types import BINARY, FLOAT32
from caudal.engines.flink.natives import LARGEST, Site, bool_text, shows


@shows("hash")
def _hash(site: Site) -> str:
    a, kind = site.args[0], site.types[0]
    prefix = f"{site.options['seed']}:"
    if kind == BINARY:
        digest = site.worker("operations", "md5", "BYTES", "STRING", prefix)(a)
    else:
        text = {"string": a, "bool": bool_text(a)}.get(kind.name)
        if text is None:
            text = (
                float_bits(f"CAST({a} AS DOUBLE)" if kind == FLOAT32 else a)
                if kind.is_float
                else f"CAST({a} AS STRING)"
            )
        digest = f"MD5(CONCAT('{prefix}', {text}))"
    # What reads a text as a float takes hexadecimal too, exactly: 32 bits at a time.
    high, low = (f"CAST(CAST(CONCAT('0x', SUBSTRING({digest}, {at}, 8), 'p0') AS DOUBLE) AS BIGINT)" for at in (1, 9))
    return f"({high} * 4294967296 + {low})"


def float_bits(a: str) -> str:
    """Return the 16 hexadecimal digits of a DOUBLE's bits, with 0 for -0 and one NaN.

    Java's %a writes the fraction's digits and the exponent: 0x1.8p0, and 0x0.8p-1022 below the normal numbers.
    """
    shown = f"PRINTF('%a', ABS({a}))"
    exponent = f"CAST(REGEXP_EXTRACT({shown}, 'p(-?[0-9]+)', 1) AS INT) + 1023"
    biased = f"(CASE WHEN ABS({a}) < 2.2250738585072014E-308 THEN 0 ELSE {exponent} END)"
    sign = f"(CASE WHEN {a} < 0E0 THEN 2048 ELSE 0 END)"
    digits = f"RPAD(REGEXP_EXTRACT({shown}, '[.]([0-9a-f]+)p', 1), 13, '0')"
    return (
        f"(CASE WHEN {a} IS NULL THEN CAST(NULL AS STRING) WHEN {a} = 0E0 THEN '0000000000000000'"
        f" WHEN {a} > {LARGEST} THEN '7ff0000000000000' WHEN {a} < -{LARGEST} THEN 'fff0000000000000'"
        f" WHEN ABS({a}) <= {LARGEST} THEN CONCAT(PRINTF('%03x', {sign} + {biased}), {digits})"
        " ELSE '7ff8000000000000' END)"
    )

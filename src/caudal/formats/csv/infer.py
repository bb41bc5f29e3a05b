"""A schema from a sample of lines."""

from __future__ import annotations

import re

from caudal.core.errors import InputError
from caudal.core.types import BOOL, FLOAT64, INT64, STRING, TIMESTAMP, DataType, Field, Schema
from caudal.formats.csv.portable import csv_split, csv_stripped
from caudal.formats.csv.reader import BOM, find_header, read_dialect
from caudal.formats.csv.strict import Bad, StrictReader, convert
from caudal.ports.records import Options

_LOOK = 64 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_VALUE = re.compile(
    r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}.*|[0-9a-fA-F]*(:[0-9a-fA-F]*){2,}"
)
"""A number, a time or an address: no name of a column."""
_CANDIDATES = (INT64, FLOAT64, TIMESTAMP)


def infer(sample: bytes, options: Options | None = None) -> Schema:
    """Return a schema that accepts every whole line of the sample that has as many fields as the first.

    `sample` is the beginning of a file, cut behind a line; `options` the reader's. Digits with a leading zero are
    text (they are codes, not counts), bools only the words true and false. Raises `InputError` for a header that
    cannot be read, names a column twice or is missing.
    """
    from caudal.formats.csv import FORMAT

    chosen = {**FORMAT.reader_options, **(options or {})}
    dialect = read_dialect(chosen)
    reader = StrictReader(dialect, (), [], 0)
    at = len(BOM) if sample.startswith(BOM) else 0
    first, behind, line = find_header(sample, at, dialect)
    try:
        names = [text for text, _ in reader.split(first.decode())]
    except (Bad, UnicodeDecodeError) as error:
        raise InputError("cannot read the first line", location=f"line {line}", detail=str(error)) from None
    if chosen["header"]:
        at = behind
        if not first:
            raise InputError("there is no header line")
        if len(set(names)) != len(names) or "" in names:
            raise InputError("the header has a column twice, or one without a name", location=f"line {line}")
    else:
        names = list(chosen["columns"] or [f"column_{i + 1}" for i in range(len(names))])
    seen: list[set[str]] = [set() for _ in names]
    for raw in sample[at:].split(b"\n"):
        raw = raw.removesuffix(b"\r")
        if not raw or raw[0] == dialect.comment:
            continue
        try:
            values = reader.split(raw.decode())
        except (Bad, UnicodeDecodeError):
            continue
        if len(values) == len(names):
            for texts, (text, quoted) in zip(seen, values):
                if quoted or text.encode() not in dialect.nulls:
                    texts.add(text)
    return Schema(Field(name, _type(texts)) for name, texts in zip(names, seen))


def guess(sample: bytes, given: Options) -> Options | None:
    """Return the options that a sample seems to want, beside those that are given; None where it does not look like CSV.

    The delimiter is the one of `,` `;` tab `|` by which most lines have as many fields as the first, and two at least.
    There is no header where a field of the first line is a number, a time or an address.
    """
    lines = [line for line in (csv_stripped(raw).removesuffix(b"\r") for raw in sample[:_LOOK].split(b"\n")) if line]
    comment = str(given.get("comment", "")).encode()
    texts = [line.decode("utf-8", "replace") for line in lines if not (comment and line.startswith(comment))][:100]
    if not texts:
        return None
    quote = str(given.get("quote", '"'))
    found: Options = {}
    delimiter = given.get("delimiter")
    if delimiter is None:
        shares = {mark: _share(texts, mark, quote) for mark in _DELIMITERS}
        delimiter = max(_DELIMITERS, key=lambda mark: shares[mark])
        if shares[delimiter] < (0.5, 2):
            return None
        found |= {} if delimiter == "," else {"delimiter": delimiter}
    if "header" not in given:
        names = _split(texts[0], delimiter, quote)
        if any(_VALUE.fullmatch(name) for name in names):
            found["header"] = False
    return found


def _share(texts: list[str], delimiter: str, quote: str) -> tuple[float, int]:
    """Return the share of the lines that have as many fields as the first, and how many that is."""
    width = len(_split(texts[0], delimiter, quote))
    alike = sum(len(_split(text, delimiter, quote)) == width for text in texts)
    return (alike / len(texts), width) if width > 1 else (0.0, 1)


def _split(text: str, delimiter: str, quote: str) -> list[str]:
    try:
        return [field for field, _ in csv_split(text, delimiter, quote)]
    except Bad:
        return text.split(delimiter)


def _type(texts: set[str]) -> DataType:
    if not texts:
        return STRING
    if all(text.lower() in ("true", "false") for text in texts):
        return BOOL
    if any(text.lstrip("+-")[:1] == "0" and text.lstrip("+-")[1:2].isdigit() for text in texts):
        return STRING
    for dtype in _CANDIDATES:
        field = Field("sampled", dtype)
        try:
            for text in texts:
                convert(text, field)
        except Bad:
            continue
        return dtype
    return STRING

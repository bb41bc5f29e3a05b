"""Messages of topics on Flink: its own connector reads them, and a function behind it decodes those of a partition, in order.

A subtask of the source reads whole partitions, and the function runs in the same chain: so it sees each of them in order, and
says so where it does not.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyflink.table.udf import udf

from caudal.engines.flink.job.functions import flink_value
from caudal.engines.jvm.job.messages import KIND, LETTER, TOLD, Messages, by_topic, filled

_BESIDE = {
    "topic": "STRING METADATA VIRTUAL",
    "partition": "INT METADATA VIRTUAL",
    "offset": "BIGINT METADATA VIRTUAL",
    "timestamp": "TIMESTAMP_LTZ(3) METADATA VIRTUAL",
}
_TAKES = {"topic": "STRING", "partition": "INT", "offset": "BIGINT", "timestamp": "TIMESTAMP_LTZ(3)", "value": "BYTES"}
_DEAD = "__letter"
"""The column of a dead letter, as JSON."""
_NAN = "__nan_"
"""What stands before the name of a column that says where another is NaN: among Series that would be null."""


def create_table(tables: Any, name: str, columns: Mapping[str, str], options: Mapping[str, str]) -> None:
    """Make a table of these columns known by a name; `options`: its connector's."""
    listed = ", ".join("`" + column.replace("`", "``") + "` " + kind for column, kind in columns.items())
    texts = ", ".join("'" + key + "' = '" + value.replace("'", "''") + "'" for key, value in options.items())
    quoted = "`" + name.replace("`", "``") + "`"
    tables.execute_sql(f"CREATE TEMPORARY TABLE {quoted} ({listed}) WITH ({texts})")


def read(tables: Any, name: str, messages: Messages) -> str:
    """Make tables of messages, one of each topic; return the query of all."""
    parts: list[str] = []
    columns = {**({"key": "BYTES"} if messages.key else {}), "value": "BYTES", **_BESIDE}
    for number, (topic, found) in enumerate(by_topic(messages.spans).items()):
        if not filled(found):
            continue
        # the connector fails at a partition that it is not told of
        options = {
            "connector": "kafka",
            "topic": topic,
            **{f"properties.{each}": value for each, value in messages.properties.items()},
            "properties.isolation.level": "read_committed",
            "scan.startup.mode": "specific-offsets",
            "scan.startup.specific-offsets": ";".join(f"partition:{s[2]},offset:{s[3]}" for s in found),
            "scan.bounded.mode": "specific-offsets",
            "scan.bounded.specific-offsets": ";".join(f"partition:{s[2]},offset:{s[4]}" for s in found),
            "value.format": "raw",
        }
        if messages.key:
            options |= {"key.format": "raw", "key.fields": "key", "value.fields-include": "EXCEPT_KEY"}
        create_table(tables, f"{name} {number}", columns, options)
        parts.append(f"SELECT {', '.join(f'`{column}`' for column in columns)} FROM `{name} {number}`")
    nothing = ", ".join(f"CAST(NULL AS {_TAKES.get(column, 'BYTES')}) AS `{column}`" for column in columns)
    return "\nUNION ALL\n".join(parts) or f"SELECT {nothing} FROM (VALUES (1)) AS nothing(`n`) WHERE `n` = 0"


def decoding(tables: Any, name: str, messages: Messages) -> str:
    """Make the function that decodes messages known by a name; return its call. It gives a row of what `unfolded` reads."""
    kinds = {TOLD: "STRING", _DEAD: "STRING"}
    for column, kind in messages.own.items():
        kinds |= {column: "STRING" if _nested(kind) else kind}
        kinds |= {_NAN + column: "BOOLEAN"} if kind in _REAL else {}
        if _nested(kind):
            made = udf(_value_of, input_types=["STRING"], result_type=kind)
            tables.create_temporary_function(_reader(name, column), made)
    gives = "ROW<" + ", ".join(f"`{column}` {kind}" for column, kind in kinds.items()) + ">"
    takes = {**_TAKES, **({"key": "BYTES"} if messages.key else {})}
    # what is not deterministic the planner neither doubles nor moves
    made = udf(
        _decoded(messages, [*kinds]),
        input_types=[*takes.values()],
        result_type=gives,
        func_type="pandas",
        deterministic=False,
    )
    tables.create_temporary_function(name, made)
    return f"{name}({', '.join(f'`{column}`' for column in takes)})"


_REAL = ("FLOAT", "DOUBLE")


def _nested(kind: str) -> bool:
    """Whether values of a type cross over as JSON: functions of Series give none that are lists and structs."""
    return kind.startswith(("ARRAY<", "ROW<"))


def _reader(name: str, column: str) -> str:
    return f"{name}_{column.encode().hex()}"


def _value_of(text: Any) -> Any:
    """Return what a text of JSON says, in the shape that Flink takes it in."""
    return None if text is None else flink_value(json.loads(text))


def unfolded(messages: Messages, made: str, name: str) -> tuple[str, str, str]:
    """Return the queries of rows, of dead letters and of what is told, over a view whose column `d` is what is decoded.

    `name`: that of the function that decodes.
    """
    rows: list[str] = []
    for column, kind in messages.own.items():
        text = f"{_reader(name, column)}(`d`.`{column}`)" if _nested(kind) else f"`d`.`{column}`"
        if kind in _REAL:
            text = f"CASE WHEN `d`.`{_NAN}{column}` THEN CAST('NaN' AS {kind}) ELSE {text} END"
        rows.append(f"{text} AS `{column}`")
    letters = [
        f"CAST(JSON_VALUE(`l`, '$.{column}') AS {kind}) AS `{column}`" for column, kind in messages.letters.items()
    ]
    letter = f"SELECT `d`.`{_DEAD}` AS `l` FROM `{made}` WHERE `d`.`{_DEAD}` IS NOT NULL"
    return (
        f"SELECT {', '.join(rows)} FROM `{made}` WHERE `d`.`{_DEAD}` IS NULL",
        f"SELECT {', '.join(letters)} FROM ({letter})",
        f"SELECT `d`.`{TOLD}` AS `told` FROM `{made}` WHERE `d`.`{TOLD}` IS NOT NULL",
    )


def _decoded(messages: Messages, names: list[str]) -> Callable[..., Any]:
    """Return the function of Series that decodes messages: one row for each, in the order that they come in."""
    task, received = messages.task, messages.received

    def run(topic, number, offset, at, value, key=None):
        count = len(offset)
        columns: dict[str, list[Any]] = {name: [None] * count for name in (TOLD, _DEAD)}
        batches, places = [], []
        for name, part, rows in _partitions(topic, number):
            taken = [pa.array(series.iloc[rows], kind) for series, kind in ((offset, pa.int64()), (value, pa.binary()))]
            stamps = pa.array(_millis(at.iloc[rows]), pa.int64())
            keys = None if key is None else pa.array(key.iloc[rows], pa.binary())
            offsets = offset.to_numpy()[rows]
            for batch in task.decoding.rows(name, part, received(taken[0], stamps, taken[1], keys)):
                if batch.column(KIND)[0].as_py():
                    for letter in _letters(batch):
                        row = rows[offsets.searchsorted(letter["position"])]
                        columns[_DEAD][row] = json.dumps(letter)
                else:
                    batches.append(batch)
                    places.append(rows[offsets.searchsorted(batch.column("__o").to_numpy())])
        columns[TOLD][0] = task.decoding.telling()
        return pd.DataFrame({**columns, **_placed(batches, places, count, names)}, columns=names)

    return run


def _partitions(topic: Any, number: Any) -> Iterator[tuple[Any, int, Any]]:
    """Yield each partition of some messages, and where its messages stand."""
    codes, topics = pd.factorize(topic)
    numbers = number.to_numpy()
    order = np.lexsort((numbers, codes))
    bounds = np.flatnonzero((np.diff(codes[order]) != 0) | (np.diff(numbers[order]) != 0)) + 1
    for rows in np.split(order, bounds):
        yield topics[codes[rows[0]]], int(numbers[rows[0]]), rows


def _millis(at: Any) -> Any:
    return at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype(np.int64)


def _letters(batch: Any) -> Iterator[dict[str, Any]]:
    names = [name for name in batch.schema.names if name.startswith(LETTER)]
    for row in batch.select(names).to_pylist():
        yield {name.removeprefix(LETTER): value for name, value in row.items()}


def _placed(batches: list[Any], places: list[Any], count: int, names: list[str]) -> dict[str, Any]:
    """Return the columns of rows, each where its message stood; elsewhere they are null."""
    empty = dict.fromkeys(names, pd.Series([None] * count, dtype=object))
    made: dict[str, Any] = {name: series for name, series in empty.items() if name not in (TOLD, _DEAD)}
    if not batches:
        return made
    (table,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    place = np.concatenate(places)
    source = np.full(count, -1, np.int64)
    source[place] = np.arange(len(place))
    taking = pa.array(source, mask=source < 0)
    for name in made:
        if name.startswith(_NAN):
            continue
        array = table.column(name).take(taking)
        if _NAN + name in names:
            made[_NAN + name] = array.is_nan().fill_null(False).to_pandas()
        plain = pa.types.is_primitive(array.type) and not array.null_count
        values = array.to_numpy(zero_copy_only=False) if plain else array.to_pylist()
        if pa.types.is_nested(array.type):
            values = [None if value is None else json.dumps(value) for value in values]
        made[name] = pd.Series(values, dtype=None if plain else object)
    return made

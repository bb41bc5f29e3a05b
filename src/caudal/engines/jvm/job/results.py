"""What a job gives, written by the process that started it: Arrow files for caudal, or lines of JSON for people."""

from __future__ import annotations

import base64
import json
import math
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa


class Results:
    """The rows of a job's outputs as they arrive.

    `outputs`: for each one its name, its target's path ("" for standard output) and its columns with their types (as
    caudal names them). With `folder` the rows go into Arrow files there, named by the output's number, else, as
    lines of JSON, into the targets, each of which appears whole at the end. `told`: of which port a source's tasks tell, and in
    which column.
    """

    def __init__(
        self,
        outputs: list[tuple[str, str, dict[str, Any]]],
        folder: str = "",
        told: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        self.outputs = outputs
        self.folder = folder
        self.counts: list[list[int]] = []
        self._telling = dict(told or {})
        self.told: dict[int, list[str]] = {number: [] for number, _ in self._telling.values()}
        """What tasks have told of messages, by the numbers of sources."""
        self._files: dict[int, tuple[Any, Any]] = {}
        self._targets: dict[str, Any] = {}
        self._rows = [0] * len(outputs)

    def take(self, number: int, batch: Any) -> None:
        """Take a record batch of an output."""
        self._rows[number] += batch.num_rows
        if self.folder:
            if number not in self._files:
                file = pa.OSFile(os.path.join(self.folder, f"{number}.arrow"), "wb")
                self._files[number] = (file, pa.ipc.new_stream(file, batch.schema))
            self._files[number][1].write_batch(batch)
            return
        _, target, kinds = self.outputs[number]
        file = self._opened(target)
        people = file is None and sys.stdout.isatty()  # what stands in a log must not steer a terminal
        for row in batch.to_pylist():
            print(json.dumps({n: spelt(row[n], k) for n, k in kinds.items()}, ensure_ascii=people), file=file)

    def take_ports(self, batch: Any, slots: list[list[int]]) -> None:
        """Take a batch of several outputs' rows: which one's, the first column says; `slots`, where its columns are.

        Behind the outputs come counts: rows with a number in the second column, which are added up.
        """
        ports = batch.column(0)
        for number in ports.unique().to_pylist():
            rows = batch.filter(pa.array(ports.to_numpy() == number))
            if number < len(self.outputs):
                columns = [rows.column(slot) for slot in slots[number]]
                self.take(number, pa.RecordBatch.from_arrays(columns, list(self.outputs[number][2])))
            elif number in self._telling:
                source, slot = self._telling[number]
                self.told[source] += rows.column(slot).to_pylist()
            else:
                self.counts.append([number - len(self.outputs), sum(rows.column(1).to_pylist())])

    def end(self) -> None:
        """Make everything visible; an output without rows gets an empty target."""
        for file, writer in self._files.values():
            writer.close()
            file.close()
        if not self.folder:
            for _, target, _ in self.outputs:
                self._opened(target)
        for target, file in self._targets.items():
            file.close()
            os.replace(f"{target}.tmp", target)
        if self.folder:
            with open(os.path.join(self.folder, "counts.json"), "w", encoding="utf-8") as out:
                json.dump({"rows": self._rows, "counts": self.counts, "told": self.told}, out)

    def _opened(self, target: str) -> Any:
        """Return the file that becomes a target, one for all outputs that go there; None for standard output."""
        if target and target not in self._targets:
            self._targets[target] = open(f"{target}.tmp", "w", encoding="utf-8")  # noqa: SIM115 - closed at the end
        return self._targets.get(target)


def spelt(value: Any, kind: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601, binary in base64, what is no finite number as null, -0 as 0."""
    if value is None:
        return None
    if isinstance(kind, list):
        return [spelt(v, kind[0]) for v in value]
    if isinstance(kind, dict):
        return {name: spelt(value[name], inner) for name, inner in kind.items()}
    if kind == "timestamp":
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if kind == "binary":
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None
    return value

"""What every sink keeps that stages, or shows rows at once, wherever it writes to: see `caudal.ports.sink`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.ports.sink import Delivery, Receipt

SCHEMA = Schema.of({"n": "int64", "text": "string"})
ROWS = [{"n": n, "text": f"t{n}"} for n in range(6)]


def end(sink: Any, epoch: int = 1) -> Receipt:
    """Bring a sink to the end of data, as the runner does; return the receipt of its last epoch."""
    receipt = json.loads(json.dumps(sink.prepare(epoch, last=True)))
    sink.publish(epoch, receipt)
    sink.finish()
    return receipt


class LinesEncoder:
    """A format that needs no room: one JSON object a line, and a text at either end. Each opened sink needs its own."""

    def begin(self, out: Any, *, append: bool) -> None:
        """Begin; `append`: behind what is there."""
        self.out = out
        if not append:
            out.write(b'"begin"\n')

    def encode(self, table: Any) -> Any:
        """Return the rows as lines."""
        return b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist())

    def write(self, payload: Any) -> None:
        """Write lines."""
        self.out.write(payload)

    def end(self) -> None:
        """Write the last line."""
        self.out.write(b'"end"\n')


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """Return the rows among what a `LinesEncoder` has written."""
    return [row for line in data.splitlines() if isinstance(row := json.loads(line), dict)]


class SinkCase:
    """How the suite opens a sink of one connector, and sees what stands in its target. Subclass it.

    `staged`: rows appear at once, when they are published; `flushed`: or at a flush before it. `kept_aside`: a drain leaves
    them elsewhere, the target untouched. `survives`: what was staged outlives the process. `delivery`: what it promises.
    """

    staged: ClassVar[bool] = True
    flushed: ClassVar[bool] = False
    kept_aside: ClassVar[bool] = True
    survives: ClassVar[bool] = True
    delivery: ClassVar[Delivery] = "exactly-once"

    def __init__(self, folder: Path) -> None:
        """`folder`: one to write to, of this test's own."""
        self.folder = folder

    def open(self) -> Any:
        """Open the target anew: a sink over `SCHEMA`."""
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]] | None:
        """Return the rows that a reader of the target sees, None when there is no target."""
        raise NotImplementedError

    def crash(self, sink: Any) -> None:
        """Let go of an opened sink as the end of its process would: what it holds open is closed, nothing is tidied up."""

    def close(self) -> None:
        """Release what the case holds."""


class SinkSuite:
    """The tests. `case` is the case to run them over."""

    case: ClassVar[type[SinkCase]]

    def setup_method(self) -> None:
        """Open a folder for the test."""
        self._folder = Path(tempfile.mkdtemp(prefix="caudal-sink-"))
        self._case = self.case(self._folder)

    def teardown_method(self) -> None:
        """Remove it."""
        self._case.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, epoch: int = 0, receipt: Receipt = None) -> Any:
        sink = self._case.open()
        sink.recover(epoch, receipt)
        return sink

    def _fill(self, sink: Any, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        schema = pa.schema([("n", pa.int64()), ("text", pa.large_string())])
        half = (len(rows) + 1) // 2
        for payload in [sink.encode(pa.Table.from_pylist(part, schema=schema)) for part in (rows[:half], rows[half:])]:
            sink.write(payload)

    def test_rows_are_there_once_published_in_the_order_written(self) -> None:
        sink = self._open()
        assert sink.where
        assert sink.delivery == self._case.delivery
        self._fill(sink, ROWS)
        sink.flush()
        if self._case.staged and not self._case.flushed:
            assert not self._case.rows()
        else:
            assert self._case.rows() == ROWS
        receipt = sink.prepare(1, last=True)
        if self._case.staged and not self._case.flushed:
            assert not self._case.rows()
        sink.publish(1, receipt)
        sink.finish()
        assert self._case.rows() == ROWS

    def test_a_job_without_rows_leaves_an_empty_target(self) -> None:
        end(self._open())
        assert self._case.rows() == []

    def test_encoding_has_no_effect(self) -> None:
        sink = self._open()
        import pyarrow as pa

        sink.encode(pa.Table.from_pylist(ROWS))
        end(sink)
        assert self._case.rows() == []

    def test_a_receipt_is_plain_values(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        receipt = sink.prepare(1, last=True)
        assert json.loads(json.dumps(receipt)) == receipt
        sink.abort()

    def test_publishing_again_changes_nothing(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        receipt = sink.prepare(1, last=True)
        for _ in range(3):
            sink.publish(1, receipt)
        sink.finish()
        assert self._case.rows() == ROWS

    def test_epochs_follow_one_another(self) -> None:
        sink = self._open()
        for epoch, rows in ((1, ROWS[:2]), (2, []), (3, ROWS[2:4])):
            self._fill(sink, rows)
            sink.publish(epoch, sink.prepare(epoch, last=False))
        self._fill(sink, ROWS[4:])
        end(sink, 4)
        assert self._case.rows() == ROWS

    def test_a_failure_leaves_nothing_that_was_not_visible(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        seen = self._case.rows()
        sink.abort()
        sink.abort()
        assert self._case.rows() == seen
        assert not (self._case.staged and seen)

    def test_a_failure_after_preparing_leaves_nothing_either(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        sink.prepare(1, last=True)
        seen = self._case.rows()
        sink.abort()
        assert self._case.rows() == seen
        assert not (self._case.staged and seen)

    def test_a_failure_leaves_an_earlier_target_as_it_was(self) -> None:
        first = self._open()
        self._fill(first, ROWS)
        end(first)
        before = self._case.rows()
        second = self._open()
        if self._case.staged:
            self._fill(second, ROWS)
        second.abort()
        assert self._case.rows() == before

    def test_a_drain_keeps_the_rows_and_says_where(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        where = sink.drain()
        assert where
        assert self._case.rows() == (None if self._case.kept_aside else ROWS)
        if self._case.kept_aside:
            assert where != sink.where

    def test_abort_after_the_end_takes_nothing_back(self) -> None:
        sink = self._open()
        self._fill(sink, ROWS)
        end(sink)
        sink.abort()
        assert self._case.rows() == ROWS

    # -- crashes: the process ends at some point, and another goes on behind the last epoch that was committed ------

    def _crash_at(self, point: str) -> tuple[int, Receipt]:
        """Run up to a point and crash there; return the last epoch that was committed, with its receipt."""
        sink = self._open()
        self._fill(sink, ROWS[:2])
        receipt = sink.prepare(1, last=False)
        if point != "committed":
            sink.publish(1, receipt)
            self._fill(sink, ROWS[2:4])
            if point != "written":
                later = sink.prepare(2, last=False)
                if point == "published":
                    sink.publish(2, later)
                    self._case.crash(sink)
                    return 2, later
        self._case.crash(sink)
        return 1, receipt

    def test_a_crash_loses_and_doubles_no_row_where_that_is_promised(self) -> None:
        if not self._case.survives:
            return
        for point in ("committed", "written", "prepared", "published"):
            epoch, receipt = self._crash_at(point)
            sink = self._open(epoch, json.loads(json.dumps(receipt)))
            self._fill(sink, ROWS[2 * epoch :])
            end(sink, 3)
            found = self._case.rows()
            assert found is not None
            if self._case.delivery == "exactly-once":
                assert found == ROWS, point
            else:
                counts = [found.count(row) for row in ROWS]
                assert min(counts) >= 1, point
            self.teardown_method()
            self.setup_method()

    def test_a_crash_between_the_last_commit_and_its_publishing_is_made_good(self) -> None:
        if not self._case.survives:
            return
        for times in (0, 1, 2):
            sink = self._open()
            self._fill(sink, ROWS)
            receipt = sink.prepare(1, last=True)
            for _ in range(times):
                sink.publish(1, receipt)
            self._case.crash(sink)
            again = self._open(1, json.loads(json.dumps(receipt)))
            again.finish()
            assert self._case.rows() == ROWS, times
            self.teardown_method()
            self.setup_method()

    def test_what_a_crashed_run_has_staged_is_discarded_when_a_run_begins_anew(self) -> None:
        if not self._case.survives or not self._case.staged:
            return
        sink = self._open()
        self._fill(sink, ROWS[:3])
        receipt = sink.prepare(1, last=True)
        self._case.crash(sink)
        again = self._open()
        self._fill(again, ROWS[3:])
        end(again)
        assert self._case.rows() == ROWS[3:]
        if receipt is not None:
            try:
                self._open(1, receipt)
            except RunError:
                pass
            else:
                raise AssertionError("what was discarded is said to be there")
            assert self._case.rows() == ROWS[3:]

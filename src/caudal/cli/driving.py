"""Running a plan from the command line: signals, display, summary, exit code."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from caudal.cli.progress import Logging, choose
from caudal.cli.signals import Interrupted, Signals
from caudal.core.errors import OptionError, RunError, UserError, in_a_line
from caudal.core.shown import shown
from caudal.observe.log import log
from caudal.observe.summary import Progress, Summary
from caudal.plan.plan import Plan
from caudal.runner import Job
from caudal.runner.checkpoints import Checkpointing, checkpointing
from caudal.runner.load import Loaded
from caudal.runner.poison.requests import Program
from caudal.runner.several import Failed, Several


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; the names are those of the command line and of `runner.Job`."""

    engine: str = "local"
    threads: int = 0
    follow: bool = False
    late: str = "file"
    dead: str = "file"
    max_state: int = 0
    flush: bool = False
    fail_on: tuple[str, ...] = ()
    cluster: str = ""
    exchange: str = ""
    allow_blind: bool = False
    checkpoint: str = ""
    every: str = "1s"
    delivery: str = ""
    restore: str = ""
    allow_dropped_state: bool = False
    group: str = ""
    worker: str = ""
    hang: str = "5m"
    memory: int = 0
    partitions: int = 0
    json: bool = False
    quiet: bool = False


class _Guarded:
    """A job as signals see it: one that is given up leaves no processes behind either."""

    def __init__(self, job: Job | Several) -> None:
        self._job = job

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight."""
        self._job.stop()

    def abort(self) -> None:
        """Leave nothing unfinished behind."""
        self._job.abort()
        self._job.execution.kill(RunError("ended by a signal"))


def drive(plan: Plan, options: Options, program: Program | None = None) -> tuple[Summary, int]:
    """Run the plan, print its summary, and return it with the exit code; raises what broke.

    `program`: how another process gets the same plan.
    """
    how = _how(options, program)
    summary, received = _driven(plan.name, lambda: Job(plan, **how), options)
    assert isinstance(summary, Summary)
    return summary, _conclude(summary, options, received)


def drive_several(loaded: Loaded, name: str, options: Options) -> int:
    """Run pipelines together, print the summary of each, and return the exit code: 1 where one of them has failed.

    `name`: what checkpoints of them all are called by, "" for their names.
    """
    failed = [Failed(file, error) for file, error in loaded.failed]
    for each in failed:
        log.error("left out: %s", in_a_line(each.error))
    if not loaded.plans:
        raise failed[0].error
    how = _how(options, None)
    title = f"{len(loaded.plans)} pipelines"
    summaries, received = _driven(title, lambda: Several(loaded.plans, name=name, **how), options)
    assert isinstance(summaries, list)
    codes = [_conclude(each, options, received) for each in (*summaries, *(f.summary(options.engine) for f in failed))]
    return 130 if received == signal.SIGINT else max(codes)


def _how(options: Options, program: Program | None) -> dict[str, Any]:
    """Return the arguments of a job."""
    return {
        "engine": options.engine,
        "threads": options.threads,
        "follow": options.follow,
        "late": options.late,
        "dead": options.dead,
        "max_state": options.max_state,
        "console_to_stderr": options.json,
        "cluster": options.cluster,
        "exchange": options.exchange,
        "native": options.dead == "discard",
        "allow_blind": options.allow_blind,
        "checkpoint": _checkpointing(options, program),
    }


def _driven(name: str, make: Callable[[], Job | Several], options: Options) -> tuple[Summary | list[Summary], int]:
    """Run a job; return what it tells, and the signal that it was drained by, 0 for none."""
    if options.flush and options.checkpoint:
        raise OptionError(
            "--flush closes windows for good, and a run with checkpoints is gone on with",
            hint="leave --flush out: what is in open windows is in the last checkpoint",
        )
    silent = options.json or options.quiet
    display = choose(name, silent=silent)
    with Signals() as signals, display, Logging(display, logging.WARNING if silent else logging.INFO):
        job = make()
        if job.delivery:
            log.info("delivery is %s", job.delivery)
        told = False

        def watch(progress: Progress) -> None:
            nonlocal told
            if signals.received and not told:
                told = True
                if not silent:
                    name = signal.Signals(signals.received).name
                    what = (
                        "cancelling the job" if progress.elsewhere and not job.live else "finishing what is in flight"
                    )
                    display.note(f"{name}: {what}; once more ends at once")
            display.show(progress)

        try:
            signals.guard(_Guarded(job))
            with redirect_stdout(sys.stderr):  # what functions print: standard output belongs to the sinks
                return job.run(watch, flush=options.flush), signals.received
        except Interrupted:
            job.abort()
            raise
        except RunError as error:
            if signals.received == signal.SIGINT:  # of a job that cannot be drained
                error.exit_code = 130
            raise
        except UserError as error:
            if job.execution.progress().rows:  # too late to be found before start: a file further on does not fit
                error.exit_code = RunError.exit_code
            raise


def _checkpointing(options: Options, program: Program | None) -> Checkpointing | None:
    return checkpointing(
        options.checkpoint,
        options.every,
        options.delivery,
        options.restore,
        allow_dropped=options.allow_dropped_state,
        group=options.group,
        worker=options.worker,
        program=program,
        hang=options.hang,
        memory=options.memory,
        partitions=options.partitions,
    )


def _conclude(summary: Summary, options: Options, received: int) -> int:
    """Print the summary and return the exit code."""
    if options.json:
        print(json.dumps(summary.to_json()))
    elif not options.quiet:
        print(summary.to_text(), file=sys.stderr)
    code = 0
    for failure in summary.failures:
        code = 1
        if options.json or options.quiet:
            print(f"error: {shown(failure)}", file=sys.stderr)
    if options.json or options.quiet:
        for warning in summary.warnings:
            print(f"warning: {shown(warning)}", file=sys.stderr)
    for fate, what in (("dead", "dead letter"), ("late", "late row")):
        count = getattr(summary, fate)
        if count and fate in options.fail_on:
            code = 1
            print(f"error: {count:,} {what}{'' if count == 1 else 's'} (--fail-on {fate})", file=sys.stderr)
    return 130 if received == signal.SIGINT else code

"""The tables of the experiments that run several engines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from caudal.lab.estimates import Estimate, estimate
from caudal.lab.figures import BAR, Row, laid_out

if TYPE_CHECKING:
    from caudal.lab.throughput import Outcome, Pair, Series
    from caudal.lab.windows import Experiment, Run
    from caudal.lab.windows import Outcome as Windows


def throughput_table(outcome: Outcome) -> str:
    """Return messages a minute of each way and number of threads, and the comparisons below; "-" is not known."""
    first = laid_out([_series_row(each) for each in outcome.series])
    pairs = outcome.pairs()
    return first if not pairs else first + "\n\n" + laid_out([_pair_row(pair) for pair in pairs])


def _series_row(each: Series) -> Row:
    rate = estimate(each.rates())
    return [
        ("", each.way.name),
        ("threads", f"{each.threads}"),
        ("events", f"{each.small:,}-{each.large:,}"),
        BAR,
        ("messages/min", f"{rate.mean:,.0f}" if rate else "-"),
        ("95 %", _interval(rate)),
        ("job", _median(estimate(each.job_rates()))),
        ("whole process", _median(estimate(each.whole_rates()))),
        BAR,
        ("start s", _median(estimate(each.starts()), 1)),
        ("per core-minute", _median(estimate(each.cpu_rates()))),
    ]


def _pair_row(pair: Pair) -> Row:
    rate, cpu, more = pair.rate(), pair.cpu(), pair.more()
    return [
        ("", pair.what),
        ("ratio", f"{rate.median:.3f}" if rate else "-"),
        ("spread", f"({rate.least:.3f}-{rate.most:.3f})" if rate else "-"),
        ("by processor time", f"{cpu.median:.3f}" if cpu else "-"),
        ("small file, s more", f"{more.median:+.1f}" if more else "-"),
    ]


def windows_table(outcome: Windows) -> str:
    """Return what each engine took of each experiment."""
    return laid_out([_run_row(each, run) for each in outcome.experiments for run in each.runs])


def _run_row(experiment: Experiment, run: Run) -> Row:
    seconds = estimate(run.seconds)
    return [
        ("", run.engine),
        ("events", f"{experiment.events:,}"),
        ("windows", f"{experiment.windows}"),
        ("pairs", f"{experiment.pairs:,}"),
        BAR,
        ("process s", f"{seconds.mean:.1f}" if seconds else "-"),
        ("95 %", _interval(seconds, 1)),
        ("first to last s", _median(estimate(run.spans), 2)),
        ("cpu s", _median(estimate(run.cpu), 1)),
    ]


def _median(values: Estimate | None, digits: int = 0) -> str:
    return f"{values.median:,.{digits}f}" if values else "-"


def _interval(values: Estimate | None, digits: int = 0) -> str:
    if values is None or not math.isfinite(values.half):
        return "-"
    return f"({values.mean - values.half:,.{digits}f} to {values.mean + values.half:,.{digits}f})"

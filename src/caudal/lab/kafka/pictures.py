"""Tables and plots of the experiments over Kafka; PNG and SVG."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.lab.curves import written
from caudal.lab.estimates import Estimate
from caudal.lab.figures import BAR, Row, laid_out

if TYPE_CHECKING:
    from caudal.lab.kafka import burst, denial, failure


def failure_table(outcome: failure.Outcome) -> str:
    """Return what was lost, doubled and how long it took, a line for each mode of delivery; "-" is not known."""
    table = laid_out([_series_row(each) for each in outcome.series])
    return "\n".join([table, *(f"{mode}: not measured: {why}" for mode, why in outcome.left_out.items())])


def _series_row(each: failure.Series) -> Row:
    return [
        ("delivery", each.mode),
        ("workers", "a group" if each.group else "one, started again"),
        ("messages", f"{sum(r.sent for r in each.rounds):,}"),
        BAR,
        *(cell for what in ("lost", "duplicated", "wrong") for cell in _share(each, what)),
        BAR,
        ("recovery s", _mean(each.seconds("recovery"))),
        ("95 %", _interval(each.seconds("recovery"))),
        ("caught up s", _mean(each.seconds("caught_up"))),
        ("the worker that failed", "; ".join(dict.fromkeys(r.fate for r in each.rounds))),
    ]


def _share(each: failure.Series, what: str) -> Row:
    share = each.share(what)
    return [(what, f"{sum(getattr(r, what) for r in each.rounds):,}"), ("%", _mean(share)), ("95 %", _interval(share))]


def _mean(found: Estimate | None) -> str:
    return f"{found.mean:.2f}" if found else "-"


def _interval(found: Estimate | None) -> str:
    if found is None or not math.isfinite(found.half):
        return "-"
    return f"({found.mean - found.half:.2f} to {found.mean + found.half:.2f})"


def draw_failure(outcome: failure.Outcome, folder: Path) -> list[Path]:
    """Write failure.png and .svg: messages in and out a second, a panel for each mode. Raises `InputError`."""

    def fill(figure: Any) -> None:
        at, _ = outcome.settings.seconds
        panels = figure.subplots(len(outcome.series), 1, squeeze=False, sharex=True)[:, 0]
        for axis, series in zip(panels, outcome.series):
            last = series.rounds[-1]
            axis.step(range(len(last.into)), last.into, where="post", label="in")
            axis.step(range(len(last.out)), last.out, where="post", label="out, committed")
            axis.axvline(at, color="black", linewidth=1, linestyle="--", label=f"a worker fails: {outcome.settings.by}")
            axis.set_title(f"{series.mode}, {'a group' if series.group else 'one worker, started again'}", fontsize=10)
            axis.set_ylabel("messages/s")
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8)
        panels[-1].set_xlabel("s")

    return written(folder, "failure", fill, 7.2, 2.6 * len(outcome.series))


def burst_table(outcome: burst.Outcome) -> str:
    """Return the thesis' Table 3: a line for each engine, replicas, threads and messages; medians, ratios with their spread."""
    return laid_out([_burst_row(each) for each in outcome.experiments])


def _burst_row(each: burst.Experiment) -> Row:
    m, (least, most) = each.median(), each.spread("throughput_ratio")
    return [
        ("engine", each.engine),
        ("replicas", f"{each.replicas}"),
        ("threads", f"{each.threads}"),
        ("messages", f"{each.messages:,}"),
        BAR,
        ("msg/s", f"{m['throughput']:,.1f}"),
        ("ideal", f"{m['ideal_throughput']:,.1f}"),
        ("ratio", f"{m['throughput_ratio']:.3f} ({least:.3f}-{most:.3f})"),
        BAR,
        ("mean ms", f"{m['mean_ms']:,.0f}"),
        ("p50", f"{m['p50_ms']:,.0f}"),
        ("p99", f"{m['p99_ms']:,.0f}"),
        ("max", f"{m['max_ms']:,.0f}"),
        ("committed max", f"{m['committed_max_ms']:,.0f}"),
        BAR,
        ("cores", f"{m['cores']:.2f}"),
    ]


def draw_burst(outcome: burst.Outcome, folder: Path) -> list[Path]:
    """Write latency and cpu, each as PNG and SVG, a panel for each experiment. Raises `InputError`."""
    columns = min(len(outcome.experiments), 2)
    rows = -(-len(outcome.experiments) // columns)

    def panels(figure: Any, fill: Any) -> None:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, each in zip(axes, outcome.experiments):
            fill(axis, each)
            axis.set_title(each.title, fontsize=9)
            axis.set_ylim(bottom=0)
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8)
        for axis in axes[len(outcome.experiments) :]:
            axis.set_visible(False)

    def latency(axis: Any, each: burst.Experiment) -> None:
        axis.plot(each.last.latencies, ".", markersize=2, label="in the topic")
        axis.plot([0, each.messages], [0, each.last.ideal_seconds], "-", linewidth=1, color="black", label="optimum")
        axis.set_xlabel("message")
        axis.set_ylabel("latency, s")

    def cpu(axis: Any, each: burst.Experiment) -> None:
        axis.plot([t for t, _ in each.last.busy], [c for _, c in each.last.busy], label="workers")
        axis.axvspan(0, each.last.seconds, alpha=0.1, label="from the burst to its last result")
        axis.set_xlabel("s")
        axis.set_ylabel("busy cores")

    size = (6.4 * columns, 3.2 * rows)
    return [
        *written(folder, "burst-kafka-latency", lambda figure: panels(figure, latency), *size),
        *written(folder, "burst-kafka-cpu", lambda figure: panels(figure, cpu), *size),
    ]


def denial_table(outcome: denial.Outcome) -> str:
    """Return the rate beside DuckDB's, where the processor time goes, and how late alerts are."""
    found = outcome.to_json()
    ratio, whole = found["ratio"], sum(outcome.cost.values())
    first = laid_out(
        [
            [
                ("", f"{found['events']:,} requests, {found['threads']} threads"),
                ("events/s", f"{found['events_per_second']['median']:,.0f}"),
                ("DuckDB", f"{found['duckdb_events_per_second']['median']:,.0f}" if ratio else "-"),
                ("ratio", f"{ratio['median']:.2f} ({ratio['least']:.2f}-{ratio['most']:.2f})" if ratio else "-"),
                BAR,
                ("alerts", f"{outcome.alerts:,}"),
                ("lost", f"{outcome.lost:,}"),
                ("duplicated", f"{outcome.duplicated:,}"),
            ]
        ]
    )
    second = laid_out(
        [
            [("processor time", name), ("us a request", f"{cost:.3f}"), ("share", f"{cost / whole:.0%}")]
            for name, cost in outcome.cost.items()
        ]
    )
    late = found["latency"]
    third = f"from a request that closes a window to the alert, at {outcome.latency_rate:,.0f} requests/s: "
    third += (
        f"p50 {late['p50_ms']:,.0f} ms, p99 {late['p99_ms']:,.0f} ms, most {late['max_ms']:,.0f} ms" if late else "-"
    )
    return f"{first}\n\n{second}\n\n{third}"

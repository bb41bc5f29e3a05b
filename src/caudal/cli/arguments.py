"""The arguments of every command, by argparse."""

from __future__ import annotations

import argparse
from typing import Any

from caudal.core.sizes import size_of_text

_FATES = ("dead", "late")

_EPILOG = """\
examples:
  caudal demo
  caudal run dos --set path=access.log --set format=combined
  caudal run pipeline.py --set threshold=50 --follow
  caudal explain pipeline.py --mermaid

exit codes: 0 done, or drained on SIGTERM; 1 failed while running; 2 a mistake found before start; 3 verify or backtest
found a difference; 130 on SIGINT
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; the result's `command` names what to do."""
    top = argparse.ArgumentParser(
        prog="caudal",
        description="Stream processing for network monitoring and threat detection.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    run = _command(commands, "run", "run a pipeline file, or a shipped detection by its name; or several together")
    _file(run, "files", nargs="+")
    _places(run)
    _running(run)
    run.add_argument("--follow", action="store_true", help="go on reading what is appended, until stopped")
    _sides(run)
    run.add_argument("--flush", action="store_true", help="after a signal, close the windows that are still open")
    run.add_argument(
        "--fail-on", type=_fates, default=(), metavar="FATES", help="exit with 1 where there are any: dead,late"
    )
    _blind(run)
    _checkpoints(run)
    run.add_argument("--engine", default="local", metavar="NAME", help="the engine to run on (default: %(default)s)")
    _cluster(run)

    replay = _command(
        commands, "replay", "run a pipeline over a topic's history, as fast as it can, into another output"
    )
    _file(replay)
    _places(replay, "earliest", "latest")
    _running(replay)
    _sides(replay)
    replay.add_argument(
        "--fail-on", type=_fates, default=(), metavar="FATES", help="exit with 1 where there are any: dead,late"
    )
    _blind(replay)
    _checkpoints(replay)

    check = _command(commands, "check", "check a pipeline and its inputs without running it")
    _file(check)
    check.add_argument("--follow", action="store_true", help="as it would follow its sources")
    _sides(check)
    _blind(check)
    check.add_argument("--engine", default="local", metavar="NAME", help="for this engine (default: %(default)s)")
    check.add_argument("--json", action="store_true", help="print the result as JSON")

    explain = _command(commands, "explain", "print the plan as written and as it runs")
    _file(explain, "files", nargs="+")
    explain.add_argument("--follow", action="store_true", help="as it would follow its sources")
    _sides(explain)
    explain.add_argument("--engine", default="local", metavar="NAME", help="flink or spark: print the job's script")
    _places(explain)
    _cluster(explain)
    explain.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="write the job's script, and beside it the package it imports",
    )
    explain.add_argument(
        "--alert", default="", metavar="ID|JSON", help="show the rows that made this alert, by a replay"
    )
    forms = explain.add_mutually_exclusive_group()
    forms.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart of the plan as written")
    forms.add_argument("--json", action="store_true", help="print the plan as written, or rows, as JSON")

    demo = _command(commands, "demo", "run the detection dos over a small web log that comes with caudal")
    demo.add_argument("--out", default="caudal-demo", metavar="DIR", help="where to write (default: ./%(default)s)")
    demo.add_argument(
        "--format",
        choices=("combined", "json"),
        default="combined",
        help="which form of the log (default: %(default)s)",
    )
    demo.add_argument(
        "--kafka",
        action="store_true",
        help="through Kafka: two workers, one is killed, and the alerts are compared with those of the local engine",
    )
    _settings(demo)
    _running(demo)

    infer = _command(commands, "infer", "look at a file and print a schema to paste")
    infer.add_argument("path", metavar="PATH", help="JSON lines, CSV, access log or Parquet; compressed or not")
    infer.add_argument("--format", default="", metavar="NAME", help="its format (default: by its name or its looks)")
    infer.add_argument(
        "--option",
        action="append",
        type=_setting,
        default=[],
        metavar="KEY=VALUE",
        help="of the format",
        dest="options",
    )
    infer.add_argument("--json", action="store_true", help="print the result as JSON")

    test = _command(commands, "test", "run scenario files (.flow) in every way and compare what comes out")
    test.add_argument("paths", nargs="+", metavar="PATH", help="scenario files, or directories of them")
    test.add_argument("--complete", action="store_true", help="write what comes out into the expected sections first")
    test.add_argument("--json", action="store_true", help="print the result as JSON")

    detections = _command(commands, "detections", "list the shipped detections and their settings")
    detections.add_argument("name", nargs="?", default="", metavar="NAME", help="tell all about one")

    _stores(commands)
    _engines(commands)
    _broker(commands)
    _comparing(commands)

    _lab(commands)
    return top


class _Version(argparse.Action):
    """Print the version; it is looked up only then."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"caudal {version('caudal')}")
        parser.exit()


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("--debug", action="store_true", help="print tracebacks")
    return command


def _checkpoints(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("checkpoints")
    group.add_argument(
        "--checkpoint",
        default="",
        metavar="URL",
        help="keep the job's state in this directory or object store, and go on from what is there",
    )
    group.add_argument("--every", default="1s", metavar="TIME", help="between two checkpoints (default: %(default)s)")
    group.add_argument(
        "--delivery",
        default="",
        metavar="MODE",
        help="exactly-once, at-least-once or at-most-once (default: the best that sources and sinks can do)",
    )
    group.add_argument(
        "--restore",
        default="",
        metavar="URL[@ID]",
        help="begin from this checkpoint or savepoint, in a fresh --checkpoint",
    )
    group.add_argument(
        "--allow-dropped-state",
        action="store_true",
        help="leave state behind that the pipeline has no use for any more",
    )
    group.add_argument(
        "--group", default="", metavar="NAME", help="the group of workers that share a topic (default: caudal.PIPELINE)"
    )
    group.add_argument(
        "--worker",
        default="",
        metavar="NAME",
        help="this worker's own name in it, such as a pod's (default: a free one)",
    )
    group.add_argument(
        "--hang",
        default="5m",
        metavar="TIME",
        help="end where nothing gets on for so long, and look for the record that does it; 0s: never (default: %(default)s)",
    )
    group.add_argument(
        "--memory",
        type=_size,
        default=0,
        metavar="SIZE",
        help="what one record may take in the process that looks for one that kills (default: half of what is free)",
    )
    group.add_argument(
        "--partitions",
        type=_partitions,
        default=0,
        metavar="N",
        help="of the topics between workers, where rows have to be brought together by other keys (default: as many as the source has)",
    )


def _stores(commands: Any) -> None:
    checkpoints = _command(
        commands, "checkpoints", "look at the checkpoints of a job, verify them, remove what is nobody's"
    )
    actions = checkpoints.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("ls", "list them, the oldest first"),
        ("show", "tell all about one: the last, or the one with the ID"),
        ("verify", "read every byte; exits with 1 where any is not what was written"),
        ("gc", "remove what no checkpoint refers to"),
        ("plan", "tell what of the state a pipeline would go on with, before anything runs"),
    ):
        action = _command(actions, name, text)
        if name == "plan":
            _file(action)
            action.add_argument("--follow", action="store_true", help="as it would follow its sources")
            _sides(action)
        one = name in ("show", "plan")
        what = "a checkpoint or savepoint" if one else "the directory or object store"
        action.add_argument("url", metavar="URL[@ID]" if one else "URL", help=what)
        if name == "gc":
            action.add_argument("--savepoints", action="store_true", help="remove savepoints too")
        action.add_argument("--json", action="store_true", help="print the result as JSON")
    savepoint = _command(
        commands, "savepoint", "let a running job end behind a savepoint, which is kept until somebody removes it"
    )
    savepoint.add_argument("url", metavar="URL", help="where the job keeps its checkpoints")
    savepoint.add_argument("--keep-running", action="store_true", help="let the job go on behind it")
    savepoint.add_argument(
        "--timeout", default="60s", metavar="TIME", help="how long to wait for the job (default: %(default)s)"
    )
    savepoint.add_argument("--json", action="store_true", help="print the result as JSON")
    rescale = _command(
        commands, "rescale", "deal a group's state anew among other numbers of partitions, as a savepoint to begin from"
    )
    _file(rescale)
    rescale.add_argument("url", metavar="URL[@ID]", help="where the group keeps its checkpoints; which savepoint")
    rescale.add_argument(
        "--partitions",
        type=int,
        required=True,
        metavar="N",
        help="of the repartition topics, 128 at most; without any, those that the source has now",
    )
    rescale.add_argument("--follow", action="store_true", help="as it follows its sources")
    _sides(rescale)
    rescale.add_argument(
        "--timeout",
        default="5m",
        metavar="TIME",
        help="how long the job may take to come to rest (default: %(default)s)",
    )
    rescale.add_argument("--json", action="store_true", help="print the result as JSON")


def _lab(commands: Any) -> None:
    lab = _command(commands, "lab", "run an experiment: a burst, a worker that dies, what calls cost, throughput")
    lab.add_argument(
        "experiment",
        choices=("burst", "dos", "failure", "functions", "throughput", "windows"),
        metavar="EXPERIMENT",
        help="burst, dos, failure, functions, throughput or windows",
    )
    lab.add_argument("--threads", type=_numbers, metavar="N,N", help="operator threads (default: 1 to the cores)")
    lab.add_argument("--messages", type=_numbers, metavar="N,N", help="sizes of the bursts (default: 1000,10000)")
    lab.add_argument("--functions", type=_words, metavar="KINDS", help="of burst (default: jit,python)")
    lab.add_argument(
        "--stages",
        type=_numbers,
        metavar="N,N,N,N,N",
        help="what the five stages compute (default: 10,20,30,20,10 for jit, 10,15,20,15,10 for python)",
    )
    lab.add_argument("--repeat", type=int, metavar="N", help="rounds, in turns (default: 3; of throughput 5)")
    lab.add_argument("--file", action="store_true", help="the burst by caudal run, from a file to another")
    lab.add_argument("--scale", type=float, metavar="X", help="of functions: a factor of how many calls")
    lab.add_argument(
        "--engines", type=_words, metavar="NAME,NAME", help="of throughput and windows (default: local,flink,spark)"
    )
    lab.add_argument(
        "--events",
        type=_numbers,
        metavar="N,N",
        help="of throughput: sizes of the two files (default: 250000,1000000); of windows: events in one and over many"
        " windows (default: 10000,50000)",
    )
    lab.add_argument(
        "--local-events", type=_numbers, metavar="N,N", help="sizes for the engine local (default: four times as many)"
    )
    lab.add_argument("--kafka", action="store_true", help="of burst and dos: from topic to topic")
    lab.add_argument("--servers", metavar="HOST:PORT", help="of Kafka (default: a broker of its own, for this run)")
    lab.add_argument("--every", metavar="TIME", help="between two commits over Kafka (default: 100ms; of dos 1s)")
    lab.add_argument("--replicas", type=_numbers, metavar="N,N", help="of burst over Kafka: workers (default: 1,2)")
    lab.add_argument("--by", metavar="HOW", help="of failure: kill (the default), freeze or cut")
    lab.add_argument("--at", metavar="TIME", help="of failure: when a worker fails (default: 50s)")
    lab.add_argument("--duration", metavar="TIME", help="of failure: how long messages come (default: 30s beyond --at)")
    lab.add_argument("--rate", type=int, metavar="N", help="messages a second (failure: 1000 by default)")
    lab.add_argument("--workers", type=int, metavar="N", help="of failure: workers of a group (default: 2)")
    lab.add_argument("--delivery", type=_words, metavar="MODES", help="of failure (default: all three)")
    lab.add_argument("--duckdb", action="store_true", help="of dos: DuckDB in batch beside it, over the same events")
    lab.add_argument("--by-hand", action="store_true", help="of throughput: compare with programs written by hand")
    lab.add_argument("--data", metavar="DIR", help="of throughput: where files are kept (default: nowhere)")
    lab.add_argument("--windows", type=int, metavar="N", help="of windows: how many are many (default: 20)")
    lab.add_argument("--out", metavar="DIR", help="where plots and figures go (default: ./caudal-lab)")
    lab.add_argument("--no-plots", action="store_true", help="draw nothing")
    lab.add_argument("--json", action="store_true", help="print the figures as JSON")


def _engines(commands: Any) -> None:
    engines = _command(
        commands, "engines", "show the engines and what they lack; install and remove their environments"
    )
    engines.add_argument("--json", action="store_true", help="print the result as JSON")
    engines.set_defaults(action="list")
    actions = engines.add_subparsers(dest="action", metavar="ACTION")
    for name, text in (
        ("install", "make the environment of flink or spark, or repair it"),
        ("uninstall", "remove the environment of flink or spark"),
    ):
        action = _command(actions, name, text)
        action.add_argument("engine", metavar="NAME", help="flink or spark")
        action.add_argument(
            "--into", default="", metavar="DIR", help="in DIR/NAME (default: CAUDAL_ENGINES, else a cache)"
        )
        action.add_argument("--json", action="store_true", help="print the result as JSON")
        if name == "install":
            action.add_argument("--python", default="", metavar="PATH", help="the interpreter to build on")


def _broker(commands: Any) -> None:
    broker = _command(commands, "broker", "start, stop and look at a Kafka broker on this machine")
    actions = broker.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("start", "start it, and install it first where it is not there; its address is the last line printed"),
        ("stop", "stop it; its data stays"),
        ("status", "say whether it runs, and where; exits with 1 where it does not"),
    ):
        action = _command(actions, name, text)
        action.add_argument(
            "--data", default="", metavar="DIR", help="where its data is (default: below CAUDAL_BROKER, else a cache)"
        )
        if name == "start":
            action.add_argument("--port", type=int, metavar="N", help="on loopback (default: 9092); 0 takes a free one")
            action.add_argument(
                "--set",
                action="append",
                type=_setting,
                default=[],
                metavar="KEY=VALUE",
                help="set a server property, such as num.partitions=4",
                dest="settings",
            )
        if name == "status":
            action.add_argument("--json", action="store_true", help="print the result as JSON")


def _comparing(commands: Any) -> None:
    backtest = _command(commands, "backtest", "run two versions of a detection over the same history and compare")
    backtest.add_argument("old", metavar="OLD", help="a pipeline file, or the name of a shipped detection")
    backtest.add_argument("new", metavar="NEW", help="likewise")
    _settings(backtest)
    for side in ("old", "new"):
        _settings(backtest, f"--{side}-set", f"of {side.upper()} only", f"{side}_settings")
    backtest.add_argument("--engine", default="local", metavar="NAME", help="the engine of both (default: %(default)s)")
    verify = _command(commands, "verify", "run a pipeline on several engines and compare what comes out")
    _file(verify)
    verify.add_argument(
        "--engines",
        type=_words,
        default=("local",),
        metavar="NAME,NAME",
        help="such as local,flink,spark; local:1,local:4 takes 1 and 4 threads",
    )
    _places(verify)
    for command in (backtest, verify):
        command.add_argument(
            "--threads", type=int, default=0, metavar="N", help="operator threads (default: the cores)"
        )
        command.add_argument("--show", type=_count, default=10, metavar="N", help="rows shown (default: %(default)s)")
        command.add_argument("--json", action="store_true", help="print the result as JSON")


def _cluster(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="a Flink session cluster (host:port) or a Spark master's URL"
    )
    what = "tasks: they read topics; client: caudal hands rows over; DIR: in a directory that the cluster reaches"
    command.add_argument("--exchange", default="", metavar="HOW", help=what)


def _file(command: argparse.ArgumentParser, name: str = "file", **several: Any) -> None:
    command.add_argument(name, metavar="FILE", help="a pipeline file, or the name of a shipped detection", **several)
    _settings(command)


def _settings(command: argparse.ArgumentParser, option: str = "--set", where: str = "", dest: str = "settings") -> None:
    command.add_argument(
        option,
        action="append",
        type=_setting,
        default=[],
        metavar="KEY=VALUE",
        help=f"override a setting {where}".rstrip(),
        dest=dest,
    )


def _sides(command: argparse.ArgumentParser) -> None:
    for name, what in (("late", "late rows"), ("dead", "dead letters")):
        command.add_argument(
            f"--{name}",
            choices=("file", "discard"),
            default="file",
            help=f"{what} that are not wired (default: %(default)s)",
        )


def _blind(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--allow-blind",
        action="store_true",
        help="do not end with 1 where all records of a source are dead, or none names a field that is needed",
    )


def _places(parser: argparse.ArgumentParser, start: str | None = None, until: str | None = None) -> None:
    """Which part of a topic is read; None: what its source says."""
    begin = "where topics are read from: a time (2026-11-01T00:00:00Z), offsets (topic:0=1500,...), earliest"
    end = "where they end, likewise; latest is the end that a topic has at the start"
    for name, dest, default, what in (("--from", "start", start, begin), ("--to", "until", until, end)):
        what += f" (default: {default or 'as the source says'})"
        parser.add_argument(name, default=default, dest=dest, metavar="PLACE", help=what)


def _running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--threads", type=int, default=0, metavar="N", help="operator threads (default: the cores)")
    command.add_argument("--max-state", type=_size, default=0, metavar="SIZE", help="limit of the state, such as 2GB")
    command.add_argument("--json", action="store_true", help="print a machine-readable summary, and nothing else")
    command.add_argument("--quiet", action="store_true", help="print no progress and no summary, only errors")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    return name.strip(), value


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of numbers; write 1000,10000") from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of rows")
    return int(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _partitions(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 128:
        raise argparse.ArgumentTypeError(f"a repartition topic has 1 to 128 partitions, not {text}")
    return int(text)


def _size(text: str) -> int:
    size = size_of_text(text)
    if size is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write 500MB, 2GB or 1GiB")
    return size


def _fates(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or not set(names) <= set(_FATES):
        raise argparse.ArgumentTypeError(f"'{text}' is not made of dead and late; write dead,late")
    return names

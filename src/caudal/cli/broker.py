"""`caudal broker`: a Kafka broker on this machine, started, stopped and looked at."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from caudal.broker import Broker


def broker(arguments: Namespace) -> int:
    """`caudal broker start`, `caudal broker stop`, `caudal broker status`."""
    return {"start": _start, "stop": _stop, "status": _status}[arguments.action](arguments)


def _start(arguments: Namespace) -> int:
    made = Broker(arguments.data, port=arguments.port, settings=dict(arguments.settings))
    print(made.start(_say))
    return 0


def _stop(arguments: Namespace) -> int:
    print("stopped" if Broker(arguments.data).stop(_say) else "no broker runs")
    return 0


def _status(arguments: Namespace) -> int:
    found = Broker(arguments.data).status()
    if arguments.json:
        print(json.dumps(found.to_json()))
    else:
        where = f" on {found.address}, process {found.pid}" if found.state != "stopped" else ""
        print(f"Kafka {found.version}: {found.state}{where}\n  data {found.data}\n  log  {found.log}")
    return 0 if found.state == "running" else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

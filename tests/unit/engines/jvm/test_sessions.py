"""Cancelling by Flink's REST API, against a small server that answers as a session cluster does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from caudal.engines.flink.job.sessions import cancel_jobs


class Session(HTTPServer):
    """Jobs by id: name and state."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.jobs = {"1": ["mine", "RUNNING"], "2": ["yours", "RUNNING"], "3": ["mine", "FINISHED"]}
        self.late: dict[str, list[str]] = {}
        self.asked: list[str] = []


class Answers(BaseHTTPRequestHandler):
    """Answers as the dispatcher does."""

    server: Session

    def do_GET(self) -> None:
        jobs = [{"jid": jid, "name": name, "state": state} for jid, (name, state) in self.server.jobs.items()]
        for job in self.server.jobs.values():
            job[1] = "CANCELED" if job[1] == "CANCELLING" else job[1]
        self.server.jobs |= self.server.late
        self.server.late = {}
        self._answer({"jobs": jobs})

    def do_PATCH(self) -> None:
        self.server.asked.append(self.path)
        self.server.jobs[self.path.split("/")[2].split("?")[0]][1] = "CANCELLING"
        self._answer({})

    def _answer(self, value: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_jobs_of_the_name_are_cancelled_and_no_others(session: Session) -> None:
    session.late = {"4": ["mine", "CREATED"]}  # listed only after the first look
    assert cancel_jobs(f"127.0.0.1:{session.server_port}", "mine") == 2
    assert session.asked == ["/jobs/1?mode=cancel", "/jobs/4?mode=cancel"]
    assert {jid: state for jid, (_, state) in session.jobs.items()} == {
        "1": "CANCELED",
        "2": "RUNNING",
        "3": "FINISHED",
        "4": "CANCELED",
    }

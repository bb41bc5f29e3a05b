"""Jobs on a session cluster, by its REST API."""

from __future__ import annotations

import json
import time
import urllib.request

_ENDED = ("FINISHED", "CANCELED", "FAILED")
_QUIET = 3
"""How often in a row no job may be found until none will come: what was submitted last may not be listed yet."""


def cancel_jobs(address: str, name: str, patience: float = 8.0) -> int:
    """Cancel the jobs of a name that the session cluster at HOST:PORT runs, wait for their end, return their number."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    base = f"http://{address}/jobs"
    deadline, quiet, told = time.monotonic() + patience, 0, set()
    while quiet < _QUIET and time.monotonic() < deadline:
        with direct.open(f"{base}/overview", timeout=5) as answer:
            jobs = [job for job in json.load(answer)["jobs"] if job["name"] == name and job["state"] not in _ENDED]
        quiet = 0 if jobs else quiet + 1
        for job in jobs:
            if job["jid"] not in told:
                told.add(job["jid"])
                request = urllib.request.Request(f"{base}/{job['jid']}?mode=cancel", method="PATCH")
                direct.open(request, timeout=5).close()
        time.sleep(0.1)
    return len(told)

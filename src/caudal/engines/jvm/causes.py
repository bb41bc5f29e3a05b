"""The cause of a job's failure, found in what its process said: what a user can act upon, in two lines."""

from __future__ import annotations

import re

_WIDTH = 300

_NAMED = re.compile(
    r"\s*(?:Caused by: |: )?((?:[A-Za-z_][\w$]*\.)*[A-Za-z_][\w$]*(?:Error|Exception|Failure|Mistake|Timeout))\b:? ?(.*)"
)
_CRASHED = re.compile(
    r"Python worker exited unexpectedly|Process died with exit code|Python worker failed to connect back|"
    r"Cannot run program|A forked Python worker died"
)
_WRAPPERS = re.compile(
    r"Failed to fetch (next result|job execution result)|Job execution failed|Recovery is suppressed|"
    r"Job aborted due to stage failure|Exception thrown in awaitResult|An error occurred while calling|"
    r"An exception was thrown from the Python worker|Error received from SDK harness|STAGE_MATERIALIZATION|"
    r"Error while waiting for job to be initialized|Failed to close remote bundle|Failed to execute sql|"
    r"CIRCULAR REFERENCE|An exception was raised by the Python Proxy|FOREACH_BATCH_USER_FUNCTION_ERROR"
)
_LOST = re.compile(r"OperatorEvent from an OperatorCoordinator to a task was lost")
_DEADLY = "a function that ends its process, breaks it or takes all memory does this"
_WORKER = re.compile(r'File "[^"]*[/\\](job\.py|caudal[^"]*)"')


def causes_of(text: str) -> list[str]:
    """Return the cause of a failure in at most two lines, [] where the text tells none.

    In this order: what a function did against its declaration; the exception of a Python worker; a worker that died;
    else the last two exceptions that a trace names, without those that only pass others on.
    """
    lines = text.splitlines()
    mistakes = [i for i, line in enumerate(lines) if "FunctionMistake: " in line]
    if mistakes:
        at = mistakes[-1]
        more = [line.strip() for line in lines[at + 1 : at + 3]]
        told = [line for line in more if line and not line.startswith(("SQLSTATE", "at ", "Traceback"))]
        return _short([lines[at].partition("FunctionMistake: ")[2], "; ".join(told)])
    for line in lines:
        if _CRASHED.search(line):
            said = _CRASHED.sub("", line)
            code = re.search(r"exit code:? ?(-?\d+)", line[len(line) - len(said) :])
            return _died(f" (exit code {code[1]})" if code else "")
    named: list[str] = []
    for line in lines:
        match = _NAMED.match(line)
        if match and match[2] and not _WRAPPERS.search(match[2]) and match[2] != "Traceback (most recent call last):":
            shown = f"{match[1].rpartition('.')[2]}: {match[2]}"
            if shown not in named:
                named.append(shown)
    found = _of_worker(lines) or named[-2:]
    # all that Flink knows of a worker's end
    if found and all("CANCELLED: client cancelled" in cause for cause in found):
        return _died()
    # a task had ended already, and the word of that came before the word why
    if found and any(_LOST.search(cause) for cause in found):
        return ["a task of the job ended before it could say why", _DEADLY]
    return _short(found)


def _died(how: str = "") -> list[str]:
    return [f"a Python worker of the job died{how}", _DEADLY]


def _of_worker(lines: list[str]) -> list[str]:
    """Return the exception that a traceback through a function of the job ends with."""
    inside = False
    for line in lines:
        if line.startswith("Traceback (most recent call last)") or "Traceback (most recent call last)" in line:
            inside = False
        elif _WORKER.search(line):
            inside = inside or ", in <module>" not in line
        elif inside and not line.startswith((" ", "\t")):
            match = _NAMED.match(line)
            if match and not _WRAPPERS.search(match[2]) and "Py4J" not in match[1]:
                return [f"{match[1].rpartition('.')[2]}: {match[2]}".rstrip(": ")]
            inside = False
    return []


def _short(causes: list[str]) -> list[str]:
    return [cause[:_WIDTH].rstrip(": ") for cause in causes if cause]

"""The queue and its threads: what runs before what, and how it ends."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from caudal.engines.local.scheduler import Scheduler, Task


class Given:
    """Admits these tasks one after another; `later`: how often it has nothing before each, though there is more."""

    def __init__(self, tasks: list[Task], later: int = 0) -> None:
        self.tasks = tasks
        self.asked = 0
        self._later = later

    def admit(self) -> Task | None:
        self.asked += 1
        if not self.tasks or self.asked % (self._later + 1):
            return None
        return self.tasks.pop(0)

    def over(self) -> bool:
        return not self.tasks

    def waits(self) -> bool:
        return bool(self.tasks)


def scheduler(threads: int = 1, shuffle: random.Random | None = None) -> Scheduler:
    return Scheduler(threads, 0.0, shuffle)


def test_what_is_furthest_downstream_and_oldest_runs_first() -> None:
    ran: list[str] = []
    made = scheduler()

    def first() -> None:
        for depth, name in [(1, "a"), (2, "b"), (1, "c"), (2, "d"), (0, "e")]:
            made.push(depth, lambda name=name: ran.append(name))
        ran.append("first")

    made.run(Given([first, lambda: ran.append("second")]))
    assert ran == ["first", "b", "d", "a", "c", "e", "second"]


def test_all_that_is_queued_runs_in_any_order_too() -> None:
    ran: list[int] = []
    made = scheduler(shuffle=random.Random(1))
    made.run(Given([lambda: [made.push(1, lambda i=i: ran.append(i)) for i in range(50)] and None]))
    assert ran != sorted(ran)
    assert sorted(ran) == list(range(50))


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("later", [0, 3])
def test_every_task_runs_once_on_any_number_of_threads(threads: int, later: int) -> None:
    lock, ran = threading.Lock(), [0] * 200
    made = scheduler(threads)

    def task(number: int) -> Callable[[], None]:
        def run() -> None:
            with lock:
                ran[number] += 1
            if number < 100:
                made.push(1, task(number + 100))

        return run

    given = Given([task(i) for i in range(100)], later)
    made.run(given)
    assert ran == [1] * 200
    assert made.queued == made.running == 0


def test_a_stop_admits_nothing_more_and_finishes_what_is_queued() -> None:
    ran: list[str] = []
    made = scheduler()

    def first() -> None:
        made.push(1, lambda: ran.append("queued"))
        made.stop()

    given = Given([first, lambda: ran.append("never")])
    made.run(given)
    assert ran == ["queued"]
    assert made.stopping
    assert len(given.tasks) == 1


def test_what_a_task_raises_ends_all_and_is_raised() -> None:
    ran: list[str] = []
    made = scheduler(2)

    def wrong() -> None:
        made.push(1, lambda: ran.append("queued"))
        raise ValueError("no")

    given = Given([wrong, *[lambda: None] * 3])
    with pytest.raises(ValueError, match="no"):
        made.run(given)


def test_a_pause_waits_until_nothing_runs_and_admits_nothing() -> None:
    begun, go_on, ran = threading.Event(), threading.Event(), list[str]()
    made = scheduler()

    def slow() -> None:
        begun.set()
        assert go_on.wait(60)
        made.push(1, lambda: ran.append("behind"))

    given = Given([slow, lambda: ran.append("later")])
    running = threading.Thread(target=made.run, args=(given,))
    running.start()
    assert begun.wait(60)
    found = list[object]()

    def pause() -> None:
        with made.pause():
            found.extend([list(ran), made.running, made.queued, len(given.tasks)])

    pausing = threading.Thread(target=pause)
    pausing.start()
    while not made.paused and pausing.is_alive():
        pass
    go_on.set()
    pausing.join(60)
    running.join(60)
    assert found == [["behind"], 0, 0, 1]
    assert ran == ["behind", "later"]

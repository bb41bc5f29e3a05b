"""The scheduler: one queue of tasks and the threads that take them.

A worker takes the task that is furthest downstream and oldest; only when there is none does it ask for new data to be admitted.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

Task = Callable[[], None]


class Admits(Protocol):
    """Where new work comes from. All but `waits` is called with the scheduler's lock held."""

    def admit(self) -> Task | None:
        """Return a task that brings new data; None when none may be brought now."""
        ...

    def over(self) -> bool:
        """Whether there will never be any more."""
        ...

    def waits(self) -> bool:
        """Whether there may be some later, so that it must be asked again and again."""
        ...


class Scheduler:
    """Runs tasks on `threads` threads. `shuffle`: take queued tasks in random order, for tests."""

    def __init__(self, threads: int, idle_poll: float, shuffle: random.Random | None) -> None:
        self.lock = threading.Condition()
        """Guards the queue, and what those who admit keep of their own."""
        self.pauses = 0
        """How many have asked that nothing be admitted."""
        self.stopping = False
        self.running = 0
        """Tasks that are being run."""
        self.waiting = 0
        """Threads that have nothing to do."""
        self._threads = threads
        self._idle_poll = idle_poll
        self._shuffle = shuffle
        self._heap: list[tuple[Any, ...]] = []
        self._number = itertools.count()
        self._finished = False
        self._error: BaseException | None = None

    def run(self, admits: Admits, watch: Callable[[], None] | None = None, every: float = 0.1) -> None:
        """Run until there is nothing more, or a stop; raises what a task raised. `watch` is called now and then."""
        threads = [
            threading.Thread(target=self._work, args=(admits,), name=f"caudal-{i}", daemon=True)
            for i in range(self._threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(every)
                if watch is not None:
                    watch()
        if self._error is not None:
            raise self._error

    def push(self, depth: int, task: Task) -> None:
        """Queue a task; the deeper downstream, the sooner it runs."""
        with self.lock:
            heapq.heappush(self._heap, (-depth, next(self._number), task))
            self.wake()

    def run_queued(self) -> None:
        """Run what is queued in this thread, once `run` has returned."""
        while self._heap:
            self._pop()()

    @property
    def queued(self) -> int:
        """Tasks that wait for a thread."""
        return len(self._heap)

    def stop(self) -> None:
        """Admit nothing more; what is in flight is finished."""
        with self.lock:
            self.stopping = True
            self.lock.notify_all()

    def kill(self, error: BaseException) -> None:
        """Stop at once with this error."""
        with self.lock:
            self._error = self._error or error
            self._finished = True
            self.lock.notify_all()

    @property
    def paused(self) -> bool:
        """Whether nothing is to be admitted now."""
        return self.pauses > 0

    @contextmanager
    def pause(self) -> Generator[None]:
        """Admit nothing within it, and wait until nothing is in flight: the state is then one consistent cut.

        Raises what has ended the tasks, since what was in flight then never landed.
        """
        with self.lock:
            self.pauses += 1
            while (self._heap or self.running) and self._error is None and not self._finished:
                self.lock.wait()
        try:
            if self._error is not None:
                raise self._error
            yield
        finally:
            with self.lock:
                self.pauses -= 1
                self.lock.notify_all()

    def wake(self, *, all_of_them: bool = False) -> None:
        """Wake a thread that has nothing to do; with the lock held."""
        if self.waiting:
            self.lock.notify(self.waiting if all_of_them else 1)

    def _work(self, admits: Admits) -> None:
        try:
            while (task := self._next(admits)) is not None:
                try:
                    task()
                finally:
                    with self.lock:
                        self.running -= 1
                        self.wake(all_of_them=True)
        except BaseException as error:
            self.kill(error)

    def _next(self, admits: Admits) -> Task | None:
        """Return a task to run now; None when all is over."""
        with self.lock:
            while True:
                if self._finished:
                    return None
                if self._heap:
                    self.running += 1
                    return self._pop()
                admitting = not self.stopping and not self.paused
                if admitting:
                    task = admits.admit()
                    if task is not None:
                        self.running += 1
                        return task
                if self.running == 0 and (self.stopping or admits.over()):
                    self._finished = True
                    self.lock.notify_all()
                    return None
                if self.paused and self.running == 0:
                    self.lock.notify_all()
                self.waiting += 1
                self.lock.wait(self._idle_poll if admitting and admits.waits() else None)
                self.waiting -= 1

    def _pop(self) -> Task:
        if self._shuffle is not None:
            entry = self._heap.pop(self._shuffle.randrange(len(self._heap)))
            heapq.heapify(self._heap)
            return entry[-1]
        return heapq.heappop(self._heap)[-1]

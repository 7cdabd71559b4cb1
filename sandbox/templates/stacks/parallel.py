"""Work over a graph, on several threads where the graph allows it.

Each piece holds the clock busy while it works, so that `advance` does not jump over it, and lets it go while it waits
for something that takes sandbox time.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.clock import Clock
from sandbox.templates.graph import Graph, Order

log = logging.getLogger(__name__)

#: So many resources of one stack are worked on at once.
AT_ONCE = 12


class Hold:
    """Keeps the clock busy from `take` to `release`, but for the pauses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._busy = clock.busy()
        self._busy.__enter__()

    def release(self) -> None:
        self._busy.__exit__(None, None, None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Lets the clock go for as long as the block lasts."""
        self._busy.__exit__(None, None, None)
        try:
            yield
        finally:
            self._busy = self._clock.busy()
            self._busy.__enter__()


Act = Callable[[str, Hold], bool | None]


def work_through(
    clock: Clock,
    graph: Graph,
    act: Act,
    hold: Hold,
    go_on: Callable[[], bool] = lambda: True,
    insist: Act | None = None,
) -> list[str]:
    """Does `act` for each name, once all that it needs has been done; whether it succeeded is what `act` returns.

    None means that something is in its way: `act` is done again whenever another name has been done, and `insist`,
    which says true or false, when nothing else is left that could clear the way. What needs a name that failed is not
    begun, and nothing is once `go_on` says no. `hold` is the caller's own: it is paused, each piece has one. Returns
    the names that failed, in the order in which they did, when nothing is being worked on any more.
    """
    order = Order(graph)
    ended: queue.SimpleQueue[tuple[str, bool | None, Hold]] = queue.SimpleQueue()
    failed: list[str] = []
    blocked: list[str] = []
    again: list[tuple[str, Act]] = []
    seen: dict[str, int] = {}
    working = 0

    def run(name: str, doing: Act, hold: Hold) -> None:
        done: bool | None = False
        try:
            done = doing(name, hold)
        except Exception:
            log.exception("the work on resource %s broke off", name)
        finally:
            ended.put((name, done, hold))

    finished: list[Hold] = []
    while True:
        begun = [(name, act) for name in order.ready()] if go_on() else []
        if insist is not None and blocked and not (working or again or begun):
            again, blocked = [(name, insist) for name in blocked], []
        for name, doing in [*again, *begun][: AT_ONCE - working]:
            if (name, doing) in again:
                again.remove((name, doing))
            else:
                order.start(name)
            working += 1
            seen[name] = len(order.finished)
            threading.Thread(target=run, args=(name, doing, Hold(clock)), name=f"resource {name}", daemon=True).start()
        # Only now: what follows from a piece of work is under way before the clock may jump.
        while finished:
            finished.pop().release()
        if not working:
            return failed
        with hold.paused():
            name, done, held = ended.get()
        finished.append(held)
        working -= 1
        if done:
            order.finish(name)
            again, blocked = [*again, *((one, act) for one in blocked)], []
        elif done is None and insist is not None:
            if seen[name] == len(order.finished):
                blocked.append(name)
            else:
                again.append((name, act))
        else:
            failed.append(name)

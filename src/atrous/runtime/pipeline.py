"""Pictures are read ahead and results finished behind, while the network runs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from atrous.errors import AtrousError

Item = TypeVar("Item")
Read = TypeVar("Read")
Worked = TypeVar("Worked")
Done = TypeVar("Done")


def run_pipeline(
    items: Iterable[Item],
    read: Callable[[Item], Read],
    work: Callable[[Item, Read], Worked],
    finish: Callable[[Item, Worked], Done],
    *,
    ahead: int = 2,
) -> Iterator[tuple[Item, Done | AtrousError]]:
    """Read, work on and finish each item, three items at a time.

    ``work`` runs in the caller's thread, one item after the other; ``read`` and ``finish`` run in
    one thread each. No more than ``ahead`` items wait before the work and as many behind it, so
    that memory does not grow with the number of items. When the caller stops early, or is
    interrupted, what is being finished is finished and all else dropped.

    Args:
        items: In the order in which they are worked on; taken as they are needed.
        read: Makes what the work needs.
        work: The network.
        finish: Writes what the work made.
        ahead: How many items are read before their turn.

    Yields:
        Each item in its order, with what ``finish`` gave, or with the error of ours that one of the
        three raised. Other errors end the run.
    """
    waiting: deque[tuple[Item, Future[Read]]] = deque()
    leaving: deque[tuple[Item, Future[Done] | AtrousError]] = deque()
    reader, finisher = (ThreadPoolExecutor(1, f"atrous-{name}") for name in ("read", "finish"))
    source = iter(items)

    def read_on() -> None:
        while len(waiting) < ahead:
            try:
                item = next(source)
            except StopIteration:
                return
            waiting.append((item, reader.submit(read, item)))

    try:
        read_on()
        while waiting or leaving:
            if waiting:
                item, reading = waiting.popleft()
                read_on()
                leaving.append((item, _worked(item, reading, work, finish, finisher)))
            if len(leaving) > ahead or not waiting:
                done, finishing = leaving.popleft()
                outcome = _outcome(finishing)
                yield done, outcome
    finally:
        for pool in (reader, finisher):
            pool.shutdown(cancel_futures=True)


def _worked(
    item: Item,
    reading: Future[Read],
    work: Callable[[Item, Read], Worked],
    finish: Callable[[Item, Worked], Done],
    finisher: ThreadPoolExecutor,
) -> Future[Done] | AtrousError:
    try:
        return finisher.submit(finish, item, work(item, reading.result()))
    except AtrousError as error:
        return error


def _outcome(finishing: Future[Done] | AtrousError) -> Done | AtrousError:
    if isinstance(finishing, AtrousError):
        return finishing
    try:
        return finishing.result()
    except AtrousError as error:
        return error

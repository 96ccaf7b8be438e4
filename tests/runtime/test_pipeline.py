"""Items go through in order, few at a time, and each with its own fate."""

import threading
import tracemalloc

import numpy as np
import pytest

from atrous.errors import InputError
from atrous.runtime.pipeline import run_pipeline


def same(_, value):
    return value


def test_results_come_in_order_and_from_all_three_steps():
    found = run_pipeline(
        range(20), lambda item: item * 10, lambda item, read: read + item, lambda _, x: str(x)
    )

    assert list(found) == [(item, str(item * 11)) for item in range(20)]


@pytest.mark.parametrize("step", ["read", "work", "finish"])
def test_an_item_that_fails_is_given_with_its_error_and_the_others_go_on(step):
    def fail(name):
        def act(item, value=None):
            if name == step and item == 2:
                raise InputError(f"{name} {item}")
            return value

        return act

    found = dict(run_pipeline(range(5), fail("read"), fail("work"), fail("finish")))

    assert list(found) == list(range(5))
    assert str(found[2]) == f"{step} 2"
    assert [item for item, outcome in found.items() if isinstance(outcome, InputError)] == [2]


def test_no_more_items_are_read_than_have_room():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    for item, _ in run_pipeline(items(), lambda item: item, same, same, ahead=2):
        # Two wait before the work, up to two behind it, and one is given.
        assert len(taken) <= item + 6


def test_work_stays_in_the_callers_thread_and_the_rest_leaves_it():
    def where(*_):
        return threading.current_thread()

    threads = []
    for _, finished in run_pipeline([0], where, lambda _, read: (read, where()), where_all):
        threads = finished

    assert threads[1] is threading.main_thread()
    assert threading.main_thread() not in (threads[0], threads[2])


def where_all(_, earlier):
    return (*earlier, threading.current_thread())


def test_an_error_that_is_none_of_ours_ends_the_run():
    def bug(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_pipeline([1, 2], bug, same, same))


def test_an_interruption_finishes_what_has_begun_and_leaves_no_thread():
    finished = []

    def work(item, read):
        if item == 3:
            raise KeyboardInterrupt
        return read

    with pytest.raises(KeyboardInterrupt):
        list(run_pipeline(range(9), lambda item: item, work, lambda item, _: finished.append(item)))

    assert finished == list(range(len(finished)))
    assert not [one for one in threading.enumerate() if one.name.startswith("atrous-")]


def test_a_caller_who_stops_early_leaves_no_thread():
    found = run_pipeline(range(9), lambda item: item, same, same)
    next(found)
    found.close()

    assert not [one for one in threading.enumerate() if one.name.startswith("atrous-")]


def test_memory_does_not_grow_with_the_number_of_items():
    tracemalloc.start()
    for _ in run_pipeline(range(40), lambda _: np.ones(1 << 20, np.uint8), same, same):
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    # Of 40 MiB: two wait, one is worked on, three leave, one is looked at, and some room.
    assert most < 10 << 20

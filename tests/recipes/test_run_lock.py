"""One process at a time writes a run folder."""

import json
import os
import signal

import pytest

from atrous.errors import ResourceError
from atrous.recipes.run_lock import LOCK, held_folder
from journeys.tiny import in_child


def refused_in_another_process(out, match, *, resume=True) -> bool:
    def work() -> None:
        with pytest.raises(ResourceError, match=match), held_folder(out, resume=resume):
            pass

    return in_child(work) == 0


def test_a_second_process_is_told_who_is_there(tmp_path):
    with held_folder(tmp_path / "run", resume=False):
        assert refused_in_another_process(
            tmp_path / "run", rf"run: process {os.getpid()} on .* is training into it; wait"
        )


def test_an_unreadable_lock_is_still_one(tmp_path):
    with held_folder(tmp_path, resume=True):
        # In another process: closing the file in this one would unlock it.
        assert in_child(lambda: (tmp_path / LOCK).write_bytes(b"\xff{")) == 0
        assert refused_in_another_process(tmp_path, "another process is training into it")


def test_the_lock_of_a_killed_process_does_not_last(tmp_path):
    def work() -> None:
        with held_folder(tmp_path, resume=True):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == -signal.SIGKILL
    assert (tmp_path / LOCK).is_file()
    with held_folder(tmp_path, resume=True):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()


def test_children_do_not_keep_the_lock(tmp_path):
    ready, go = os.pipe(), os.pipe()
    with held_folder(tmp_path, resume=True):
        child = os.fork()
        if child == 0:
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
    try:
        assert in_child(lambda: held_folder(tmp_path, resume=True).__enter__()) == 0
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)


def test_nothing_is_left_of_a_run_that_did_not_begin(tmp_path):
    with pytest.raises(RuntimeError), held_folder(tmp_path / "run", resume=False):
        raise RuntimeError

    assert not (tmp_path / "run").exists()


def test_what_a_run_has_written_stays_without_its_lock(tmp_path):
    with held_folder(tmp_path / "run", resume=False):
        (tmp_path / "run" / "metrics.csv").touch()

    assert [path.name for path in (tmp_path / "run").iterdir()] == ["metrics.csv"]


def test_a_folder_is_taken_only_as_it_was_asked_for(tmp_path):
    with (
        pytest.raises(ResourceError, match="is there already; give another --out, or --resume"),
        held_folder(tmp_path, resume=False),
    ):
        pass
    with (
        pytest.raises(ResourceError, match="nothing to resume there"),
        held_folder(tmp_path / "none", resume=True),
    ):
        pass

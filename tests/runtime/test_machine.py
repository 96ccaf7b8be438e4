"""What a process may use of a machine."""

import os
import sys

import pytest

from atrous.runtime.machine import free_memory, usable_cores

linux = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


def cores_of(siblings: list[str], folder, monkeypatch, **places) -> int:
    """Cores of a made-up machine whose processors share cores as said."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(len(siblings))))
    for index, text in enumerate(siblings):
        place = folder / "cpus" / f"cpu{index}" / "topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(f"{text}\n")
    (folder / "member").write_text(places.get("member", "0::/\n"))
    return usable_cores(folder / "cpus", folder / "group", folder / "member")


@linux
def test_two_threads_of_one_core_count_once(tmp_path, monkeypatch):
    assert cores_of(["0,2", "1,3", "0,2", "1,3"], tmp_path, monkeypatch) == 2


@linux
def test_processors_that_are_not_described_are_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7})

    assert usable_cores(tmp_path, tmp_path, tmp_path / "none") == 3


@linux
@pytest.mark.parametrize(("limit", "cores"), [("150000 100000", 2), ("max 100000", 4), ("x", 4)])
def test_a_container_has_as_many_cores_as_its_quota(tmp_path, monkeypatch, limit, cores):
    group = tmp_path / "group" / "pods" / "one"
    group.mkdir(parents=True)
    (group.parent / "cpu.max").write_text(limit)

    found = cores_of(list("0123"), tmp_path, monkeypatch, member="0::/pods/one\n")

    assert found == cores


@linux
@pytest.mark.parametrize(("quota", "cores"), [("100000", 1), ("-1", 4)])
def test_quotas_of_the_first_version_count_too(tmp_path, monkeypatch, quota, cores):
    group = tmp_path / "group" / "cpu"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text(quota)
    (group / "cpu.cfs_period_us").write_text("100000")

    member = "5:memory:/elsewhere\n4:cpuacct,cpu:/not/mounted/here\n0::/\n"

    assert cores_of(list("0123"), tmp_path, monkeypatch, member=member) == cores


def test_memory_is_what_the_machine_has_or_the_container_leaves(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:  100 kB\n")
    assert free_memory(tmp_path / "meminfo", tmp_path) == 100 * 1024

    (tmp_path / "memory.max").write_text("50000\n")
    (tmp_path / "memory.current").write_text("20000\n")
    assert free_memory(tmp_path / "meminfo", tmp_path) == 30_000

    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path / "meminfo", tmp_path) == 100 * 1024


def test_memory_is_guessed_where_the_system_does_not_say(tmp_path):
    assert free_memory(tmp_path / "nothing", tmp_path) > 0

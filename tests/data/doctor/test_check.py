"""The doctor names each fault, and its proposal repairs what a mapping can repair."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from atrous.data.doctor import KINDS, check, check_dataset, quick_check
from atrous.data.doctor.check import read_all
from atrous.data.doctor.facts import read_facts
from atrous.data.doctor.listing import list_dataset
from atrous.data.doctor.mend import write_copy
from data.broken_datasets import FAULTS, describe, masks, write_dataset


@pytest.fixture
def clean(tmp_path):
    return write_dataset(tmp_path / "set")


def broken(tmp_path, name):
    fault = FAULTS[name]
    root = write_dataset(tmp_path / "set", named=fault.named)
    if "case_clash" in fault.kinds and (root / "TRAIN").exists():
        pytest.skip("this file system does not tell capital letters from small ones")
    fault.break_it(root)
    return root


def kinds(findings):
    return {finding.kind for finding in findings}


@pytest.mark.parametrize("named", [True, False])
def test_a_dataset_without_fault_has_no_findings(tmp_path, named):
    assert check_dataset(write_dataset(tmp_path / "set", named=named)).findings == ()


def test_grey_colours_of_a_palette_are_no_fault(clean):
    for path in masks(clean):
        labels = np.array(Image.open(path)) > 0
        Image.fromarray((labels * 255).astype(np.uint8)).convert("RGB").save(path)
    describe(clean, 'names = ["road", "crack"]\npalette = [[0, 0, 0], [255, 255, 255]]')

    assert check_dataset(clean).findings == ()


def test_camvid_has_no_findings(camvid_root):
    assert check_dataset(camvid_root).findings == ()


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_and_nothing_else(tmp_path, name):
    report = check_dataset(broken(tmp_path, name))

    assert kinds(report.findings) == FAULTS[name].kinds


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.mendable])
def test_the_proposal_repairs_what_a_mapping_can(tmp_path, name):
    report = check_dataset(broken(tmp_path, name))

    list(write_copy(report, tmp_path / "mended"))

    assert check_dataset(tmp_path / "mended").findings == ()


def test_every_kind_of_fault_is_in_the_corpus():
    drawn = set().union(*(fault.kinds for fault in FAULTS.values()))

    assert drawn == KINDS.keys()


def test_many_pairs_are_read_by_processes_and_come_in_their_order(clean):
    entries = list_dataset(clean).entries * 16

    assert list(read_all(entries, workers=2)) == [read_facts(entry) for entry in entries]


def test_all_offenders_are_reported_and_not_the_first(clean):
    for path in sorted(clean.glob("*/masks/*.png"))[:4]:
        path.write_bytes(path.read_bytes()[:60])

    found = check_dataset(clean).findings

    assert [f.where for f in found] == [f"train/masks/p{seed}.png" for seed in range(4)]


def test_findings_come_in_the_order_of_the_kinds(tmp_path):
    root = broken(tmp_path, "an index without name")
    (root / "train" / "masks" / "p5.png").unlink()

    order = [list(KINDS).index(f.kind) for f in check_dataset(root).findings]

    assert order == sorted(order)
    assert len(set(order)) == 2


QUICK = ["0 and 255", "from 1 on with names", "labels missing", "no val", "colours", "a name twice"]


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_look_finds_what_names_and_a_sample_show(tmp_path, name):
    assert kinds(quick_check(broken(tmp_path, name))) == FAULTS[name].kinds


def test_a_quick_look_reads_a_sample(clean, monkeypatch):
    read = []
    monkeypatch.setattr(check, "read_facts", lambda entry: read.append(entry) or read_facts(entry))
    monkeypatch.setattr(check, "_QUICK_SAMPLE", 3)

    assert quick_check(clean) == ()
    assert [entry.name for entry in read] == ["p0", "p3", "p6"]


def test_a_process_that_dies_is_told_and_not_waited_for(clean, tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from pathlib import Path\n"
        "from atrous.data.doctor.check import read_all\n"
        "from atrous.data.doctor.listing import list_dataset\n"
        f"list(read_all(list_dataset(Path({str(clean)!r})).entries * 16, workers=2))\n"
    )

    command = [sys.executable, script]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 1
    assert "ResourceError: a process that read pictures died" in ended.stderr

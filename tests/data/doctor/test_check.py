"""The doctor names each fault, and its proposal repairs what a mapping can repair."""

import pytest

from atrous.data.doctor import KINDS, check_dataset
from atrous.data.doctor.mend import write_copy
from data.broken_datasets import FAULTS, write_dataset


@pytest.fixture
def clean(tmp_path):
    return write_dataset(tmp_path / "set")


def broken(tmp_path, name):
    fault = FAULTS[name]
    root = write_dataset(tmp_path / "set", named=fault.named)
    fault.break_it(root)
    return root


def kinds(findings):
    return {finding.kind for finding in findings}


@pytest.mark.parametrize("named", [True, False])
def test_a_dataset_without_fault_has_no_findings(tmp_path, named):
    assert check_dataset(write_dataset(tmp_path / "set", named=named)).findings == ()


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

    assert drawn == KINDS.keys() - {"case_clash", "unknown_colors"}

"""The part of YAML that is read, against a YAML library where one is installed."""

import pytest

from atrous.data.plain_yaml import read_plain_yaml
from atrous.errors import DatasetError

PAGES = [
    "names: [car, 'traffic light', \"stop: sign\"]\n",
    "names:\n  0: car\n  1: 'traffic light'\n",
    "names:\n- car\n- person # walking\n",
    "names:\n  - car\n  - person\nnc: 2\n",
    "# a comment\n---\npath: ../datasets/x\nval:\nnames: {0: car, 1: person}\n",
    "roboflow:\n  workspace: w\n  version: 1\nurl: https://example.org/a#b\n",
]


@pytest.mark.parametrize("text", PAGES)
def test_pages_are_read_as_a_yaml_library_reads_them(tmp_path, text):
    yaml = pytest.importorskip("yaml")
    (tmp_path / "data.yaml").write_text(text)

    def as_text(value: object) -> object:
        if isinstance(value, dict):
            return {str(key): as_text(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [as_text(inner) for inner in value]
        return "" if value is None else str(value)

    assert read_plain_yaml(tmp_path / "data.yaml") == as_text(yaml.safe_load(text))


def test_names_are_read_without_a_library(tmp_path):
    (tmp_path / "data.yaml").write_text(PAGES[0])

    assert read_plain_yaml(tmp_path / "data.yaml") == {
        "names": ["car", "traffic light", "stop: sign"]
    }


@pytest.mark.parametrize(
    "line",
    [
        "names: !!python/object:os.system [x]",
        "a: &x [1]",
        "b: *x",
        "download: |",
        "names: [[a]]",
        "- car",
        "names: ['a",
        "just words",
        "a: {b: {c: d}}",
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(tmp_path, line):
    (tmp_path / "data.yaml").write_text(f"# first\n{line}\n")

    with pytest.raises(DatasetError, match=r"data\.yaml: line 2: not understood"):
        read_plain_yaml(tmp_path / "data.yaml")

from contextlib import closing

import numpy as np
import pytest

from atrous.errors import ResourceError
from atrous.runtime.parts import Journal

SETTINGS, LAYOUT = {"source": "a.tif"}, {"panels": [[0, 5]]}


def opened(path, settings=SETTINGS, layout=LAYOUT):
    return Journal(path, settings, layout, np.dtype(np.uint8))


def labels(rows):
    return np.arange(rows * 5, dtype=np.uint8).reshape(rows, 5)


@pytest.fixture
def kept(tmp_path):
    """A journal with rows 0 to 3 and 3 to 7 of panel 1."""
    journal = opened(tmp_path / "part")
    journal.add(1, 0, labels(3))
    journal.add(1, 3, labels(4))
    journal.close()
    return tmp_path / "part"


def test_what_was_added_is_there_again(kept):
    journal = opened(kept)

    assert (journal.finished(0), journal.finished(1)) == (0, 7)
    first, second = journal.rows(1, 5)
    np.testing.assert_array_equal(first, labels(3))
    np.testing.assert_array_equal(second, labels(4))
    journal.remove()
    assert not kept.exists()


@pytest.mark.parametrize("lost", [1, 10, 25])
def test_a_part_that_was_torn_is_cut_off_and_can_be_added_again(kept, lost):
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-lost])

    journal = opened(kept)

    assert journal.finished(1) == 3
    journal.add(1, 3, labels(4))
    journal.close()
    assert kept.read_bytes() == whole


def test_a_part_with_a_flipped_bit_does_not_count(kept):
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.write_bytes(content)

    with closing(opened(kept)) as journal:
        assert journal.finished(1) == 3


def test_a_first_line_that_was_torn_begins_anew(tmp_path):
    (tmp_path / "part").write_bytes(b'{"format": "atr')

    with closing(opened(tmp_path / "part")) as journal:
        assert journal.finished(0) == 0


def test_the_layout_of_the_file_counts(kept):
    with closing(opened(kept, layout={"panels": [[0, 2], [2, 5]]})) as journal:
        assert journal.layout == LAYOUT


@pytest.mark.parametrize("first_line", [None, b"precious\n", b"[]\n", b'{"format": 1}\n'])
def test_files_of_other_settings_or_kinds_are_left_alone(kept, first_line):
    if first_line:
        kept.write_bytes(first_line)
    before = kept.read_bytes()

    with pytest.raises(ResourceError, match="another source, model or settings"):
        opened(kept, settings={"source": "b.tif"})
    assert kept.read_bytes() == before


def test_one_process_at_a_time_works_on_a_result(kept):
    journal = opened(kept)

    with pytest.raises(ResourceError, match="another process works on this result"):
        opened(kept)
    journal.close()

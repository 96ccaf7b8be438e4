import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atrous.data.outlines import coco_counts, runs_of
from atrous.runtime.runs import coco_text, run_lengths

covers = arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(covers)
def test_runs_read_back_are_the_mask(covered):
    labels = np.zeros(covered.shape, np.uint8)
    counts = run_lengths(covered).tolist()
    runs_of(1, counts, box=(0, 0, *covered.shape), by_columns=False, where="").paint(labels)

    np.testing.assert_array_equal(labels == 1, covered)


@given(st.lists(st.integers(0, 10_000_000), min_size=1))
def test_the_text_of_coco_is_that_of_its_reader(counts):
    assert coco_counts(coco_text(np.array(counts)), "") == counts

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from atrous.runtime.regions import absorb_small, find_regions
from runtime.made_up_masks import masks


@given(masks)
@settings(deadline=None)
def test_regions_are_those_of_scipy(mask):
    regions = find_regions(mask)

    for value in np.unique(mask):
        parts, count = ndimage.label(mask == value)
        assert (regions.values == value).sum() == count
        for part in range(1, count + 1):
            (region,) = np.unique(regions.ids[parts == part])
            assert regions.areas[region] == (parts == part).sum()


@given(masks, st.integers(2, 12))
@settings(deadline=None)
def test_no_small_region_is_left_where_a_large_one_is(mask, min_area):
    regions = find_regions(mask)
    absorbed = absorb_small(mask, min_area)

    large = regions.areas >= min_area
    kept = np.isin(regions.ids, np.flatnonzero(large))
    np.testing.assert_array_equal(absorbed[kept], mask[kept])
    if large.any():
        assert find_regions(absorbed).areas.min() >= min_area


def test_a_speck_goes_to_the_label_of_its_longest_border():
    mask = np.zeros((6, 6), np.uint8)
    mask[:, 3:] = 1
    mask[2, 2:4] = 2  # a pixel on either side; of equal borders the lower label wins

    assert absorb_small(mask, 3)[2].tolist() == [0, 0, 0, 0, 1, 1]


def test_specks_among_specks_follow_their_neighbours():
    mask = np.zeros((7, 7), np.uint8)
    mask[2:5, 2:5] = 1
    mask[3, 3] = 2

    assert not absorb_small(mask, 9).any()


def test_where_all_is_small_the_largest_stays():
    mask = np.array([[0, 1, 1, 1, 2]], np.uint8)

    assert absorb_small(mask, 100).tolist() == [[1, 1, 1, 1, 1]]


def test_a_mask_without_specks_is_not_copied():
    mask = np.zeros((4, 4), np.uint8)

    assert absorb_small(mask, 16) is mask

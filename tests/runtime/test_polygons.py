import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from atrous.errors import ResourceError
from atrous.runtime import rings
from atrous.runtime.polygons import bridged, polygons_of
from runtime.made_up_masks import masks, painted, street


def test_a_pixel_is_a_unit_square():
    (polygon,) = polygons_of(np.array([[0, 1, 0]], np.uint8), without={0})

    assert polygon.outer.tolist() == [[1, 0], [2, 0], [2, 1], [1, 1]]
    assert (polygon.area, polygon.box, polygon.holes) == (1, (1, 0, 1, 1), ())


@given(masks)
@settings(deadline=None)
def test_filling_the_outlines_gives_the_mask_back(mask):
    np.testing.assert_array_equal(painted(polygons_of(mask, simplify=0), mask.shape), mask)


@given(masks)
@settings(deadline=None)
def test_polygons_are_valid_and_have_the_area_of_their_pixels(mask):
    for polygon in polygons_of(mask, simplify=0):
        assert _outline(polygon).is_valid
        assert _outline(polygon).area == polygon.area == polygon.pixels().sum()


@pytest.mark.parametrize("simplify", [0.7, 1.0, 2.5])
def test_neighbours_keep_sharing_their_borders_when_corners_are_left_out(simplify):
    mask = street()

    labels = painted(polygons_of(mask, simplify=simplify), mask.shape)

    assert (labels != 255).all()


def test_simplified_outlines_move_by_no_more_than_asked():
    exact, simple = (polygons_of(street(), simplify=simplify) for simplify in (0, 1.0))

    for one, other in zip(exact, simple, strict=True):
        moved = _outline(one).boundary.hausdorff_distance(_outline(other).boundary)
        assert 0 < moved <= 1.0
        assert len(other.outer) < 0.5 * len(one.outer)


def _outline(polygon):
    return shapely.Polygon(polygon.outer, polygon.holes)


def test_regions_too_thin_to_be_simplified_keep_their_corners():
    mask = np.zeros((9, 9), np.uint8)
    mask[4, 4] = 1
    mask[np.arange(3), np.arange(3)] = 2

    polygons = polygons_of(mask, simplify=3.0, without={0})

    assert [polygon.class_index for polygon in polygons] == [2, 2, 2, 1]


def test_what_lies_inside_comes_after_what_is_around_it():
    mask = np.zeros((7, 7), np.uint8)
    mask[1:6, 1:6] = 1
    mask[3, 3] = 2

    assert [polygon.class_index for polygon in polygons_of(mask)] == [0, 1, 2]


def test_a_hole_is_reached_by_a_line_there_and_back():
    mask = np.zeros((3, 3), np.uint8)
    mask[1, 1] = 1
    (polygon,) = polygons_of(mask, without={1})

    ring = bridged(polygon.outer, polygon.holes)

    assert len(ring) == 4 + 4 + 2
    assert _outline(polygon).area == 8


def test_masks_of_nothing_but_borders_are_refused(monkeypatch):
    monkeypatch.setattr(rings, "_MOST_SIDES", 100)

    with pytest.raises(ResourceError, match=r"borders of .* million pixels.*--min-area 10"):
        polygons_of(np.indices((20, 20)).sum(0).astype(np.uint8) % 2)

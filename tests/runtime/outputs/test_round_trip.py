"""What is written for annotation tools, read back as a dataset."""

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from atrous.data.detect import open_split, splits_of
from atrous.data.sample import read_pair
from atrous.labels import LabelSet
from atrous.runtime.outputs import Item, Job
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.result import Segmentation
from runtime.made_up_masks import masks, street

COLORS = ((0, 0, 0), (200, 0, 0), (0, 200, 0), (0, 0, 200))
WITH_BACKGROUND = LabelSet(("background", "car", "it's red", '"sky": blue'), COLORS)
WITHOUT = LabelSet(("road", "car", "tree", "sky"), COLORS)
TOOLS = ["labelme", "coco", "cvat", "yolo"]


def write_and_read(root, kind, mask, label_set, *, simplify=0.0):
    """The labels of two pictures, written as the command does and read back as a dataset."""
    source = root.parent / "a.png"
    pixels = np.zeros((*mask.shape, 3), np.uint8)
    Image.fromarray(pixels).save(source)
    result = Segmentation(mask, label_set, pixels)
    with OutputWriter(Job(root, label_set, (kind, "picture"), simplify)) as writer:
        for name in ("night/a", "b"):
            item = Item(name, source, result, simplify)
            writer.write(item, writer.files_for(name, source))
    found = {}
    for split in splits_of(root, layout=kind):
        opened = open_split(root, split, layout=kind)
        assert opened.label_set == label_set
        for pair in opened.pairs:
            found[pair.name.removeprefix("images/")] = read_pair(pair, label_set).labels
    assert set(found) == {"night/a", "b"}
    np.testing.assert_array_equal(*found.values())
    return found["b"]


@pytest.mark.parametrize("kind", TOOLS)
@pytest.mark.parametrize("label_set", [WITH_BACKGROUND, WITHOUT], ids=["background", "none"])
def test_exact_outlines_read_back_are_the_mask(kind, label_set, tmp_path):
    mask = street()
    mask[2:5, 70:74] = label_set.other  # a hole of the largest region that nothing fills

    found = write_and_read(tmp_path / "set", kind, mask, label_set)

    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("kind", TOOLS)
def test_any_mask_comes_back(kind, tmp_path):
    @given(masks)
    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    def holds(mask):
        shutil.rmtree(tmp_path / "set", ignore_errors=True)
        found = write_and_read(tmp_path / "set", kind, mask, WITH_BACKGROUND)
        np.testing.assert_array_equal(found, mask)

    holds()


@pytest.mark.parametrize("kind", TOOLS)
def test_simplified_outlines_read_back_are_the_mask_but_for_its_borders(kind, tmp_path):
    mask = street()

    found = write_and_read(tmp_path / "set", kind, mask, WITHOUT, simplify=1.0)

    inner = np.ones(mask.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(mask, step, axis) == mask
    # An outline moved by 1 pixel at most passes no centre beyond the pixels at the border.
    np.testing.assert_array_equal(found[inner], mask[inner])


@pytest.mark.parametrize("kind", TOOLS)
def test_a_picture_without_any_class_is_background(kind, tmp_path):
    mask = np.zeros((5, 6), np.uint8)

    found = write_and_read(tmp_path / "set", kind, mask, WITH_BACKGROUND)

    np.testing.assert_array_equal(found, mask)

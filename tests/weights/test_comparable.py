"""Published results are found by what was measured and how."""

from atrous.labels import CITYSCAPES, VOC
from atrous.weights.comparable import published_results


def test_results_of_the_same_split_and_looks_are_found():
    found = {
        one.name: one.mean_iou
        for one in published_results(VOC, split="val", scales=(1.0,), flip=False)
    }

    assert found["xception65_coco_voc_trainaug"] == 0.8220
    assert "xception65_coco_voc_trainval" not in found  # measured on test


def test_multi_scale_results_are_kept_apart():
    plain, many = (
        {one.mean_iou for one in published_results(CITYSCAPES, split="val", scales=s, flip=f)}
        for s, f in (((1.0,), False), ((0.75, 1.0, 1.25), True))
    )

    assert 0.7879 in plain
    assert 0.8042 in many
    assert not plain & many

"""Protocols fix what moves a mean IoU."""

import numpy as np
import pytest

from atrous.data.camvid import CAMVID
from atrous.engine.protocols import DEFAULT, PROTOCOLS, find_protocol
from atrous.errors import ConfigError
from atrous.labels import ADE20K, CITYSCAPES, VOC, LabelSet
from atrous.weights.zoo.catalogue import CITYSCAPES_SCALES, VOC_SCALES


def test_no_name_is_the_default_and_a_wrong_one_is_refused():
    assert find_protocol(None) is DEFAULT
    with pytest.raises(ConfigError, match="no protocol 'coco'; known: voc"):
        find_protocol("coco")


@pytest.mark.parametrize(
    ("name", "label_set"),
    [("voc", VOC), ("cityscapes-ms", CITYSCAPES), ("ade20k", ADE20K), ("camvid-void", CAMVID)],
)
def test_a_protocol_takes_its_own_classes_and_no_others(name, label_set):
    PROTOCOLS[name].check(label_set)

    turned = LabelSet(label_set.names[::-1], label_set.palette)
    with pytest.raises(ConfigError, match="the protocol is for"):
        PROTOCOLS[name].check(turned)


def test_ade20k_has_a_form_without_the_class_other():
    PROTOCOLS["ade20k"].check(LabelSet(ADE20K.names[1:], ADE20K.palette[1:]))


def test_the_class_other_of_ade20k_is_ignored_and_nothing_else():
    labels = np.array([[0, 1, 150, 255]], np.uint8)

    scored = PROTOCOLS["ade20k"].scored(labels, ADE20K)
    assert (scored.tolist(), scored.dtype) == ([[255, 1, 150, 255]], np.uint8)
    assert PROTOCOLS["voc"].scored(labels, VOC) is labels


def test_scales_are_those_of_the_published_results():
    assert PROTOCOLS["voc-ms"].scales == PROTOCOLS["ade20k-ms"].scales == VOC_SCALES
    assert PROTOCOLS["cityscapes-ms"].scales == CITYSCAPES_SCALES


def test_multi_scale_forms_differ_from_the_plain_ones_in_their_looks_alone():
    for name in ("voc", "cityscapes", "ade20k"):
        plain, many = PROTOCOLS[name], PROTOCOLS[f"{name}-ms"]
        assert (plain.scales, plain.flip, many.flip) == ((1.0,), False, True)
        assert plain.eval_crop_size == many.eval_crop_size
        assert plain.unscored == many.unscored

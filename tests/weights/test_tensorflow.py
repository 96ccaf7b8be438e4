import numpy as np
import pytest
import torch

import atrous.weights
from atrous.errors import WeightsError
from atrous.weights import from_tensorflow, read_tensorflow_checkpoint
from parity.official import build_official, official_values, pictures
from weights.foreign import write_tf_checkpoint


def test_a_network_is_built_from_its_variables_ready_to_use():
    model = from_tensorflow(official_values("mobilenet_v2"), output_stride=8)
    official, images = build_official("mobilenet_v2", output_stride=8), pictures(1, 33, 46)

    assert not model.training
    with torch.inference_mode():
        torch.testing.assert_close(model(images), official(images))
        assert model(images).shape == (1, 21, 33, 46)
        assert model.logits_at_stride(images).shape == (1, 21, 5, 6)


@pytest.mark.parametrize(
    "variant",
    ["xception_65", "resnet_v1_50_beta", "mobilenet_v2", "mobilenet_v3_small_seg"],
)
def test_the_official_name_of_a_variant_is_accepted_and_another_refused(variant):
    values = official_values(variant, empty=True)

    from_tensorflow(values, variant=variant, output_stride=32)

    with pytest.raises(WeightsError, match=f"asked for 'xception_41'.*{variant[:12]}"):
        from_tensorflow(values, variant="xception_41")


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_checkpoint_is_read_by_its_prefix(tmp_path, as_type):
    values = {"aspp0/weights": np.ones((1, 1, 2, 3), np.float32), "global_step": np.array(7)}
    write_tf_checkpoint(tmp_path / "model.ckpt-7", values)

    found = read_tensorflow_checkpoint(as_type(tmp_path / "model.ckpt-7"))

    assert found.keys() == values.keys()
    np.testing.assert_array_equal(found["aspp0/weights"], values["aspp0/weights"])


def test_a_prefix_without_files_is_refused_with_the_file_to_look_for(tmp_path):
    with pytest.raises(WeightsError, match=r"model\.ckpt: no TensorFlow .*expected model\.ckpt\.i"):
        read_tensorflow_checkpoint(tmp_path / "model.ckpt")


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="no attribute 'from_caffe'"):
        _ = atrous.weights.from_caffe

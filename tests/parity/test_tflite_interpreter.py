"""Published TFLite models, converted, against the interpreter that they are made for."""

import cv2
import numpy as np
import pytest
import torch

from atrous.imaging import read_image
from atrous.weights.convert import convert

FLOAT = "deeplabv3_257_mv_gpu.tflite"
INT8 = "deeplabv3plus_mnv2_ade20k32_int8.tflite"
PHOTOS = ["bird_segmentation.png", "dog_segmentation.png", "kite_and_cold.jpg", "pets.jpg"]


@pytest.fixture(scope="module")
def interpret(shared_weights):
    """What the interpreter gives for a picture: logits (C, H, W), or labels (H, W)."""
    litert = pytest.importorskip(
        "ai_edge_litert.interpreter", reason="the interpreter (ai-edge-litert) is not installed"
    )

    def run(name, images):
        interpreter = litert.Interpreter(str(shared_weights / name))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images[None])
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]

    return run


@pytest.fixture(params=PHOTOS)
def photo(request, shared_weights):
    """A photo stretched to a square of some side, as the apps of these models do."""
    pixels = read_image(shared_weights / "photos" / request.param).pixels

    def square(side):
        # As prediction does: shrunk by areas, enlarged bilinearly.
        smooth = cv2.INTER_AREA if max(pixels.shape[:2]) > side else cv2.INTER_LINEAR
        return cv2.resize(pixels, (side, side), interpolation=smooth)

    return square


def logits_of(path, pixels):
    images = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return convert(path).model(images)[0].numpy()


def test_a_float_model_gives_the_labels_of_the_interpreter(interpret, photo, shared_weights):
    pixels = photo(257)

    logits = logits_of(shared_weights / FLOAT, pixels)

    theirs = interpret(FLOAT, pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)
    # 53 layers sum in another order; logits have a spread of 5 to 7.
    np.testing.assert_allclose(logits, theirs, atol=1e-3)
    np.testing.assert_array_equal(logits.argmax(0), theirs.argmax(0))


def test_an_integer_model_mostly_gives_the_labels_of_the_interpreter(
    interpret, photo, shared_weights
):
    pixels = photo(512)

    logits = logits_of(shared_weights / INT8, pixels)

    # The interpreter also rounds every map to 256 steps, which ours does not.
    assert (logits.argmax(0) == interpret(INT8, pixels)).mean() > 0.9


@pytest.mark.parametrize(
    ("name", "tensors", "architecture"),
    [
        (FLOAT, 110, ("mobilenetv2_050", "deeplabv3", 21, 8, True)),
        (INT8, 120, ("mobilenetv2", "deeplabv3plus", 32, 16, "first")),
    ],
)
def test_a_published_model_is_told_by_its_graph(name, tensors, architecture, shared_weights):
    found = convert(shared_weights / name)

    parts = ("encoder", "decoder", "num_classes", "output_stride", "align_corners")
    assert tuple(found.card.architecture[part] for part in parts) == architecture
    assert (found.tensors, found.skipped) == (tensors, 0)


def test_the_output_stride_that_is_asked_for_wins(shared_weights):
    found = convert(shared_weights / FLOAT, output_stride=16)

    assert found.card.architecture["output_stride"] == 16

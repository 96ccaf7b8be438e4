import numpy as np
import onnx
import onnxruntime
import pytest

from atrous.export.processing import add_processing, fix_size
from atrous.runtime.card import Preprocessing
from atrous.runtime.predictor import normalize
from atrous.runtime.upsample import upsample_labels
from known_network import CARD, write_known_network


def sessions(path, card, *, size=None):
    """The network alone, and with processing."""
    write_known_network(path, card=card, stride=4)
    proto = onnx.load(path)
    add_processing(proto.graph, card)
    if size:
        fix_size(proto.graph, size, (0, 0))
    onnx.checker.check_model(proto)
    contents = path.read_bytes(), proto.SerializeToString()
    return [onnxruntime.InferenceSession(content) for content in contents]


@pytest.mark.parametrize("align_corners", [True, False, "first"])
@pytest.mark.parametrize("bits", [8, 16])
def test_labels_in_the_graph_are_those_of_the_runtime(align_corners, bits, tmp_path):
    preprocessing = Preprocessing(mean=(90, 100, 110), std=(50, 60, 70), bits=bits)
    card = CARD.model_copy(update={"align_corners": align_corners, "preprocessing": preprocessing})
    plain, whole = sessions(tmp_path / "m.onnx", card)
    pixels = np.random.default_rng(0).integers(0, 255, (37, 50, 3)).astype(f"uint{bits}")

    (logits,) = plain.run(None, {"images": normalize(pixels, preprocessing)})
    (labels,) = whole.run(None, {"pixels": pixels[None]})

    assert labels.dtype == np.uint8
    expected = upsample_labels(logits[0], (37, 50), align_corners=align_corners)
    # Two classes that tie within rounding may go either way.
    assert (labels[0] == expected).mean() > 0.999


def test_a_graph_of_one_size_takes_no_other(tmp_path):
    _, whole = sessions(tmp_path / "m.onnx", CARD, size=(16, 24))

    assert whole.get_inputs()[0].shape == [1, 16, 24, 3]
    assert whole.get_outputs()[0].shape == [1, 16, 24]

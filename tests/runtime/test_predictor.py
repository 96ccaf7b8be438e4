import numpy as np
import pytest
from PIL import Image

from atrous.errors import InputError, WeightsError
from atrous.runtime.card import Preprocessing
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.runtime.predictor import Predictor, normalize, prepare, seen_size
from atrous.runtime.upsample import upsample_labels
from known_network import CARD, color_blocks, write_known_network


@pytest.fixture
def predictor(known_network):
    engine = OnnxEngine(known_network)
    return Predictor(engine, engine.card)


def test_a_picture_comes_back_as_its_strongest_colors(predictor):
    pixels, labels = color_blocks()

    result = predictor.predict(pixels)

    np.testing.assert_array_equal(result.mask, labels)
    assert result.shares == pytest.approx({"red": 1 / 3, "green": 1 / 3, "blue": 1 / 3})
    assert result.classes == ("red", "green", "blue")


@pytest.mark.parametrize("eval_crop_size", [None, (70, 90)])
def test_probabilities_come_with_the_same_labels(predictor, eval_crop_size):
    preprocessing = predictor.card.preprocessing.model_copy(
        update={"eval_crop_size": eval_crop_size}
    )
    card = predictor.card.model_copy(update={"preprocessing": preprocessing})
    sized = Predictor(predictor.engine, card)
    pixels, _ = color_blocks()

    labels, confidence = sized.predict_surely(pixels)

    np.testing.assert_array_equal(labels, sized.predict_pixels(pixels))
    assert confidence.shape == labels.shape
    # The likeliest of three classes has at least a third.
    assert 1 / 3 <= confidence.min() <= confidence.max() <= 1


@pytest.mark.parametrize("kind", ["file", "string", "pillow", "array"])
def test_files_images_and_arrays_give_the_same(predictor, color_picture, kind):
    pixels, labels = color_blocks()
    source = {
        "file": color_picture,
        "string": str(color_picture),
        "pillow": Image.fromarray(pixels),
        "array": pixels,
    }[kind]

    np.testing.assert_array_equal(predictor.predict(source).mask, labels)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (8, 8), (33, 34), (700, 500)])
def test_the_mask_has_exactly_the_size_of_the_picture(tmp_path, size):
    card = CARD.model_copy(update={"preprocessing": Preprocessing(longest_side=120)})
    engine = OnnxEngine(write_known_network(tmp_path / "m.onnx", card=card, stride=4))

    mask = Predictor(engine, card).predict(np.full((*size, 3), (9, 9, 90), np.uint8)).mask

    assert mask.shape == size
    assert (mask == 2).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_lies_on_the_picture_as_it_is_displayed(predictor, tmp_path, orientation):
    pixels, labels = color_blocks()
    shown = Image.fromarray(pixels)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that stores it so
    stored = shown.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else shown
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)

    result = predictor.predict(tmp_path / "turned.png")

    np.testing.assert_array_equal(result.mask, labels)


def test_pixels_are_normalized_as_the_card_says():
    pixels = np.full((2, 3, 3), (10, 20, 30), np.uint8)

    images = prepare(pixels, Preprocessing(mean=(10, 10, 10), std=(1, 2, 4)))

    np.testing.assert_allclose(images[0, :, 0, 0], [0, 5, 5])
    assert images.shape == (1, 3, 2, 3)


@pytest.mark.parametrize(
    ("size", "seen"), [((40, 100), (40, 100)), ((300, 150), (100, 50)), ((10, 20), (50, 100))]
)
def test_the_network_sees_every_picture_at_the_longest_side(size, seen):
    images = prepare(np.zeros((*size, 3), np.uint8), Preprocessing(longest_side=100))

    assert images.shape == (1, 3, *seen)


def test_without_a_longest_side_pictures_stay_as_they_are():
    assert prepare(np.zeros((7, 900, 3), np.uint8), Preprocessing()).shape == (1, 3, 7, 900)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(predictor, array):
    with pytest.raises(InputError, match=r"expected \(H, W, 3\) uint8"):
        predictor.predict(array)


def test_values_that_are_not_numbers_are_not_taken_for_a_mask(tmp_path):
    engine = OnnxEngine(write_known_network(tmp_path / "m.onnx", scale=float("nan")))

    with pytest.raises(WeightsError, match="not numbers"):
        Predictor(engine, engine.card).predict(color_blocks()[0])


class WholePicture:
    """An engine whose labels depend on everything the network sees."""

    name = "whole"

    def __init__(self):
        self.seen = []

    def run(self, images):
        self.seen.append(images)
        return images[..., ::4, ::4] + images.mean((2, 3), keepdims=True)


def filled_predictor(engine, size, **changes):
    preprocessing = Preprocessing(eval_crop_size=size, **changes)
    card = CARD.model_copy(update={"preprocessing": preprocessing, "align_corners": True})
    return Predictor(engine, card)


@pytest.mark.parametrize(
    ("size", "crop", "filled"),
    [
        ((40, 30), (65, 97), (65, 97)),
        ((65, 97), (65, 97), (65, 97)),
        ((66, 30), (65, 97), (97, 97)),  # the next multiple of 32 plus 1
        ((1024, 2048), (513, 513), (1025, 2049)),
    ],
)
def test_pictures_are_filled_up_with_the_mean_pixel(size, crop, filled):
    engine = WholePicture()
    pixels = np.full((*size, 3), 255, np.uint8)

    filled_predictor(engine, crop).predict(pixels)

    (images,) = engine.seen
    assert images.shape == (1, 3, *filled)
    assert (images[..., : size[0], : size[1]] == 1).all()
    assert images.sum() == 3 * size[0] * size[1]


def test_labels_are_cut_out_of_those_of_the_filled_picture():
    pixels, _ = color_blocks()
    engine = WholePicture()
    height, width = pixels.shape[:2]

    mask = filled_predictor(engine, (97, 129)).predict(pixels).mask

    logits = engine.run(engine.seen[0])[0]
    whole = upsample_labels(logits, (97, 129), align_corners=True)
    np.testing.assert_array_equal(mask, whole[:height, :width])


def test_labels_of_a_resized_picture_come_back_by_the_nearest_one():
    pixels, _ = color_blocks()
    engine = WholePicture()

    mask = filled_predictor(engine, (97, 97), longest_side=96).predict(pixels).mask

    rows, columns = seen_size(pixels.shape[:2], Preprocessing(longest_side=96))
    whole = upsample_labels(engine.run(engine.seen[0])[0], (97, 97), align_corners=True)
    for y, x in ((0, 0), (pixels.shape[0] - 1, pixels.shape[1] - 1), (7, 11)):
        row = int(y * (rows - 1) / (pixels.shape[0] - 1) + 0.5)
        column = int(x * (columns - 1) / (pixels.shape[1] - 1) + 0.5)
        assert mask[y, x] == whole[row, column]


def test_many_pictures_come_back_in_order(predictor):
    pixels, labels = color_blocks()
    pictures = [np.roll(pixels, shift, axis=1) for shift in range(5)]

    found = list(predictor.predict_many(iter(pictures)))

    assert [picture is given for (given, _), picture in zip(found, pictures, strict=True)]
    for shift, (_, result) in enumerate(found):
        np.testing.assert_array_equal(result.mask, np.roll(labels, shift, axis=1))


def test_of_many_pictures_those_that_fail_are_told_and_the_others_go_on(predictor, color_picture):
    failed = []
    sources = [color_picture, "nowhere.png", color_picture]

    found = list(predictor.predict_many(sources, on_failure=lambda *one: failed.append(one)))

    assert [source for source, _ in found] == [color_picture] * 2
    assert [(source, str(error)) for source, error in failed] == [
        ("nowhere.png", "nowhere.png: no such file")
    ]


def test_without_anyone_to_tell_a_failure_is_raised(predictor):
    with pytest.raises(InputError, match=r"nowhere\.png"):
        list(predictor.predict_many(["nowhere.png"]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_normalizing_rounds_as_the_plain_formula_does(dtype):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (7, 9, 5)).astype(dtype)
    mean, std = np.float32([1, 99.3, 1e4, 0, 127.5]), np.float32([58.4, 1, 3e4, 255, 127.5])

    images = normalize(pixels, Preprocessing(mean=tuple(mean), std=tuple(std)))

    expected = ((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1)
    np.testing.assert_array_equal(images[0], expected)

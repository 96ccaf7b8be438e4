import numpy as np
import pytest
from PIL import Image

from atrous.bands import RGB8
from atrous.data.detect import open_split
from atrous.engine.evaluate import samples_of
from atrous.errors import ConfigError, InputError
from atrous.export.graph import Request
from atrous.export.pictures import as_seen, mean_iou_of, read_some
from atrous.runtime.card import ModelCard, Preprocessing


def test_label_maps_of_a_dataset_are_no_pictures(camvid_like):
    pictures, said = read_some(camvid_like, RGB8, most=3)

    assert len(pictures) == 3
    assert said == f"3 of 4 pictures of {camvid_like}, train"


def test_a_folder_gives_the_same_pictures_each_time(tmp_path):
    for shade in range(5):
        Image.new("RGB", (20, 10), (shade, 0, 0)).save(tmp_path / f"{shade}.png")

    shades = [read_some(tmp_path, RGB8, most=2)[0] for _ in range(2)]

    assert [[int(one[0, 0, 0]) for one in pictures] for pictures in shades] == [[0, 2], [0, 2]]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures in this folder"):
        read_some(tmp_path, RGB8, most=2)


def test_pictures_are_seen_at_the_size_of_the_file_or_of_the_card():
    card = ModelCard(name="m", classes=("a",), preprocessing=Preprocessing(longest_side=64))
    pixels = np.zeros((48, 128, 3), np.uint8)

    assert as_seen(pixels, card, Request()).shape == (24, 64, 3)
    assert as_seen(pixels, card, Request(size=(40, 40))).shape == (40, 40, 3)


@pytest.mark.parametrize(("size", "least"), [(None, 0.98), ((24, 32), 0.75)])
def test_labels_of_a_file_with_processing_are_scored_at_the_size_of_the_picture(
    camvid_like, size, least
):
    split = open_split(camvid_like, "val")
    card = ModelCard(name="m", classes=split.label_set.names)
    request = Request(size=size, processing=True)

    def run(images):
        # Pixels of the made-up set are 20 times the label and noise of up to 23 in each channel.
        return np.minimum(images.min(-1) // 20, 10)

    score = mean_iou_of(run, card, request, split, samples_of(split))

    assert least < score <= 1


def test_the_classes_of_a_dataset_have_to_be_those_of_the_model(camvid_like):
    split = open_split(camvid_like, "val")
    card = ModelCard(name="m", classes=("sky", "road"))

    with pytest.raises(ConfigError, match="the model's 2 classes are not the 11 of the dataset"):
        mean_iou_of(lambda images: images, card, Request(), split, samples_of(split))

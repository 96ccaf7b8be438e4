import tomllib

import numpy as np
import pytest
from PIL import Image

from atrous.data.sample import ImageFile
from atrous.data.write import description_of, whole_folder, write_description, write_pair
from atrous.errors import DatasetError, InputError, ResourceError
from atrous.imaging import read_image, read_labels
from atrous.labels import LabelSet

LABELS = LabelSet(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 7)


class FromArchive:
    """A picture that is no file of its own."""

    path = "shard.tar/a"

    def __init__(self, channels=3):
        self.channels = channels

    def read(self, kind):  # noqa: ARG002, it has its own
        return np.full((4, 6, self.channels), 9, np.uint8)


def test_a_description_says_names_ignored_value_and_palette():
    found = tomllib.loads(description_of(LABELS))

    assert found == {"names": ["sky", "road"], "ignore": 7, "palette": [[0, 0, 255], [90, 90, 90]]}


@pytest.mark.parametrize("name", ['"', "\\", "\x7f", "\n\t", "天空", "a = 1"])
def test_any_class_name_is_read_back(name):
    label_set = LabelSet((name, "road"), ((0, 0, 255), (0, 0, 255)))

    assert tomllib.loads(description_of(label_set))["names"] == [name, "road"]


def test_a_palette_that_tells_classes_not_apart_is_left_out():
    label_set = LabelSet(("sky", "road"), ((0, 0, 255), (0, 0, 255)))

    assert "palette" not in tomllib.loads(description_of(label_set))


def test_notes_stand_on_top_and_the_mapping_at_the_end():
    text = description_of(LABELS, notes=["mended"], label_map=["255 = 1"])

    assert text.startswith("# mended\n")
    assert tomllib.loads(text)["label_map"] == {"255": 1}


def test_an_ignored_value_that_no_file_can_hold_is_refused():
    with pytest.raises(DatasetError, match="ignored pixels are -1, and files hold 0 to 65535"):
        description_of(LabelSet(("a",), ((0, 0, 0),), -1))


def test_a_description_that_is_there_is_kept(tmp_path):
    (tmp_path / "dataset.toml").write_text("mine")

    with pytest.raises(ResourceError, match="is there already"):
        write_description(description_of(LABELS), tmp_path / "dataset.toml")


def test_the_file_of_a_picture_is_copied_byte_for_byte(tmp_path):
    path = tmp_path / "x.jpg"
    Image.fromarray(np.arange(72, dtype=np.uint8).reshape(4, 6, 3)).save(path)
    labels = np.ones((4, 6), np.uint8)

    write_pair("film/x", ImageFile(path), labels, LABELS, tmp_path / "train")

    assert (tmp_path / "train/images/film/x.jpg").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(read_labels(tmp_path / "train/masks/film/x.png"), labels)


def test_a_picture_from_an_archive_is_written_as_png(tmp_path):
    write_pair("a", FromArchive(), np.zeros((4, 6), np.uint8), LABELS, tmp_path)

    assert (read_image(tmp_path / "images/a.png").pixels == 9).all()


def test_a_picture_that_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png: cannot be read any more"):
        write_pair(
            "a", ImageFile(tmp_path / "gone.png"), np.zeros((1, 1), np.uint8), LABELS, tmp_path
        )


def test_a_folder_is_there_only_once_all_is_in_it(tmp_path):
    with whole_folder(tmp_path / "deep" / "out") as folder:
        (folder / "a").write_text("x")
        assert not (tmp_path / "deep" / "out").exists()

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert (tmp_path / "deep" / "out" / "a").read_text() == "x"


@pytest.mark.parametrize("error", [DatasetError("x"), KeyboardInterrupt()])
def test_a_folder_that_was_not_finished_is_gone(error, tmp_path):
    def write_half():
        with whole_folder(tmp_path / "out") as folder:
            (folder / "a").write_text("x")
            raise error

    with pytest.raises(type(error)):
        write_half()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_kept(tmp_path):
    (tmp_path / "out").mkdir()

    with pytest.raises(ResourceError, match="is there already"), whole_folder(tmp_path / "out"):
        pass


def test_pictures_of_other_channels_from_an_archive_become_arrays(tmp_path):
    write_pair("a", FromArchive(5), np.zeros((4, 6), np.uint8), LABELS, tmp_path)

    assert np.load(tmp_path / "images" / "a.npy").shape == (4, 6, 5)

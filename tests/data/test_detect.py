"""Which layout a folder has."""

import pytest
from PIL import Image

from atrous.data import CamVid, PairedFolders
from atrous.data.detect import open_split
from atrous.errors import ConfigError, DatasetError


@pytest.mark.parametrize("layout", ["auto", "camvid"])
def test_camvid_is_known_by_its_folders(camvid_like, layout):
    assert isinstance(open_split(camvid_like, "val", layout=layout), CamVid)


@pytest.mark.parametrize("layout", ["auto", "paired"])
def test_paired_folders_are_known_by_theirs(tmp_path, layout):
    for folder, value in (("images", 0), ("masks", 1)):
        (tmp_path / "train" / folder).mkdir(parents=True)
        Image.new("L", (4, 4), value).save(tmp_path / "train" / folder / "a.png")

    assert isinstance(open_split(tmp_path, "train", layout=layout), PairedFolders)


def test_a_folder_that_fits_no_layout_is_told_what_each_one_missed(tmp_path):
    with pytest.raises(DatasetError, match=r"no known layout fits .* camvid: no .* paired: no "):
        open_split(tmp_path, "train")


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="unknown layout 'voc'; known: auto, camvid, paired"):
        open_split(tmp_path, "train", layout="voc")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no: no such folder"):
        open_split(tmp_path / "no", "train")

"""Any layout, written anew as tar shards."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atrous.data import DATASETS
from atrous.data.detect import detect_layout, open_split, usual_splits
from atrous.data.layout import Split
from atrous.data.sample import ImageFile, LabelFile, Pair, read_pair
from atrous.data.write_shards import write_shards
from atrous.errors import ConfigError, DatasetError, InputError, ResourceError
from atrous.labels import numbered_label_set
from data.foreign_datasets import written

TWO = numbered_label_set(2)


def members(path: Path) -> dict[str, bytes]:
    """An oracle: what the standard library finds in an archive."""
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


def made(folder: Path, count: int, *, ending: str = "png", split: str = "train") -> Split:
    """Pictures that are all their own number."""
    pairs = []
    for index in range(count):
        image, labels = folder / f"{index}.{ending}", folder / f"{index}-labels.png"
        Image.new("RGB", (8, 6), (index, 0, 0)).save(image)
        Image.new("L", (8, 6), index % 2).save(labels)
        pairs.append(Pair(f"film/{index:02d}", ImageFile(image), LabelFile(labels)))
    return Split("paired", split, TWO, tuple(pairs))


def sharded(splits: list[Split], out: Path, **options: int) -> list[dict[str, bytes]]:
    list(write_shards(splits, out, **options))
    return [members(path) for path in sorted(out.glob("*.tar"))]


@pytest.mark.parametrize("layout", DATASETS)
def test_what_was_written_is_read_back_pixel_by_pixel(tmp_path, layout):
    root, out = written(tmp_path, layout), tmp_path / "out"
    splits = [open_split(root, split, layout=layout) for split in ("train", "val")]
    list(write_shards(splits, out, max_pairs=2))

    assert detect_layout(out)[0] == "webdataset"
    assert usual_splits(out) == tuple(sorted(split.name for split in splits))
    for split in splits:
        copy = open_split(out, split.name)
        found = {pair.name.split("/", 1)[1]: read_pair(pair, copy.label_set) for pair in copy.pairs}
        assert copy.label_set == split.label_set
        assert len(found) == len(split.pairs)
        for pair in split.pairs:
            expected = read_pair(pair, split.label_set)
            np.testing.assert_array_equal(found[pair.name].labels, expected.labels)
            np.testing.assert_array_equal(found[pair.name].image, expected.image)


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_pictures_of_known_formats_are_copied_byte_by_byte(tmp_path, ending):
    (shard,) = sharded([made(tmp_path, 1, ending=ending)], tmp_path / "out")

    assert list(shard) == [f"film/00.{ending}", "film/00.seg.png"]
    assert shard[f"film/00.{ending}"] == (tmp_path / f"0.{ending}").read_bytes()


def test_the_content_of_a_picture_says_its_format_and_not_its_name(tmp_path):
    split = made(tmp_path, 1, ending="jpg")
    Image.new("RGB", (8, 6)).save(tmp_path / "0.jpg", format="PNG")

    (shard,) = sharded([split], tmp_path / "out")
    assert "film/00.png" in shard


def test_pictures_of_other_formats_become_png_with_the_same_pixels(tmp_path):
    (shard,) = sharded([made(tmp_path, 2, ending="bmp")], tmp_path / "out")

    pixels = np.asarray(Image.open(io.BytesIO(shard["film/01.png"])))
    assert (pixels == (1, 0, 0)).all()


def test_shards_hold_the_same_number_of_pairs_or_one_less_and_all_of_them(tmp_path):
    shards = sharded([made(tmp_path, 7)], tmp_path / "out", max_pairs=3)

    assert [len(shard) // 2 for shard in shards] == [3, 2, 2]
    assert len({name for shard in shards for name in shard}) == 14


def test_a_shard_is_closed_once_it_is_full(tmp_path):
    list(write_shards([made(tmp_path, 12)], tmp_path / "out", max_bytes=6000))

    # A pair is two headers and two contents, each filled up to 512 bytes.
    assert [len(members(path)) // 2 for path in sorted((tmp_path / "out").glob("*.tar"))] == [3] * 4


def test_neighbours_are_dealt_to_different_places_the_same_way_each_time(tmp_path):
    split = made(tmp_path, 12)
    (first,) = sharded([split], tmp_path / "first")
    sharded([Split("paired", "train", TWO, split.pairs[::-1])], tmp_path / "again")
    (other,) = sharded([split], tmp_path / "other", seed=1)

    archives = [(tmp_path / name / "train-000000.tar").read_bytes() for name in ("first", "again")]
    assert archives[0] == archives[1]
    assert list(first) != sorted(first)
    assert list(first) != list(other)
    assert sorted(first) == sorted(other)


def test_archives_say_nothing_of_time_and_owner(tmp_path):
    sharded([made(tmp_path, 1)], tmp_path / "out")

    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in tar} == {
            (0, 0, "", 0o644)
        }


def test_train_aug_stays_apart_from_train(tmp_path):
    splits = [made(tmp_path, 3, split="train"), made(tmp_path, 5, split="train_aug")]
    sharded(splits, tmp_path / "out")

    assert len(open_split(tmp_path / "out", "train").pairs) == 3
    assert len(open_split(tmp_path / "out", "train_aug").pairs) == 5


def test_a_split_that_would_not_be_found_again_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="split 'fold1' would not be found again; known names"):
        sharded([made(tmp_path, 1, split="fold1")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a.b/c.d", "ä/天空", "x" * 300, "half \udce4"])
def test_any_name_is_found_again_without_its_dots(tmp_path, name):
    (pair,) = made(tmp_path, 1).pairs
    named = Pair(name, pair.image, pair.labels)
    sharded([Split("paired", "val", TWO, (named,))], tmp_path / "out")

    (found,) = open_split(tmp_path / "out", "val").pairs
    assert found.name == f"val-000000/{name.replace('.', '_')}"


def test_names_that_differ_in_dots_alone_are_refused_before_anything_is_written(tmp_path):
    one, other = made(tmp_path, 2).pairs
    pairs = (Pair("a.b", one.image, one.labels), Pair("a_b", other.image, other.labels))

    with pytest.raises(DatasetError, match=r"1\.png: would have the name of .*0\.png in a shard"):
        sharded([Split("paired", "val", TWO, pairs)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [b"no picture", None])
def test_a_picture_that_cannot_be_read_leaves_no_shards(tmp_path, damage):
    split = made(tmp_path, 3)
    (tmp_path / "1.png").write_bytes(damage) if damage else (tmp_path / "1.png").unlink()

    with pytest.raises(InputError, match=r"1\.png: "):
        sharded([split], tmp_path / "out", max_pairs=1)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_shards_are_never_written_over(tmp_path):
    (tmp_path / "out").mkdir()

    with pytest.raises(ResourceError, match="is there already"):
        sharded([made(tmp_path, 1)], tmp_path / "out")


def test_channels_and_bits_are_kept(tmp_path):
    bands = np.arange(6 * 8 * 4, dtype=np.uint16).reshape(6, 8, 4) * 300
    np.save(tmp_path / "0.npy", bands)
    Image.new("L", (8, 6), 1).save(tmp_path / "0-labels.png")
    pair = Pair("film/0", ImageFile(tmp_path / "0.npy"), LabelFile(tmp_path / "0-labels.png"))
    sharded([Split("paired", "train", TWO, (pair,))], tmp_path / "out")

    copy = open_split(tmp_path / "out", "train")
    found = read_pair(copy.pairs[0], copy.label_set, None)
    np.testing.assert_array_equal(found.image, bands)

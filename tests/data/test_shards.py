"""Tar shards of WebDataset, read in place."""

import io
import pickle
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from atrous.data.detect import list_split, open_split
from atrous.data.loader import Normalization, Samples, StepSampler, training_batches
from atrous.data.sample import read_pair
from atrous.data.shards import split_of_stem
from atrous.errors import DatasetError, InputError
from data.foreign_datasets import written


def png(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 3), value).save(file, format="PNG")
    return file.getvalue()


def shard(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_member_is_called_by_its_archive_and_its_name(tmp_path):
    root = written(tmp_path, "webdataset")

    pair = open_split(root, "val").pairs[0]

    assert pair.image.path == root / "val-000000.tar" / "d.jpg"
    assert pair.labels.path == root / "val-000000.tar" / "d.seg.png"


@pytest.mark.parametrize("key", ["mask.png", "label.png", "png"])
def test_labels_are_found_under_their_usual_keys(tmp_path, key):
    shard(tmp_path / "train" / "0.tar", {"a.jpg": png(1), f"a.{key}": png(1)})

    opened = open_split(tmp_path, "train")
    assert read_pair(opened.pairs[0], opened.label_set).labels.max() == 1


def test_members_without_a_partner_are_faults(tmp_path):
    shard(tmp_path / "train-0.tar", {"a.jpg": png(0), "b.seg.png": png(1), "c.txt": b"note"})

    faults = list_split(tmp_path, "train").faults
    assert [(fault.kind, fault.path.name) for fault in faults] == [
        ("no labels", "a.jpg"),
        ("no picture", "b.seg.png"),
    ]


def test_names_out_of_the_archive_write_nothing_and_are_read_in_place(tmp_path):
    shard(tmp_path / "train-0.tar", {"../../a.jpg": png(0), "../../a.seg.png": png(1)})

    opened = open_split(tmp_path, "train")
    assert read_pair(opened.pairs[0], opened.label_set).labels.max() == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["train-0.tar"]


def test_the_name_of_a_pair_leads_nowhere(tmp_path):
    names = ("x/../../../a", "/etc/b")
    files = {f"{name}.{key}": png(1) for name in names for key in ("jpg", "seg.png")}
    shard(tmp_path / "train-0.tar", files)

    pairs = open_split(tmp_path, "train").pairs
    assert [pair.name for pair in pairs] == ["train-0/x/a", "train-0/etc/b"]


def test_links_in_an_archive_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "train-0.tar", "w") as tar:
        for name in ("a.jpg", "a.seg.png"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            tar.addfile(member)

    with pytest.raises(DatasetError, match="holds no pictures"):
        open_split(tmp_path, "train")


def test_a_damaged_member_is_named_with_its_archive(tmp_path):
    shard(tmp_path / "train-0.tar", {"a.jpg": b"no picture", "a.seg.png": png(1)})
    opened = open_split(tmp_path, "train")

    with pytest.raises(InputError, match=r"train-0\.tar/a\.jpg: not a picture"):
        read_pair(opened.pairs[0], opened.label_set)


def test_an_archive_that_was_cut_after_it_was_listed_is_named(tmp_path):
    path = shard(tmp_path / "train-0.tar", {"a.jpg": png(0), "a.seg.png": png(1)})
    opened = open_split(tmp_path, "train")
    path.write_bytes(path.read_bytes()[:600])

    with pytest.raises(InputError, match="is cut short"):
        read_pair(opened.pairs[0], opened.label_set)


def test_a_compressed_archive_is_refused(tmp_path):
    with tarfile.open(tmp_path / "train-0.tar", "w:gz"):
        pass

    with pytest.raises(DatasetError, match=r"train-0\.tar: not a tar archive, or compressed"):
        open_split(tmp_path, "train")


def test_pairs_travel_to_workers_as_places_not_pixels(tmp_path):
    root = written(tmp_path, "webdataset")

    assert len(pickle.dumps(open_split(root, "train").pairs)) < 2000


def test_several_processes_read_the_same_batches_as_one(tmp_path):
    opened = open_split(written(tmp_path, "webdataset"), "train")
    samples = Samples(opened, seed=0, normalization=Normalization(), augment=None)
    steps = StepSampler(len(samples), seed=5, batch_size=1)
    alone = list(training_batches(samples, steps, workers=0))
    together = list(training_batches(samples, steps, workers=2))

    torch.testing.assert_close(alone, together, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("train-000000", "train"),
        ("train_aug-000000", "train_aug"),
        ("train_part3", "train"),
        ("training", "training"),
        ("val.of.5", "val"),
        ("trainer-0", ""),
        ("cars-train-0", ""),
    ],
)
def test_the_name_of_an_archive_begins_with_its_split(stem, split):
    assert split_of_stem(stem) == split

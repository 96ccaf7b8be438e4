import gzip
import tarfile

import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.formats import files
from atrous.weights.formats.tf_archive import find_archive, read_archive
from weights.foreign import write_tf_checkpoint
from weights.foreign_graphs import write_frozen_graph

CHECKPOINT = {"net/weights": np.ones((1, 1, 2, 3), np.float32)}
GRAPH = {"net/weights": np.zeros((1, 1, 2, 3), np.float32)}


@pytest.fixture
def pack(tmp_path):
    """An archive of a checkpoint ``model.ckpt``, one more ``other``, and a frozen graph."""
    folder = tmp_path / "deeplab"
    folder.mkdir()
    write_tf_checkpoint(folder / "model.ckpt", CHECKPOINT)
    write_tf_checkpoint(folder / "other", CHECKPOINT)
    write_frozen_graph(folder / "frozen_inference_graph.pb", GRAPH)

    def write(*patterns):
        with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
            for pattern in patterns:
                for file in sorted(folder.glob(pattern)):
                    archive.add(file, f"deeplab/{file.name}")
        return tmp_path / "x.tar.gz"

    return write


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [(("model*", "*.pb"), CHECKPOINT), (("*.pb", "model*"), CHECKPOINT), (("*.pb",), GRAPH)],
)
def test_the_checkpoint_comes_before_the_graph(patterns, expected, pack):
    found = read_archive(pack(*patterns)).values

    np.testing.assert_array_equal(found["net/weights"], expected["net/weights"])


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [
        ((), "has neither a checkpoint"),
        (("*.index",), r"several checkpoints \(model.ckpt.index, other.index\)"),
        (("model*.index",), "model.ckpt.data-00000-of-00001: the archive has no such member"),
        (("*.pb", "*.pb"), "two of its members are called frozen_inference_graph.pb"),
    ],
)
def test_what_an_archive_lacks_is_said(patterns, sentence, pack):
    with pytest.raises(WeightsError, match=rf"x\.tar\.gz.*{sentence}"):
        read_archive(pack(*patterns))


def test_an_archive_that_unpacks_to_more_than_any_network_is_refused(pack, monkeypatch):
    monkeypatch.setattr(files, "_MAX_UNPACKED", 1000)

    with pytest.raises(WeightsError, match="it unpacks to more than 1000 bytes"):
        read_archive(pack("*.pb"))


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(b"x")
    link = tarfile.TarInfo("frozen_inference_graph.pb")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.addfile(link)

    with pytest.raises(WeightsError, match="has neither a checkpoint"):
        read_archive(tmp_path / "x.tar.gz")


@pytest.mark.parametrize(
    "content", [b"", b"garbage", gzip.compress(b"garbage", mtime=0)], ids=["empty", "text", "gzip"]
)
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "x.tgz").write_bytes(content)

    with pytest.raises(WeightsError, match=r"x\.tgz: (cannot be unpacked|has neither)"):
        read_archive(find_archive(tmp_path / "x.tgz"))


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"x\.tgz: cannot be unpacked .*No such file"):
        read_archive(tmp_path / "x.tgz")


def test_a_changed_byte_behind_the_last_member_is_found_by_gzips_checksum(pack):
    archive = pack("model*")
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1
    archive.write_bytes(content)

    with pytest.raises(WeightsError, match=r"x\.tar\.gz: cannot be unpacked"):
        read_archive(archive)


def test_links_are_never_followed(pack, tmp_path):
    archive = pack("model*.index")
    with tarfile.open(tmp_path / "y.tar.gz", "w:gz") as linked, tarfile.open(archive) as first:
        for member in first.getmembers():
            linked.addfile(member, first.extractfile(member))
        link = tarfile.TarInfo("deeplab/model.ckpt.data-00000-of-00001")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        linked.addfile(link)

    with pytest.raises(WeightsError, match="the archive has no such member"):
        read_archive(tmp_path / "y.tar.gz")

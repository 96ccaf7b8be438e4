import gzip
import io
import tarfile
from pathlib import Path

import pytest

from atrous.errors import ResourceError, WeightsError
from atrous.weights import store
from atrous.weights.catalogue import CHECKPOINTS
from atrous.weights.store import archive_path, cache_folder, unpack, unpacked

NAME = "mobilenetv2_coco_voc_trainaug"
CHECKPOINT = {
    "x/model.ckpt-30000.index": b"index",
    "x/model.ckpt-30000.data-00000-of-00001": b"d" * 3_000_000,
}
EXTRA = {"x/frozen_inference_graph.pb": b"graph", "x/export.meta": b"meta"}


def write_archive(path, files, *, links=(), format=tarfile.GNU_FORMAT):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", format=format) as archive:
        folder = tarfile.TarInfo("x")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return path


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_checkpoint_comes_out_and_the_rest_is_named(format, tmp_path):
    archive = write_archive(tmp_path / "a.tar.gz", EXTRA | CHECKPOINT, format=format)

    left_out = unpack(archive, tmp_path / "out")

    assert left_out == tuple(EXTRA)
    found = {f"x/{path.name}": path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == CHECKPOINT


@pytest.mark.parametrize("folder", ["../..", "/etc", "x/../../y"])
def test_folders_that_an_archive_names_do_not_count(folder, tmp_path):
    files = {name.replace("x", folder, 1): content for name, content in CHECKPOINT.items()}
    archive = write_archive(tmp_path / "deep" / "a.tar.gz", files)

    unpack(archive, tmp_path / "deep" / "out")

    outside = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in (tmp_path / "deep" / "out").iterdir()} == outside - {"a.tar.gz"}


def test_links_are_never_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    files = {"x/m.index": b"i"}
    links = [("x/m.data-00000-of-00001", str(secret))]
    archive = write_archive(tmp_path / "a.tar.gz", files, links=links)

    with pytest.raises(WeightsError, match=r"expected one checkpoint.*, found m\.index"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "found none"),
        (EXTRA, "found none"),
        ({"x" * 101 + name: content for name, content in CHECKPOINT.items()}, "found none"),
        (CHECKPOINT | {"x/other.index": b"i"}, "expected one checkpoint"),
        (CHECKPOINT | {"y/model.ckpt-30000.index": b"i"}, r"has two files model\.ckpt-30000"),
    ],
)
def test_anything_but_one_checkpoint_is_refused(files, reason, tmp_path):
    archive = write_archive(tmp_path / "a.tar.gz", files)

    with pytest.raises(WeightsError, match=reason):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("limit", ["MAX_MEMBER_BYTES", "MAX_ARCHIVE_BYTES"])
def test_what_unpacks_to_too_much_is_refused(limit, tmp_path, monkeypatch):
    monkeypatch.setattr(store, limit, 2_000_000)
    archive = write_archive(tmp_path / "a.tar.gz", CHECKPOINT)

    with pytest.raises(WeightsError, match=r"[23]000000 bytes"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_zeros_without_end_behind_an_archive_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MAX_ARCHIVE_BYTES", 4_000_000)
    archive = write_archive(tmp_path / "a.tar.gz", CHECKPOINT)
    archive.write_bytes(archive.read_bytes() + gzip.compress(bytes(5_000_000)))

    with pytest.raises(WeightsError, match="unpacks to more than 4000000 bytes"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kept", [0, 5, 30, 200, -9])
def test_a_cut_archive_is_refused(kept, tmp_path):
    archive = write_archive(tmp_path / "a.tar.gz", CHECKPOINT)
    archive.write_bytes(archive.read_bytes()[:kept])

    with pytest.raises(WeightsError, match=r"a\.tar\.gz: "):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_changed_byte_is_found_by_the_checksum(tmp_path):
    archive = write_archive(tmp_path / "a.tar.gz", CHECKPOINT)
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1  # in gzip's own checksum
    archive.write_bytes(content)

    with pytest.raises(WeightsError, match=r"not a whole \.tar\.gz archive"):
        unpack(archive, tmp_path / "out")


def test_what_is_no_tar_is_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(b"not a header" * 100))

    with pytest.raises(WeightsError, match=r"not a whole \.tar\.gz archive"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_folder_that_is_there_is_kept(tmp_path):
    (tmp_path / "out").mkdir()

    with pytest.raises(ResourceError, match="is there already"):
        unpack(write_archive(tmp_path / "a.tar.gz", CHECKPOINT), tmp_path / "out")


def test_an_archive_in_the_cache_is_unpacked_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path))
    archive = write_archive(archive_path(CHECKPOINTS[NAME]), CHECKPOINT)

    folder = unpacked(NAME, CHECKPOINTS[NAME])
    archive.unlink()

    assert unpacked(NAME, CHECKPOINTS[NAME]) == folder
    assert {path.suffix for path in folder.iterdir()} == {".index", ".data-00000-of-00001"}


def test_an_archive_that_is_not_there_is_said_with_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path))

    with pytest.raises(WeightsError, match=r"get http://download\.tensorflow\.org/.* and put it"):
        unpacked(NAME, CHECKPOINTS[NAME])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ATROUS_HOME": "/a", "XDG_CACHE_HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/atrous"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/atrous"),
        ({}, "/home/me/.cache/atrous"),
    ],
)
def test_the_cache_is_where_the_user_says(variables, expected, monkeypatch):
    for name in ("ATROUS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/me"} | variables).items():
        monkeypatch.setenv(name, value)

    assert cache_folder() == Path(expected)

import hashlib

import pytest

from atrous.errors import ResourceError, WeightsError
from atrous.weights.zoo.download import check, download
from weights.archive_server import CONTENT, Habits, serve


def test_a_file_comes_whole_with_its_digest_beside_it(tmp_path):
    path, seen = tmp_path / "cache" / "a.tar.gz", []

    with serve(Habits()) as address:
        digest = download(address, path, on_progress=lambda *step: seen.append(step))

    assert path.read_bytes() == CONTENT
    assert digest == hashlib.sha256(CONTENT).hexdigest() == check(path)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(file.name for file in path.parent.iterdir()) == ["a.tar.gz", "a.tar.gz.sha256"]


def test_a_cut_is_told_and_the_next_try_goes_on_where_it_was(tmp_path):
    path, part = tmp_path / "a.tar.gz", tmp_path / "a.tar.gz.part"

    with (
        serve(Habits(cut_at=1000)) as address,
        pytest.raises(WeightsError, match=r"sent 1000 of 2304000 bytes; run this again to go on"),
    ):
        download(address, path)
    assert not path.exists()
    assert part.read_bytes() == CONTENT[:1000]

    habits = Habits()
    with serve(habits) as address:
        download(address, path)
    assert habits.asked == ["bytes=1000-"]
    assert path.read_bytes() == CONTENT
    assert not part.exists()


def test_a_file_of_another_size_than_was_said_gets_no_name(tmp_path):
    with (
        serve(Habits(claimed=len(CONTENT) + 100)) as address,
        pytest.raises(WeightsError, match="sent 2304000 of 2304100 bytes"),
    ):
        download(address, tmp_path / "a.tar.gz")

    assert not (tmp_path / "a.tar.gz").exists()


def test_a_server_that_ignores_ranges_is_read_from_the_start(tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(b"something else")

    with serve(Habits(ranges=False)) as address:
        download(address, tmp_path / "a.tar.gz")

    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT + b"more")

    with serve(Habits()) as address:
        download(address, tmp_path / "a.tar.gz")

    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_server_that_goes_on_elsewhere_is_refused(tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT[:10])

    with (
        serve(Habits(shift=5)) as address,
        pytest.raises(WeightsError, match="goes on at another byte than was asked for"),
    ):
        download(address, tmp_path / "a.tar.gz")


def test_a_file_larger_than_expected_is_refused_before_it_comes(tmp_path):
    with serve(Habits()) as address, pytest.raises(WeightsError, match="more than the 99 expected"):
        download(address, tmp_path / "a.tar.gz", max_bytes=99)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_said(tmp_path):
    with (
        serve(Habits(status=404)) as address,
        pytest.raises(WeightsError, match=r"a\.tar\.gz: the server says 404 Not Found"),
    ):
        download(address, tmp_path / "a.tar.gz")


def test_without_a_network_the_message_says_so(tmp_path):
    with serve(Habits()) as address:
        pass  # the server is gone

    with pytest.raises(ResourceError, match="cannot be reached"):
        download(address, tmp_path / "a.tar.gz")


def test_a_file_that_is_there_is_kept(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(b"precious")

    with pytest.raises(ResourceError, match="is there already; nothing was fetched"):
        download("http://127.0.0.1:1/a.tar.gz", tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == b"precious"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(ResourceError, match="cannot be written"):
        download("http://127.0.0.1:1/a.tar.gz", tmp_path / "file" / "a.tar.gz")


def test_other_addresses_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="only http and https"):
        download("file:///etc/passwd", tmp_path / "a.tar.gz")


def test_a_file_that_changed_since_it_came_is_told(tmp_path):
    with serve(Habits()) as address:
        download(address, tmp_path / "a.tar.gz")
    (tmp_path / "a.tar.gz").write_bytes(CONTENT[1:])

    with pytest.raises(WeightsError, match="is not what was downloaded"):
        check(tmp_path / "a.tar.gz")


def test_a_file_without_a_digest_beside_it_is_taken_as_it_is(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(b"put here by hand")

    assert check(tmp_path / "a.tar.gz") == hashlib.sha256(b"put here by hand").hexdigest()

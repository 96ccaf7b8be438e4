import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.errors import InputError
from atrous.runtime.sources import Shard, Sources, find_pictures


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(found) -> list[str]:
    return [picture.name.as_posix() for picture in found]


def test_a_folder_gives_its_pictures_and_videos_and_keeps_its_tree(tmp_path):
    touch(tmp_path, "b.JPG", "a/c.png", "a.mp4", "notes.txt", ".hidden.png", "._b.jpg", "Thumbs.db")

    assert names(find_pictures(str(tmp_path))) == ["a/c", "a", "b"]


def test_results_inside_the_folder_are_not_taken_for_pictures(tmp_path):
    touch(tmp_path, "a.png", "out/a.mask.png")

    assert names(find_pictures(str(tmp_path), leave_out=tmp_path / "out")) == ["a"]
    assert names(find_pictures(f"{tmp_path}/**/*.png", leave_out=tmp_path / "out")) == ["a"]


def test_results_among_the_pictures_are_refused(tmp_path):
    touch(tmp_path, "a.png")

    with pytest.raises(InputError, match="give another folder, -o"):
        list(find_pictures(str(tmp_path), leave_out=tmp_path))


def test_results_may_go_to_the_folder_above(tmp_path):
    touch(tmp_path, "in/a.png")

    assert names(find_pictures(str(tmp_path / "in"), leave_out=tmp_path)) == ["a"]


def test_a_pattern_gives_names_below_its_fixed_part(tmp_path):
    touch(tmp_path, "x/1.png", "y/1.png", "y/2.txt")

    assert names(find_pictures(f"{tmp_path}/*/*")) == ["x/1", "y/1"]


@pytest.mark.parametrize("pattern", ["**/*.png", "**", "x**/*"])
def test_two_stars_stand_for_any_folders(tmp_path, pattern):
    touch(tmp_path, "x/1.png")

    assert [name.split("/")[-1] for name in names(find_pictures(f"{tmp_path}/{pattern}"))] == ["1"]


def test_links_that_lead_around_in_circles_are_not_followed(tmp_path):
    touch(tmp_path, "a/1.png")
    for name in ("x", "y"):  # two of them: a walk would branch at each step
        (tmp_path / "a" / name).symlink_to(tmp_path, target_is_directory=True)

    assert names(find_pictures(str(tmp_path))) == ["a/1"]
    assert names(find_pictures(f"{tmp_path}/**/*.png")) == ["a/1"]


def test_a_file_is_taken_whatever_its_ending(tmp_path):
    touch(tmp_path, "photo")

    assert names(find_pictures(str(tmp_path / "photo"))) == ["photo"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    touch(tmp_path, "a[1].png")

    assert names(find_pictures(str(tmp_path / "a[1].png"))) == ["a[1]"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "no pictures in this folder"),
        ("none.png", "no such file"),
        ("*.png", "no picture fits"),
        ("empty.txt", "this list names no picture"),
        ("x" * 5000, "no such file"),
        ("nul\0byte", "no such file"),
    ],
)
def test_what_gives_no_picture_is_said(tmp_path, source, reason):
    (tmp_path / "empty.txt").write_text("\n\n")

    with pytest.raises(InputError, match=reason):
        list(find_pictures(f"{tmp_path}/{source}"))


@pytest.mark.parametrize("source", ["list.txt", "@pictures"])
def test_a_list_has_a_path_a_line_from_where_it_lies(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    (tmp_path / source.removeprefix("@")).write_text("b/2.jpg\n\n../up/1.png\r\n/abs/c.mp4\n..\n")

    found = list(find_pictures(source))

    paths = [str(picture.path) for picture in found]
    assert paths == ["b/2.jpg", "../up/1.png", "/abs/c.mp4", ".."]
    assert names(found)[:3] == ["b/2", "up/1", "abs/c"]
    assert [picture.is_video for picture in found] == [False, False, True, False]


def test_a_list_with_zero_bytes_holds_any_name(tmp_path):
    strange = ["new\nline.png", os.fsdecode(b"\xff\xfe.png"), "#1.png"]
    (tmp_path / "l.txt").write_bytes(b"\0".join(map(os.fsencode, strange)) + b"\0")

    found = [picture.path.name for picture in find_pictures(str(tmp_path / "l.txt"))]

    assert found == strange


def test_a_file_without_lines_is_no_list(tmp_path):
    (tmp_path / "l.txt").write_bytes(b"x" * 200_000)

    with pytest.raises(InputError, match="lines too long for a path"):
        list(find_pictures(str(tmp_path / "l.txt")))


def test_a_long_list_streams(tmp_path):
    listed = tmp_path / "l.txt"
    listed.write_text("".join(f"{index % 10}/{index}.png\n" for index in range(5_000)))

    Sources([str(listed)])  # what numpy imports when it is first used does not count

    tracemalloc.start()
    sources = Sources([str(listed)])
    kept = tracemalloc.get_traced_memory()[0]
    held = list(sources)
    everything = tracemalloc.get_traced_memory()[0] - kept
    tracemalloc.stop()

    assert len(held) == 5_000
    assert kept < everything / 4  # nothing of each line


def test_pictures_of_one_stem_are_told_apart_by_their_endings(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "b.png")

    assert names(Sources([str(tmp_path)])) == ["a.jpg", "a.png", "b"]


def test_a_picture_named_twice_is_done_once(tmp_path):
    touch(tmp_path, "a.png")
    sources = Sources([str(tmp_path), str(tmp_path / "a.png")])

    assert names(sources) == ["a"]
    assert len(sources) == 1


def test_pictures_that_cannot_be_told_apart_are_refused(tmp_path):
    touch(tmp_path, "x/a.png", "y/a.png")

    with pytest.raises(InputError, match=r"x/a.png and .*y/a.png would have the same names"):
        Sources([f"{tmp_path}/x/a.png", f"{tmp_path}/y/a.png"])


def test_arguments_that_name_nothing_are_told_and_the_others_go_on(tmp_path):
    touch(tmp_path, "a.png")
    sources = Sources([str(tmp_path / "none.png"), str(tmp_path / "a.png")])

    assert names(sources) == ["a"]
    assert [source for source, _ in sources.failed] == [str(tmp_path / "none.png")]


@given(pictures=st.integers(1, 40), count=st.integers(1, 12))
def test_shards_share_all_pictures_and_no_picture_twice(tmp_path_factory, pictures, count):
    root = tmp_path_factory.mktemp("shards")
    (root / "l.txt").write_text("".join(f"{index}.png\n" for index in range(pictures)))

    shards = [Sources([f"{root}/l.txt"], shard=Shard(i, count)) for i in range(1, count + 1)]

    dealt = [name for shard in shards for name in names(shard)]
    assert sorted(dealt) == sorted(names(Sources([f"{root}/l.txt"])))
    sizes = [len(shard) for shard in shards]
    assert sizes == [len(list(shard)) for shard in shards]
    assert max(sizes) - min(sizes) <= 1

from pathlib import Path

import pytest

from atrous.errors import InputError
from atrous.runtime.sources import distinct_names, find_pictures


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(found) -> list[str]:
    return [picture.name.as_posix() for picture in found]


def test_a_folder_gives_its_pictures_and_keeps_its_tree(tmp_path):
    touch(tmp_path, "b.JPG", "a/c.png", "notes.txt", ".hidden.png", "._b.jpg", "Thumbs.db")

    assert names(find_pictures(str(tmp_path))) == ["a/c", "b"]


def test_results_inside_the_folder_are_not_taken_for_pictures(tmp_path):
    touch(tmp_path, "a.png", "out/a.mask.png")

    assert names(find_pictures(str(tmp_path), leave_out=tmp_path / "out")) == ["a"]


def test_a_pattern_gives_names_below_its_fixed_part(tmp_path):
    touch(tmp_path, "x/1.png", "y/1.png", "y/2.txt")

    assert names(find_pictures(f"{tmp_path}/*/*")) == ["x/1", "y/1"]


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
    ],
)
def test_what_gives_no_picture_is_said(tmp_path, source, reason):
    with pytest.raises(InputError, match=reason):
        find_pictures(f"{tmp_path}/{source}")


def test_pictures_of_one_stem_are_told_apart_by_their_endings(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "b.png")

    assert names(distinct_names(find_pictures(str(tmp_path)))) == ["a.jpg", "a.png", "b"]


def test_a_picture_named_twice_is_done_once(tmp_path):
    touch(tmp_path, "a.png")
    twice = (*find_pictures(str(tmp_path)), *find_pictures(str(tmp_path / "a.png")))

    assert names(distinct_names(twice)) == ["a"]


def test_pictures_that_cannot_be_told_apart_are_refused(tmp_path):
    touch(tmp_path, "x/a.png", "y/a.png")
    clashing = (*find_pictures(f"{tmp_path}/x/a.png"), *find_pictures(f"{tmp_path}/y/a.png"))

    with pytest.raises(InputError, match="would have the same names"):
        distinct_names(clashing)

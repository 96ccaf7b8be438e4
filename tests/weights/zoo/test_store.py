from pathlib import Path

import pytest

from atrous.errors import WeightsError
from atrous.weights.zoo.catalogue import CHECKPOINTS
from atrous.weights.zoo.store import archive_path, cache_folder, downloaded

NAME = "mobilenetv2_coco_voc_trainaug"


def test_an_archive_that_is_there_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path))
    archive = archive_path(CHECKPOINTS[NAME])
    archive.parent.mkdir()
    archive.touch()

    assert downloaded(NAME, CHECKPOINTS[NAME]) == archive


def test_an_archive_that_is_not_there_is_said_with_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path))

    with pytest.raises(WeightsError, match=r"get http://download\.tensorflow\.org/.* and put it"):
        downloaded(NAME, CHECKPOINTS[NAME])


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

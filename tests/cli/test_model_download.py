import hashlib
import json

import pytest

from atrous.cli.main import main
from atrous.weights.zoo.catalogue import Checkpoint
from weights.archive_server import CONTENT, Habits, serve

NAME = "xception41_imagenet"
ARCHIVE = "xception_41_2018_05_09.tar.gz"


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def published_at(monkeypatch, address):
    monkeypatch.setattr(Checkpoint, "address", property(lambda _self: address))


def test_an_archive_comes_into_the_cache_with_its_digest_shown(home, monkeypatch, capsys):
    with serve(Habits()) as address:
        published_at(monkeypatch, address)
        assert run("model", "download", NAME) == 0

    out = capsys.readouterr().out
    assert (home / "archives" / ARCHIVE).read_bytes() == CONTENT
    assert hashlib.sha256(CONTENT).hexdigest() in out


def test_a_second_time_nothing_is_fetched(home, monkeypatch, capsys):
    habits = Habits()
    with serve(habits) as address:
        published_at(monkeypatch, address)
        for fetched in (True, False):
            assert run("model", "download", NAME, "--json") == 0
            assert json.loads(capsys.readouterr().out)["result"]["fetched"] == fetched

    assert len(habits.asked) == 1


def test_another_folder_can_be_named(tmp_path, monkeypatch):
    with serve(Habits()) as address:
        published_at(monkeypatch, address)
        assert run("model", "download", NAME, "--to", tmp_path / "here") == 0

    assert (tmp_path / "here" / ARCHIVE).is_file()


def test_without_a_network_it_is_said_what_to_put_where(home, monkeypatch, capsys):
    with serve(Habits()) as address:
        published_at(monkeypatch, address)

    assert run("model", "download", NAME) == 6
    err = capsys.readouterr().err
    assert "On a machine without a network: get http://" in err
    assert f"put it at {home / 'archives' / ARCHIVE}" in err


def test_an_unknown_name_is_said(capsys):
    assert run("model", "download", "xception41_imagnet") == 4
    assert "did you mean 'xception41_imagenet'?" in capsys.readouterr().err

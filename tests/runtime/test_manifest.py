import errno
import json
import multiprocessing
import os
import signal
import time

import pytest

from atrous.errors import InputError, ResourceError
from atrous.runtime.manifest import Manifest, fingerprint


@pytest.fixture
def done(tmp_path):
    """A picture, its output, and a row that says so."""
    source, mask = tmp_path / "a.png", tmp_path / "a.mask.png"
    source.write_bytes(b"picture")
    mask.write_bytes(b"mask")
    return source, {"mask": mask}, {"files": {"mask": str(mask)}, "notes": []}


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, source, row, settings="s"):
    with Manifest(path, settings) as manifest:
        manifest.add(source, row)


def knows(path, source, files, settings="s"):
    with Manifest(path, settings) as manifest:
        return manifest.has_finished(source, files)


def test_what_was_finished_is_known_by_the_next_run(tmp_path, done):
    source, files, row = done
    write(tmp_path / "m.jsonl", source, row)

    assert knows(tmp_path / "m.jsonl", source, files)
    assert rows(tmp_path / "m.jsonl")[0]["source"] == str(source)


def test_other_settings_a_changed_picture_or_a_lost_output_are_not_finished(tmp_path, done):
    source, files, row = done
    path = tmp_path / "m.jsonl"
    write(path, source, row)

    assert not knows(path, source, files, "other settings")
    assert not knows(path, source, {**files, "overlay": files["mask"]})
    source.write_bytes(b"another picture")
    assert not knows(path, source, files)
    source.write_bytes(b"picture")
    os.utime(source, ns=(1, rows(path)[0]["modified"]))
    assert knows(path, source, files)
    files["mask"].unlink()
    assert not knows(path, source, files)


def test_what_failed_is_not_finished(tmp_path, done):
    source, files, row = done
    write(tmp_path / "m.jsonl", source, {**row, "error": "damaged at 0:00:01.000"})

    assert not knows(tmp_path / "m.jsonl", source, files)


@pytest.mark.parametrize("left", [1, 5, 12, 40])
def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path, done, left):
    source, files, row = done
    path = tmp_path / "m.jsonl"
    write(path, source, row)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])

    assert knows(path, source, files)
    write(path, source, row)
    assert path.read_bytes() == whole * 2


def test_outputs_that_were_being_written_are_known_to_be_its_own(tmp_path, done):
    source, files, row = done
    path = tmp_path / "m.jsonl"
    files["mask"].unlink()
    with Manifest(path, "s") as manifest:
        manifest.begin(source, files)  # and then the run is ended

    with Manifest(path, "s") as manifest:
        assert manifest.was_begun(source)
        assert not manifest.was_begun(tmp_path / "other.png")
        manifest.begin(source, files)
        manifest.add(source, row)
    assert [file.name for file in tmp_path.glob("m.jsonl*")] == ["m.jsonl"]


def test_the_list_of_what_was_begun_stays_short(tmp_path):
    with Manifest(tmp_path / "m.jsonl", "s") as manifest:
        for index in range(3000):
            source = tmp_path / f"{index}.png"
            manifest.begin(source, {})
            if index > 0:
                manifest.add(source, {"files": {}, "notes": []})

    assert len((tmp_path / "m.jsonl.begun").read_text().splitlines()) < 1010
    with Manifest(tmp_path / "m.jsonl", "other settings") as manifest:
        assert manifest.was_begun(tmp_path / "0.png")
        assert not manifest.was_begun(tmp_path / "2999.png")


def test_outputs_that_were_there_before_are_not_its_own(tmp_path, done):
    source, files, _ = done
    with Manifest(tmp_path / "m.jsonl", "s") as manifest:
        manifest.begin(source, files)

    with Manifest(tmp_path / "m.jsonl", "s") as manifest:
        assert not manifest.was_begun(source)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", b"a list\n", b"[" * 100_000, b'{"other": 1}\n', b"\0" * 99]
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path, content):
    (tmp_path / "m").write_bytes(content)

    with pytest.raises(InputError, match="is not a manifest of atrous predict"):
        Manifest(tmp_path / "m", "s")

    assert (tmp_path / "m").read_bytes() == content


def test_lines_edited_by_hand_finish_nothing(tmp_path, done):
    source, files, _ = done
    lines = [
        '{"source": [1], "settings": "s"}',
        '{"source": "a", "files": {"x": {}}, "settings": "s"}',
    ]
    (tmp_path / "m").write_text("\n".join(lines) + "\n")

    assert not knows(tmp_path / "m", source, files)


def test_names_that_are_not_text_are_kept(tmp_path):
    source = tmp_path / os.fsdecode(b"\xff\n.png")
    source.write_bytes(b"x")
    write(tmp_path / "m", source, {"files": {}, "notes": []})

    assert knows(tmp_path / "m", source, {})


def _hold(path, begun):
    with Manifest(path, "s") as manifest:
        for index in range(1_000_000):
            manifest.add(path.with_name(f"{index}.png"), {"error": "x" * 100})
            begun.set()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of Unix")
def test_one_process_writes_at_a_time_and_being_killed_leaves_whole_lines(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    begun, path = spawn.Event(), tmp_path / "m.jsonl"
    writer = spawn.Process(target=_hold, args=(path, begun))
    writer.start()
    assert begun.wait(60)

    with pytest.raises(ResourceError, match="another process is writing it"):
        Manifest(path, "s")
    time.sleep(0.05)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()

    with Manifest(path, "s"):
        names = [row["source"].rsplit("/", 1)[1] for row in rows(path)]
    assert names == [f"{index}.png" for index in range(len(names))]


def test_a_manifest_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ResourceError, match="cannot be written"):
        Manifest(tmp_path / "file" / "m.jsonl", "s")


def test_a_full_disk_is_said(tmp_path, done, monkeypatch):
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Manifest(tmp_path / "m", "s") as manifest:
        monkeypatch.setattr(manifest, "_flush", full)

        with pytest.raises(ResourceError, match=r"m: cannot be written \(No space left"):
            manifest.add(done[0], done[2])


def test_a_fingerprint_changes_with_the_model_and_with_every_setting(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    found = [
        fingerprint(tmp_path / "a", {"flip": True, "scales": "1"}),
        fingerprint(tmp_path / "a", {"flip": False, "scales": "1"}),
        fingerprint(tmp_path / "b", {"flip": True, "scales": "1"}),
    ]

    assert len(set(found)) == 3
    assert found[0] == fingerprint(tmp_path / "a", {"scales": "1", "flip": True})

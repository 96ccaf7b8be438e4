"""What ``atrous predict`` reads, and runs that go on."""

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.runtime.onnx_engine import OnnxEngine
from known_network import color_blocks


@pytest.fixture
def run(known_network, tmp_path, monkeypatch, capfdbinary):
    """Runs ``atrous predict`` with the known network, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as exit_info:
            main(["predict", "--model", str(known_network), *map(str, arguments)])
        captured = capfdbinary.readouterr()
        return exit_info.value.code, captured.out, captured.err.decode()

    return run


@pytest.fixture
def pictures(tmp_path):
    """Six pictures in a folder ``in``."""
    (tmp_path / "in").mkdir()
    for index in range(6):
        Image.fromarray(color_blocks((20, 30 + index))[0]).save(tmp_path / "in" / f"{index}.png")
    return tmp_path / "in"


def made(folder):
    return sorted(path.name for path in folder.rglob("*.png"))


def test_a_list_goes_on_past_missing_files_and_names_them(run, pictures, tmp_path):
    (tmp_path / "l.txt").write_text("in/0.png\nin/none.png\nin/1.png\n")

    code, _, err = run("l.txt", "--as", "mask", "-o", "o")

    assert code == 7
    assert "none.png: no such file" in err
    assert made(tmp_path / "o") == ["0.mask.png", "1.mask.png"]


def test_a_list_of_no_lines_is_said(run, tmp_path):
    (tmp_path / "l.txt").touch()

    code, _, err = run("l.txt")

    assert code == 3
    assert "this list names no picture" in err


def test_stdin_gives_the_bytes_of_the_mask_on_stdout_and_no_other(run, color_picture, tmp_path):
    run(color_picture, "--as", "mask", "-o", "m.png")

    code, out, err = run("-", stdin=color_picture.read_bytes())

    assert (code, err) == (0, "")
    assert out == (tmp_path / "m.png").read_bytes()
    assert not (tmp_path / "segmented").exists()


def test_stdin_may_be_written_to_a_file_and_notes_go_to_stderr(run, tmp_path):
    clear = io.BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 128)).save(clear, "PNG")

    code, out, err = run("-", "-o", "x.jpg", "--as", "overlay", stdin=clear.getvalue())

    assert (code, out) == (0, b"")
    assert "standard input: transparent pixels were laid on white" in err
    with Image.open(tmp_path / "x.jpg") as overlay:
        assert overlay.size == (40, 30)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "reason"),
    [
        ([], b"", 3, "standard input: is empty"),
        ([], b"no picture", 3, "standard input: not a picture"),
        ([], bytes(2000), 3, "more than 0 MiB"),
        (["--as", "mask,color"], b"x", 2, "one output"),
        (["b.png"], b"x", 2, "no other sources"),
        (["--json"], b"x", 2, "do not fit"),
        (["--manifest", "m"], b"x", 2, "do not fit"),
    ],
)
def test_what_does_not_go_with_stdin_is_said(run, monkeypatch, arguments, stdin, code, reason):
    monkeypatch.setattr("atrous.cli.predict_stream._MAX_BYTES", 1000)

    found, _, err = run("-", *arguments, stdin=stdin)

    assert found == code
    assert reason in err


def test_a_reader_that_goes_away_is_no_failure(known_network, color_picture):
    program = [sys.executable, "-m", "atrous", "predict", "-", "--model", str(known_network)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with color_picture.open("rb") as picture:
        process = subprocess.Popen(
            program, stdin=picture, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()

    assert (process.wait(), err) == (0, b"")


def test_shards_make_each_mask_once(run, pictures, tmp_path):
    for share in ("1/4", "2/4", "3/4", "4/4"):
        assert run("in", "--as", "mask", "-o", "o", "--shard", share)[0] == 0

    assert made(tmp_path / "o") == [f"{index}.mask.png" for index in range(6)]


@pytest.mark.parametrize("share", ["0/4", "5/4", "1", "a/b", "1/0"])
def test_impossible_shares_are_said(run, pictures, share):
    code, _, err = run("in", "--shard", share)

    assert code == 2
    assert "I/N with I from 1 to N" in err


def test_a_manifest_has_a_line_for_each_picture(run, pictures, tmp_path):
    (pictures / "empty.png").touch()

    code, _, _ = run("in", "--as", "mask", "-o", "o", "--manifest", "m.jsonl")

    rows = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    done = {row["source"]: row for row in rows if "error" not in row}
    (failed,) = [row for row in rows if "error" in row]
    assert code == 7
    assert len(done) == 6
    assert done["in/0.png"]["files"] == {"mask": "o/0.mask.png"}
    assert sum(done["in/0.png"]["shares"].values()) == pytest.approx(1)
    assert failed["error"] == "in/empty.png: the file is empty"
    assert not (tmp_path / "m.jsonl.begun").exists()


def test_a_run_that_was_finished_is_skipped_and_counted(run, pictures):
    arguments = ["in", "--as", "mask", "-o", "o", "--manifest", "m.jsonl"]
    run(*arguments)

    code, out, err = run(*arguments, "--resume")
    _, answer, _ = run(*arguments, "--resume", "--json")

    assert (code, out) == (0, b"")
    assert "6 were finished before and skipped" in err
    assert json.loads(answer)["result"]["skipped"] == 6


def test_without_resuming_and_with_other_settings_nothing_is_replaced(run, pictures):
    arguments = ["in", "--as", "mask", "-o", "o", "--manifest", "m.jsonl"]
    run(*arguments)

    for more in ([], ["--resume", "--flip"]):
        code, _, err = run(*arguments, *more)
        assert code == 6
        assert "is there already; --overwrite replaces it" in err


def test_an_interrupted_run_says_how_far_it_came_and_is_gone_on_with(
    run, pictures, tmp_path, monkeypatch
):
    arguments = ["in", "--as", "mask", "-o", "o", "--manifest", "m.jsonl"]
    infer, seen = OnnxEngine.run, []

    def interrupted(engine, images, *rest):
        seen.append(images)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return infer(engine, images, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(OnnxEngine, "run", interrupted)
        code, _, err = run(*arguments)
    finished = len((tmp_path / "m.jsonl").read_text().splitlines())

    assert code == 130
    assert "of 6; the same command with --resume goes on" in err
    assert 1 <= finished <= 3
    assert len(made(tmp_path / "o")) == finished
    code, _, err = run(*arguments, "--resume")
    assert code == 0
    assert f"{finished} were finished before and skipped" in err
    assert len(made(tmp_path / "o")) == 6
    assert not (tmp_path / "m.jsonl.begun").exists()


def test_what_a_killed_run_was_writing_is_made_anew(run, pictures, tmp_path):
    arguments = ["in", "--as", "mask", "-o", "o", "--manifest", "m.jsonl"]
    run(*arguments)
    whole = (tmp_path / "o" / "5.mask.png").read_bytes()
    lines = (tmp_path / "m.jsonl").read_bytes().splitlines(keepends=True)
    # As kill -9 leaves it behind the outputs and within the line of the last picture.
    (tmp_path / "m.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:30])
    (tmp_path / "m.jsonl.begun").write_text('"in/5.png"\n"in/')
    (tmp_path / "o" / "5.mask.png").write_bytes(b"half")

    code, _, err = run(*arguments, "--resume")

    assert code == 0
    assert "5 were finished before and skipped" in err
    assert (tmp_path / "o" / "5.mask.png").read_bytes() == whole


def test_resuming_needs_a_manifest(run, pictures):
    code, _, err = run("in", "--resume")

    assert code == 2
    assert "give the --manifest of that run" in err


@pytest.mark.parametrize("flag", ["--resume", "--ray"])
def test_files_of_the_whole_run_cannot_be_shared_or_resumed(run, pictures, flag):
    more = ["--ray", "local"] if flag == "--ray" else ["--resume", "--manifest", "m"]

    code, _, err = run("in", "--as", "coco", *more)

    assert code == 2
    assert "--as coco writes files of the whole run" in err


def test_names_that_are_not_text_are_segmented_and_shown(known_network, tmp_path):
    (tmp_path / "in").mkdir()
    name = os.fsdecode(b"\xff\n\xfe.png")
    Image.fromarray(color_blocks()[0]).save(tmp_path / "in" / name)
    arguments = ["predict", "in", "--model", str(known_network), "--as", "mask", "-o", "o"]
    search = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONIOENCODING": "utf-8:strict"}

    done = subprocess.run(
        [sys.executable, "-m", "atrous", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"in/\\udcff\n\\udcfe.png" in done.stdout
    assert (tmp_path / "o" / os.fsdecode(b"\xff\n\xfe.mask.png")).is_file()


def test_what_only_some_runs_need_is_not_imported(known_network, color_picture, tmp_path):
    program = (
        "import sys; from atrous.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "heavy = {'torch', 'av', 'ray', 'openvino', 'rasterio', 'shapely'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    arguments = ["predict", str(color_picture), "--model", str(known_network), "-o"]

    subprocess.run([sys.executable, "-c", program, *arguments, str(tmp_path / "o")], check=True)


def test_a_link_to_itself_is_no_source_and_the_others_go_on(run, pictures, tmp_path):
    (tmp_path / "loop").symlink_to("loop")

    code, _, err = run("in", "loop", "-o", "o")

    assert code == 7
    assert "loop: no such file" in err

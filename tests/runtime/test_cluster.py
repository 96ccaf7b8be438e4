import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from atrous.errors import DependencyError
from atrous.runtime.cluster import run_on_cluster
from known_network import color_blocks


def predict(root, *arguments):
    """Run ``atrous predict in`` in a process of its own, whose children bear a mark."""
    return subprocess.run(
        [sys.executable, "-m", "atrous", "predict", "in", *arguments],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "MARK": str(root),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def left_behind(root):
    """Processes that bear the mark, once they have had time to end."""
    for _ in range(60):
        if not marked(root):
            return []
        time.sleep(0.5)
    return marked(root)


def marked(root):
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            ours = os.fsencode(f"MARK={root}") in environment.read_bytes()
        except OSError:
            continue
        found += [environment.parent.name] if ours else []
    return found


def test_a_local_cluster_writes_the_same_files_and_leaves_nothing_behind(known_network, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed")
    (tmp_path / "in").mkdir()
    for index in range(4):
        Image.fromarray(color_blocks((20, 30 + index))[0]).save(tmp_path / "in" / f"{index}.png")
    (tmp_path / "in" / "empty.png").touch()
    wanted = ["--model", str(known_network), "--as", "mask"]

    spread = predict(tmp_path, *wanted, "-o", "s", "--ray", "local", "--manifest", "m.jsonl")
    alone = predict(tmp_path, *wanted, "-o", "a")

    assert spread.returncode == alone.returncode == 7, spread.stderr
    assert "empty.png: the file is empty" in spread.stderr
    masks = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert len(masks) == 4
    assert masks == {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 5
    assert left_behind(tmp_path) == []


def test_without_ray_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(DependencyError, match=r"pip install 'atrous\[cluster\]'"):
        list(run_on_cluster([1], lambda: str, "local"))

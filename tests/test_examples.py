"""The examples run, and what the docs say of them is what they print."""

import re
import runpy
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]


def test_the_walk_from_inception_to_xception_prints_the_numbers_of_its_page(
    tmp_path, monkeypatch, capsys
):
    picture = tmp_path / "figures.png"
    monkeypatch.setattr(sys, "argv", ["inception_to_xception.py", str(picture)])

    runpy.run_path(str(ROOT / "examples" / "inception_to_xception.py"), run_name="__main__")

    printed = capsys.readouterr().out
    page = (ROOT / "docs" / "ideas" / "inception-to-xception.md").read_text()
    rows = re.findall(r"\| ([\d,]+) \| ([\d.]+) M \|", page)
    assert len(rows) == 4
    for parameters, multiply_adds in rows:
        assert re.search(rf" {parameters} parameters +{multiply_adds} M", printed)
    with Image.open(picture) as drawn:
        assert drawn.size == (1520, 400)

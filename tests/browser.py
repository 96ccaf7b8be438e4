"""A headless browser that opens pages which were written."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

_QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


class Browser:
    """Chromium, started anew for each page.

    Args:
        command: Its program.
        profile: A folder for what it keeps.
    """

    def __init__(self, command: str, profile: Path) -> None:
        self._command = [command, *_QUIET, f"--user-data-dir={profile}"]

    def _run(self, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *options, page.as_uri()]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)

    def draw(self, page: Path, *options: str) -> Image.Image:
        """The page as it looks in a window of 1000 x 1400."""
        shot = page.with_suffix(".shot.png")
        self._run(page, "--window-size=1000,1400", f"--screenshot={shot}", *options)
        with Image.open(shot) as image:
            return image.convert("RGB")

    def complaints(self, page: Path) -> list[str]:
        """What the browser writes to the console, such as what a page's policy forbids."""
        said = self._run(page, "--enable-logging=stderr", "--dump-dom").stderr
        return re.findall(r"CONSOLE[^\n]*", said)

    def ask(self, page: Path, expression: str) -> Any:
        """The value of an expression of JavaScript once a copy of the page is loaded.

        The page's policy is widened by a script of ours and by nothing else.
        """
        policy = "default-src 'none'"
        text = page.read_text("utf-8")
        assert policy in text
        script = f"document.title = 'asked' + JSON.stringify({expression})"
        asking = page.with_suffix(".asking.html")
        asking.write_text(
            text.replace(policy, f"{policy}; script-src 'unsafe-inline'", 1)
            + f"<script>addEventListener('load', () => {{ {script} }})</script>",
            "utf-8",
        )
        title = re.search(r"<title>asked(.*?)</title>", self._run(asking, "--dump-dom").stdout)
        assert title
        return json.loads(html.unescape(title[1]))


def find_browser(profile: Path) -> Browser:
    """The browser of this machine; the test is skipped where there is none."""
    command = shutil.which("chromium") or shutil.which("google-chrome")
    if command is None:
        pytest.skip("no browser to open the page with")
    return Browser(command, profile)

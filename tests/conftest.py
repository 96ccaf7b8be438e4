"""Fixtures that more than one folder of tests uses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from browser import Browser, find_browser
from known_network import color_blocks, write_known_network

# Networks of tests are tiny: threads that wait for each other cost more than they bring.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that train in a forked process come first: threads of autograd do not survive it."""
    items.sort(key=lambda item: item.get_closest_marker("forks") is None)


SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The real CamVid pictures, which are not part of the repository."""
    root = SHARED / "data" / "camvid"
    if not (root / "val").is_dir():
        pytest.skip(f"CamVid is not at {root}")
    return root


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """A browser that opens pages."""
    return find_browser(tmp_path / "profile")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Published weights, which are not part of the repository."""
    root = SHARED / "weights"
    if not root.is_dir():
        pytest.skip(f"published weights are not at {root}")
    return root


@pytest.fixture(scope="session")
def oracle() -> Path:
    """Inputs and logits of the official graph, which are not part of the repository."""
    root = SHARED / "reference" / "oracle"
    if not root.is_dir():
        pytest.skip(f"outputs of the official graph are not at {root}")
    return root


def write_camvid_like(root: Path, *, images: int = 4, size: tuple[int, int] = (48, 64)) -> Path:
    """A made-up dataset in CamVid's layout: bands of the 11 classes and some unlabelled pixels."""
    random = np.random.default_rng(0)
    height = size[0]
    for split in ("train", "val"):
        (root / split).mkdir(parents=True)
        (root / f"{split}annot").mkdir()
        for index in range(images):
            bands = (np.arange(height)[:, None] * 11 // height + index) % 11
            labels = np.broadcast_to(bands, size).astype(np.uint8).copy()
            labels[:2] = 11
            noise = random.integers(0, 24, (*size, 3))
            pixels = (labels[..., None] * 20 + noise).astype(np.uint8)
            Image.fromarray(pixels).save(root / split / f"p{index}.png")
            Image.fromarray(labels).save(root / f"{split}annot" / f"p{index}.png")
    return root


@pytest.fixture
def camvid_like(tmp_path: Path) -> Path:
    """`write_camvid_like` in a folder of this test's own."""
    return write_camvid_like(tmp_path / "camvid")


@pytest.fixture(scope="session")
def known_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ONNX file of `known_network.write_known_network`."""
    return write_known_network(tmp_path_factory.mktemp("model") / "known.onnx")


@pytest.fixture
def color_picture(tmp_path: Path) -> Path:
    """A PNG of a red, a green and a blue third."""
    path = tmp_path / "blocks.png"
    Image.fromarray(color_blocks()[0]).save(path)
    return path

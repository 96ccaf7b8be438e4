import subprocess
import sys

import numpy as np
import pytest

from atrous.errors import ConfigError, ResourceError, WeightsError
from atrous.runtime.card import ModelCard
from atrous.runtime.footprint import bytes_per_pixel, resident_bytes
from atrous.runtime.predictor import Predictor
from atrous.runtime.scene import Images
from atrous.runtime.tiles import TiledEngine, TileSettings, pools_globally
from atrous.weights.load import DEFAULT_MODEL, find_model, load

CARD = ModelCard(
    name="means",
    classes=("dark", "bright"),
    palette=((0, 0, 0), (9, 9, 9)),
    architecture={"encoder": "mobilenetv2", "image_pooling": True},
)


class BrighterThanMost:
    """Says of each cell whether it is brighter than the mean of all that is seen, or as told."""

    name = "brighter than most"

    def __init__(self, *, takes_context=True, most=1 << 30):
        self.takes_context, self.most = takes_context, most
        self.seen = []

    def run(self, images):
        return self.run_in_context(images, self.context_of(images))

    def context_of(self, images):
        return images[:, :1].mean(axis=(2, 3), keepdims=True)

    def run_in_context(self, images, context):
        self.seen.append(images.shape[2:])
        if images[0, 0].size > self.most:
            raise ResourceError("no memory")
        bright = images[:, :1, ::4, ::4] - context
        return np.concatenate([-bright, bright], axis=1)


def ramp(height, width):
    """Grows brighter from left to right: (1, 3, H, W)."""
    row = np.linspace(-1, 1, width, dtype=np.float32)
    return np.ascontiguousarray(np.broadcast_to(row, (1, 3, height, width)))


def tiled(engine, **settings):
    return TiledEngine(engine, CARD, TileSettings(**settings))


def test_tiles_that_share_a_context_agree_with_the_whole():
    images = ramp(300, 600)

    found = tiled(BrighterThanMost(), tile=160).run(images)

    # Some tiles spread over the picture have the mean of all up to a tenth of its range.
    np.testing.assert_allclose(found, BrighterThanMost().run(images), atol=0.1)


def test_tiles_that_each_have_their_own_context_do_not_and_it_is_said():
    images, engine = ramp(300, 600), BrighterThanMost(takes_context=False)
    engine_in_tiles = tiled(engine, tile=160)

    found = engine_in_tiles.run(images)

    assert np.abs(found - BrighterThanMost().run(images)).max() > 0.5
    (note,) = engine_in_tiles.notes((300, 600))
    assert "seen in 18 tiles of 140 x 152" in note
    assert "export it again" in note


def test_a_picture_that_fits_is_seen_once_and_whole():
    engine = BrighterThanMost()
    engine_in_tiles = tiled(engine, max_memory=resident_bytes() + (1 << 30))

    engine_in_tiles.run(ramp(300, 600))

    assert engine.seen == [(300, 600)]
    assert engine_in_tiles.notes((300, 600)) == ()


def test_a_picture_that_does_not_fit_is_seen_in_tiles_that_do():
    engine = BrighterThanMost()
    engine_in_tiles = tiled(engine, max_memory=resident_bytes() + (100 << 20))

    engine_in_tiles.run(ramp(800, 1200))

    sizes = [height * width for height, width in engine.seen]
    assert max(sizes) * bytes_per_pixel(CARD.architecture, 2, "") < 100 << 20
    assert "the memory does not suffice" in engine_in_tiles.notes((800, 1200))[0]


def test_what_runs_out_of_memory_is_seen_again_in_tiles_and_so_are_later_ones():
    engine = BrighterThanMost(most=200 * 200)
    engine_in_tiles = tiled(engine)

    found = [engine_in_tiles.run(ramp(400, 400)) for _ in range(2)]

    np.testing.assert_array_equal(*found)
    assert engine.seen.count((400, 400)) == 1
    assert "does not suffice" in engine_in_tiles.notes((400, 400))[0]


def test_what_does_not_run_at_all_ends_with_the_engines_own_words():
    with pytest.raises(ResourceError, match="no memory"):
        tiled(BrighterThanMost(most=0)).run(ramp(400, 400))


def test_labels_in_bands_are_those_of_the_logits(monkeypatch):
    engine = tiled(BrighterThanMost(), tile=160)
    pixels = np.random.default_rng(0).integers(0, 255, (300, 420, 3)).astype(np.uint8)
    in_bands = Predictor(engine, CARD).predict_pixels(pixels)

    monkeypatch.setattr(Predictor, "_sees_tiles", lambda *_: False)
    at_once = Predictor(engine, CARD).predict_pixels(pixels)

    # Of logits that are interpolated in other strips, ties may fall to the other class.
    assert (in_bands != at_once).mean() < 1e-4


def test_logits_that_are_not_numbers_are_refused():
    images = np.full((1, 3, 200, 400), np.nan, np.float32)

    with pytest.raises(WeightsError, match="'means' gave values that are not numbers"):
        list(tiled(BrighterThanMost(), tile=160).bands(Images(images), _tiling(images)))


def _tiling(images):
    tiling = tiled(BrighterThanMost(), tile=160).plan(images.shape[2:])
    assert tiling is not None
    return tiling


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"tile": 64}, "tiles of 64 pixels are too small; take 128"),
        ({"tile": 256, "overlap": 129}, "can share 0 to 128 pixels"),
        ({"max_memory": 1 << 20}, "1 MiB are too little for this model: it takes"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_what_can(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        tiled(BrighterThanMost(), **settings)


def test_windows_that_slide_are_not_cut_into_tiles():
    with pytest.raises(ConfigError, match="give slide or tile, not both"):
        load(slide=(96, 96), tiles=TileSettings(tile=256))


def test_heads_that_see_the_whole_picture_are_known_by_their_config():
    changes = [{}, {"context": "dpc"}, {"image_pooling": False}, {"decoder": "lraspp"}]
    cards = [CARD.model_copy(update={"architecture": CARD.architecture | one}) for one in changes]

    assert [pools_globally(card) for card in cards] == [True, False, False, True]


PEAK = """
import sys
from pathlib import Path
import numpy as np
from atrous.runtime.onnx_engine import OnnxEngine

def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))

engine = OnnxEngine(Path(sys.argv[1]), threads=1)
engine.run(np.zeros((1, 3, 64, 64), np.float32))
before = held("VmRSS:")
engine.run(np.zeros((1, 3, 700, 1000), np.float32))
print((held("VmHWM:") - before) / 700_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is asked of Linux")
def test_the_memory_that_is_planned_with_is_what_the_shipped_network_takes():
    path = find_model(DEFAULT_MODEL)
    command = [sys.executable, "-c", PEAK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    planned = bytes_per_pixel(load().card.architecture, 11, "onnxruntime")
    # Not more than is planned with, and not so much less that pictures are cut without need.
    assert 0.6 * planned < float(done.stdout) <= planned

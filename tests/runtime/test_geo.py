"""Rasters of a network whose answer is known: each pixel belongs to its strongest colour."""

import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from atrous.errors import ConfigError, InputError, ResourceError
from atrous.runtime.geo import segment_raster
from atrous.runtime.tiles import TileSettings
from atrous.weights.load import load
from known_network import CARD, write_known_network

rasterio = pytest.importorskip("rasterio")

PLACE = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}
TILED = {"tiled": True, "blockxsize": 128, "blockysize": 128}


def write_raster(path, bands, **changes):
    """A GeoTIFF of (C, H, W) values."""
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "dtype": bands.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", count=count, **{**profile, **PLACE, **TILED, **changes}) as f:
            f.write(bands)
    return path


def read_raster(path):
    with rasterio.open(path) as file:
        return file.read(1)


def blobs(height, width, dtype=np.uint8):
    """Smooth colours: (3, H, W)."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / (19 + 3 * c) + c) * np.cos(columns / (23 - 2 * c)) for c in range(3)]
    return (127 + 120 * np.stack(waves)).astype(dtype)


def predictor_of(path, **settings):
    return load(path, threads=1, tiles=TileSettings(**{"tile": 160, **settings}))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_known_network(tmp_path_factory.mktemp("geo") / "known.onnx", stride=4)


def test_labels_are_those_of_the_whole_picture(network, tmp_path):
    bands = blobs(500, 420)
    source = write_raster(tmp_path / "a.tif", bands)

    segment_raster(predictor_of(network), source, tmp_path / "out.tif")

    # This network sees nothing beyond a cell, so that tiles change the last bits at most.
    whole = load(network, threads=1).predict_pixels(np.ascontiguousarray(bands.transpose(1, 2, 0)))
    assert (read_raster(tmp_path / "out.tif") != whole).mean() < 1e-4


def test_the_result_lies_where_the_source_lies_and_describes_itself(network, tmp_path):
    source = write_raster(tmp_path / "a.tif", blobs(200, 300))

    notes = segment_raster(predictor_of(network), source, tmp_path / "out.tif")

    assert notes == ()
    with rasterio.open(source) as before, rasterio.open(tmp_path / "out.tif") as after:
        assert (after.crs, after.transform, after.shape) == (
            before.crs,
            before.transform,
            (200, 300),
        )
        assert after.nodata == CARD.ignore_index
        assert after.colormap(1)[1] == (*CARD.palette[1], 255)
        assert after.tags(1)["CLASS_2"] == "blue"
        assert after.compression.name == "deflate"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "out.tif"]


def test_panels_of_little_memory_change_nothing(network, tmp_path, monkeypatch):
    source = write_raster(tmp_path / "a.tif", blobs(300, 700))
    segment_raster(predictor_of(network), source, tmp_path / "one.tif")
    monkeypatch.setattr("atrous.runtime.geo._Work._columns_at_once", lambda _: 2)

    segment_raster(predictor_of(network), source, tmp_path / "many.tif")

    np.testing.assert_array_equal(
        read_raster(tmp_path / "many.tif"), read_raster(tmp_path / "one.tif")
    )


def test_empty_pixels_stay_empty(network, tmp_path):
    bands = np.maximum(blobs(300, 400), 1)
    bands[:, :180] = 0
    bands[:, 200:210, 50:60] = 0
    source = write_raster(tmp_path / "a.tif", bands, nodata=0)

    segment_raster(predictor_of(network), source, tmp_path / "out.tif")

    empty = read_raster(tmp_path / "out.tif") == CARD.ignore_index
    np.testing.assert_array_equal(empty, (bands == 0).all(axis=0))


def test_sixteen_bits_are_scaled_to_the_eight_that_the_model_reads(network, tmp_path):
    bands = blobs(180, 200)
    eight = write_raster(tmp_path / "8.tif", bands)
    sixteen = write_raster(tmp_path / "16.tif", bands.astype(np.uint16) * 257)

    for source in (eight, sixteen):
        segment_raster(predictor_of(network), source, tmp_path / f"out-{source.name}")

    found = [read_raster(tmp_path / f"out-{name}.tif") for name in ("8", "16")]
    np.testing.assert_array_equal(*found)


def test_bands_are_chosen(network, tmp_path):
    bands = blobs(180, 200)
    usual = write_raster(tmp_path / "3.tif", bands)
    more = write_raster(tmp_path / "5.tif", np.concatenate([bands[:2] // 2, bands[::-1]]))

    segment_raster(predictor_of(network), usual, tmp_path / "a.tif")
    segment_raster(predictor_of(network), more, tmp_path / "b.tif", bands=(5, 4, 3))

    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif"), read_raster(tmp_path / "b.tif"))


@pytest.mark.parametrize(
    ("changes", "bands", "reason"),
    [
        ({"bands": blobs(64, 64, np.float32)}, None, "found values of float32.*-ot Byte"),
        ({"bands": blobs(64, 64, np.int16)}, None, "found values of int16"),
        ({"bands": np.zeros((5, 64, 64), np.uint8)}, None, "found 5 bands.*--bands 1,2,3"),
        ({"bands": blobs(64, 64)}, (1, 2, 9), "has bands 1 to 3"),
    ],
    ids=["float", "signed", "many bands", "no such band"],
)
def test_what_does_not_fit_the_model_is_refused_with_what_to_do(
    network, tmp_path, changes, bands, reason
):
    source = write_raster(tmp_path / "a.tif", **changes)

    with pytest.raises(InputError, match=rf"a\.tif: {reason}"):
        segment_raster(predictor_of(network), source, tmp_path / "out.tif", bands=bands)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("content", [b"", b"II*\0 no tiff", b"\x89PNG\r\n", None])
def test_files_that_are_no_geotiff_are_refused(network, tmp_path, content):
    source = tmp_path / "a.tif"
    if content is not None:
        source.write_bytes(content)

    with pytest.raises(InputError, match=r"a\.tif"):
        segment_raster(predictor_of(network), source, tmp_path / "out.tif")


def test_a_raster_that_breaks_off_is_named_and_what_was_done_is_kept(network, tmp_path):
    source = write_raster(tmp_path / "a.tif", blobs(1024, 512), compress="deflate")
    source.write_bytes(source.read_bytes()[:-4000])

    with pytest.raises(InputError, match=r"a\.tif: .*damaged"):
        segment_raster(predictor_of(network), source, tmp_path / "out.tif")
    assert not (tmp_path / "out.tif").exists()


def test_a_raster_that_lies_nowhere_is_noted(network, tmp_path):
    source = write_raster(tmp_path / "a.tif", blobs(64, 64), crs=None, transform=None)

    notes = segment_raster(predictor_of(network), source, tmp_path / "out.tif")

    assert "says not where it lies" in notes[0]


def test_a_file_that_is_there_is_kept(network, tmp_path):
    source = write_raster(tmp_path / "a.tif", blobs(64, 64))
    (tmp_path / "out.tif").write_bytes(b"precious")

    with pytest.raises(ResourceError, match="is there already"):
        segment_raster(predictor_of(network), source, tmp_path / "out.tif")
    assert (tmp_path / "out.tif").read_bytes() == b"precious"


def test_several_looks_are_refused(network, tmp_path):
    with pytest.raises(ConfigError, match="leave out --scales"):
        segment_raster(load(network, flip=True), tmp_path / "a.tif", tmp_path / "out.tif")


def test_work_that_was_broken_off_goes_on_where_it_was(network, tmp_path):
    source = write_raster(tmp_path / "a.tif", blobs(700, 400))
    segment_raster(predictor_of(network), source, tmp_path / "whole.tif")
    predictor, seen = predictor_of(network), []

    def stop(share):
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_raster(predictor, source, tmp_path / "out.tif", on_progress=stop)
    segment_raster(predictor, source, tmp_path / "out.tif", on_progress=seen.append)

    assert seen[0] > 0.4
    np.testing.assert_array_equal(
        read_raster(tmp_path / "out.tif"), read_raster(tmp_path / "whole.tif")
    )


KILLED = """
import sys
from pathlib import Path
from atrous.runtime.geo import segment_raster
from atrous.runtime.tiles import TileSettings
from atrous.weights.load import load
predictor = load(sys.argv[1], threads=1, tiles=TileSettings(max_memory=int(sys.argv[4])))
source, out = Path(sys.argv[2]), Path(sys.argv[3])
segment_raster(predictor, source, out, on_progress=lambda share: print(share, flush=True))
# Of this process alone; what getrusage tells begins with that of the one that started it.
status = Path("/proc/self/status").read_text().splitlines()
print("peak", 1024 * int(next(line.split()[1] for line in status if line.startswith("VmHWM:"))))
"""


def write_sparse(path, side):
    """Empty but for some squares along the diagonal, and small on the disk."""
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 3, "dtype": "uint8"}
    blocks = {"tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True}
    with rasterio.open(path, "w", compress="deflate", nodata=0, **profile, **blocks, **PLACE) as f:
        for place in range(0, side, side // 4):
            square = ((place, place + 512), (place, place + 512))
            f.write(np.maximum(blobs(512, 512), 1), window=square)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is asked of Linux")
def test_twenty_thousand_pixels_a_side_are_killed_resumed_and_stay_within_the_memory(
    network, tmp_path
):
    source = write_sparse(tmp_path / "big.tif", 20_000)
    out, most = tmp_path / "out.tif", 700 << 20
    command = [sys.executable, "-c", KILLED, str(network), str(source), str(out), str(most)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while (share := float(first.stdout.readline())) < 0.3:
        time.sleep(0)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not out.exists()

    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert float(lines[0]) >= share
    assert int(lines[-1].split()[1]) < most
    with rasterio.open(out) as file:
        square = file.read(1, window=((5000, 5512), (5000, 5512)))
        assert (file.read(1, window=((6000, 6100), (0, 20_000))) == CARD.ignore_index).all()
    expected = load(network, threads=1).predict_pixels(
        np.ascontiguousarray(np.maximum(blobs(512, 512), 1).transpose(1, 2, 0))
    )
    # Beside the square the network sees the mean pixel; its cells end with the square.
    assert (square[8:-8, 8:-8] != expected[8:-8, 8:-8]).mean() < 1e-4

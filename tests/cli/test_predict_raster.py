import numpy as np
import pytest

from atrous.cli.main import main
from atrous.cli.predict_raster import parse_bands
from atrous.errors import ConfigError

rasterio = pytest.importorskip("rasterio")


@pytest.fixture
def raster(tmp_path):
    place = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}
    path = tmp_path / "field.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=90, width=120, count=5, dtype="uint8", **place
    ) as file:
        file.write(np.stack([np.full((90, 120), value, np.uint8) for value in (9, 9, 250, 9, 9)]))
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["atrous", "predict", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0


def test_a_raster_becomes_a_raster_of_classes(raster, known_network, tmp_path, monkeypatch):
    flags = ("--as", "geotiff", "--bands", "1,3,2", "-m", known_network, "-o", tmp_path / "out")

    assert run(monkeypatch, raster, *flags) == 0

    with rasterio.open(tmp_path / "out" / "field.classes.tif") as file:
        assert (file.read(1) == 1).all()
        assert file.crs.to_epsg() == 32633
    assert run(monkeypatch, raster, *flags) == 6


def test_bands_that_do_not_fit_are_named_with_the_flag(
    raster, known_network, tmp_path, monkeypatch, capsys
):
    flags = ("--as", "geotiff", "-m", known_network, "-o", tmp_path / "out.tif")

    assert run(monkeypatch, raster, *flags) == 3
    assert "--bands 1,2,3" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("text", ["", "1,,2", "0", "red", "1;2"])
def test_what_is_no_list_of_bands_is_refused(text):
    with pytest.raises(ConfigError, match="--bands takes numbers"):
        parse_bands(text)

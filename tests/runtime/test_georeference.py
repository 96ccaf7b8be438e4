import json

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.features import geometry_mask
from rasterio.transform import Affine

from atrous.labels import VOC
from atrous.runtime.georeference import Georeference, read_georeference
from atrous.runtime.result import Segmentation

NORTH_UP = Affine(0.5, 0, 440_000, 0, -0.5, 5_400_000)
TURNED = Affine(0.4, 0.3, 440_000, 0.3, -0.4, 5_400_000)


def geotiff(path, transform, **about):
    with rasterio.open(
        path, "w", "GTiff", 6, 4, 3, dtype="uint8", crs="EPSG:32632", transform=transform, **about
    ) as file:
        file.write(np.zeros((3, 4, 6), np.uint8))
    return path


@pytest.mark.parametrize("transform", [NORTH_UP, TURNED], ids=["north up", "turned"])
def test_tags_are_understood_as_rasterio_does(transform, tmp_path):
    found = read_georeference(geotiff(tmp_path / "a.tif", transform))

    assert found is not None
    assert found.epsg == 32_632
    np.testing.assert_allclose(found.transform, transform[:6], rtol=1e-12)


@pytest.mark.parametrize("name", ["plain.tif", "broken.tif", "photo.png"])
def test_a_picture_without_a_place_has_none(name, tmp_path):
    if name == "plain.tif":
        Image.new("RGB", (6, 4)).save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"II*\0broken")

    assert read_georeference(tmp_path / name) is None


@pytest.mark.parametrize("transform", [NORTH_UP, TURNED], ids=["north up", "turned"])
def test_polygons_in_the_world_cover_the_pixels_that_they_came_from(transform):
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 7
    result = Segmentation(mask, VOC, np.zeros((4, 6, 3), np.uint8))

    content = result.to_geojson(georeference=Georeference(tuple(transform[:6]), 32_632))

    (feature,) = content["features"]
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32632"
    assert shapely.from_geojson(json.dumps(feature["geometry"])).exterior.is_ccw
    covered = ~geometry_mask([feature["geometry"]], mask.shape, transform)
    np.testing.assert_array_equal(covered, mask == 7)

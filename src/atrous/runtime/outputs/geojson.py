"""GeoJSON: a FeatureCollection for each picture, in its coordinates where it has any."""

from pathlib import Path

from atrous.runtime.georeference import read_georeference
from atrous.runtime.outputs.output import Item, Job, Output
from atrous.runtime.outputs.text import write_json


def write_geojson(path: Path, item: Item, job: Job) -> None:
    """Polygons with holes."""
    georeference = read_georeference(item.source)
    content = item.result.to_geojson(simplify=job.simplify, georeference=georeference)
    write_json(path, content, job)


GEOJSON = Output(
    about="polygons for maps, in the coordinates of a GeoTIFF or in pixels",
    write=write_geojson,
    ending=".geojson",
    single=(".geojson", ".json"),
)

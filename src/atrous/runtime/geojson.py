"""Polygons as GeoJSON (RFC 7946)."""

from collections.abc import Iterable
from typing import Any

from atrous.labels import Color, LabelSet
from atrous.runtime.georeference import Georeference
from atrous.runtime.polygons import Polygon
from atrous.runtime.rings import Ring


def feature_collection(
    polygons: Iterable[Polygon], label_set: LabelSet, georeference: Georeference | None = None
) -> dict[str, Any]:
    """A feature for each polygon, with its class, the class's colour and its area in pixels.

    Without a georeference coordinates are pixels, and y leads down. With one they are of its
    coordinate system, which is named as GeoJSON of 2008 did: the later standard knows longitude
    and latitude alone, and would lose what a survey's own grid says.
    """
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if georeference and georeference.epsg:
        name = f"urn:ogc:def:crs:EPSG::{georeference.epsg}"
        collection["crs"] = {"type": "name", "properties": {"name": name}}
    features = [_feature(polygon, label_set, georeference) for polygon in polygons]
    return {**collection, "features": features}


def hex_color(color: Color) -> str:
    """#rrggbb."""
    return "#" + bytes(color).hex()


def _feature(
    polygon: Polygon, label_set: LabelSet, georeference: Georeference | None
) -> dict[str, Any]:
    rings = [_closed(ring, georeference) for ring in (polygon.outer, *polygon.holes)]
    color = hex_color(label_set.palette[polygon.class_index])
    properties = {
        "class": label_set.names[polygon.class_index],
        "class_index": polygon.class_index,
        "pixels": polygon.area,
        "stroke": color,
        "fill": color,
    }
    geometry = {"type": "Polygon", "coordinates": rings}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _closed(ring: Ring, georeference: Georeference | None) -> list[list[float]]:
    """Outer rings anticlockwise in their coordinates, holes clockwise, first corner repeated."""
    if georeference is None:
        return [*ring.tolist(), ring[0].tolist()]
    placed = georeference.place(ring[::-1] if georeference.mirrors else ring).tolist()
    return [*placed, placed[0]]

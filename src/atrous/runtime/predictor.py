"""From a picture to its segmentation."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.bands import RGB8, PixelKind, pixels_from_array, pixels_from_pillow, read_pixels
from atrous.errors import AtrousError, ConfigError, WeightsError
from atrous.imaging import MAX_PIXELS, LabelMap, Picture, Pixels
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.runtime.detail import PLAIN, Detail, Found, probabilities_of, smoothed
from atrous.runtime.engine import Engine
from atrous.runtime.pipeline import run_pipeline
from atrous.runtime.result import Segmentation
from atrous.runtime.scene import Photo
from atrous.runtime.test_time import TestTime
from atrous.runtime.tiles import TiledEngine
from atrous.runtime.upsample import average_labels, confidence_of, upsample_labels

Source: TypeAlias = str | Path | Image.Image | Pixels
"""A file, a Pillow image, or (H, W, C) pixels of the channels and bits that the model reads."""


class Predictor:
    """Segments pictures with a model.

    Args:
        engine: Runs the network.
        card: Says what the network reads and what its classes are.
        max_pixels: Largest height times width that is accepted.
        test_time: Scales and mirror images whose softmax is averaged; by default none.
    """

    def __init__(
        self,
        engine: Engine,
        card: ModelCard,
        *,
        max_pixels: int = MAX_PIXELS,
        test_time: TestTime | None = None,
    ) -> None:
        self.engine = engine
        self.card = card
        self.label_set = card.label_set
        self.max_pixels = max_pixels
        self.test_time = test_time or TestTime()

    def predict(self, image: Source, *, detail: Detail = PLAIN) -> Segmentation:
        """Segment one picture; the mask has exactly its size.

        The network sees the picture at the card's ``longest_side``, and the labels come back at
        the picture's own size.

        Args:
            image: A file, a Pillow image, or (H, W, C) pixels: uint8 RGB unless the card says
                otherwise.
            detail: What the result holds besides the mask.

        Raises:
            InputError: If the picture cannot be used.
            ConfigError: If edges should be smoothed and the card fills pictures up.
            ResourceError: If the memory does not suffice.
            WeightsError: If the network's output is not finite.
        """
        return self.predict_picture(self.read(image), detail=detail)

    def read(self, image: Source) -> Picture:
        """A picture as the network is to be given it.

        Raises:
            InputError: If the picture cannot be used.
        """
        return read_source(image, self.max_pixels, self.card.preprocessing.kind)

    def predict_picture(self, picture: Picture, *, detail: Detail = PLAIN) -> Segmentation:
        """Segment what `read` has read, as `predict` does."""
        start = time.perf_counter()
        if detail == PLAIN:
            found = Found(self.predict_pixels(picture.pixels))
        else:
            found = self._in_detail(picture.pixels, detail)
        seconds = time.perf_counter() - start
        notes = picture.notes + self._tile_notes(picture.pixels)
        return Segmentation(
            found.labels,
            self.label_set,
            picture.pixels,
            notes,
            seconds,
            found.confidence,
            found.probabilities,
        )

    def predict_many(
        self,
        images: Iterable[Source],
        *,
        detail: Detail = PLAIN,
        on_failure: Callable[[Source, AtrousError], object] | None = None,
    ) -> Iterator[tuple[Source, Segmentation]]:
        """Segment one picture after the other; the next is read while the network runs.

        Memory does not grow with the number of pictures.

        Args:
            images: As `predict` takes them, from a generator if need be.
            detail: What the results hold besides the mask.
            on_failure: Called with each picture that cannot be used and the reason, and the others
                go on. Without it the reason is raised.

        Yields:
            Each picture as it was given, and its segmentation, in order.

        Raises:
            AtrousError: As `predict`, without ``on_failure``.
        """
        outcomes = run_pipeline(
            images,
            self.read,
            lambda _, picture: self.predict_picture(picture, detail=detail),
            lambda _, result: result,
        )
        for image, outcome in outcomes:
            if isinstance(outcome, Segmentation):
                yield image, outcome
            elif on_failure is None:
                raise outcome
            else:
                on_failure(image, outcome)

    def predict_pixels(self, pixels: Pixels) -> LabelMap:
        """(H, W, C) -> (H, W) class indices."""
        if isinstance(self.engine, TiledEngine) and self._sees_tiles(self.engine, pixels):
            scene = Photo(resize_pixels(pixels, self._seen(pixels)), self._normalize)
            return self.engine.labels(scene, (pixels.shape[0], pixels.shape[1]))
        views, size = self._look(pixels)
        return self._cut_out(self._labels(views, size), pixels)

    def predict_surely(self, pixels: Pixels) -> tuple[LabelMap, NDArray[np.float32]]:
        """(H, W, C) -> class indices as `predict_pixels` has them, and their probability."""
        views, size = self._look(pixels)
        labels = self._labels(views, size)
        confidence = confidence_of(labels, views, align_corners=self.card.align_corners)
        return self._cut_out(labels, pixels), self._cut_out(confidence, pixels)

    def _sees_tiles(self, engine: TiledEngine, pixels: Pixels) -> bool:
        """Whether a picture is seen once and in tiles, so that its labels can be made in bands."""
        filled = self.card.preprocessing.eval_crop_size is not None
        return self.test_time.looks_once and not filled and bool(engine.plan(self._seen(pixels)))

    def _tile_notes(self, pixels: Pixels) -> tuple[str, ...]:
        engine = self.engine
        return engine.notes(self._seen(pixels)) if isinstance(engine, TiledEngine) else ()

    def _seen(self, pixels: Pixels) -> tuple[int, int]:
        return seen_size((pixels.shape[0], pixels.shape[1]), self.card.preprocessing)

    def _normalize(self, pixels: Pixels) -> NDArray[np.float32]:
        return normalize(pixels, self.card.preprocessing)

    def _in_detail(self, pixels: Pixels, detail: Detail) -> Found:
        views, size = self._look(pixels)
        align = self.card.align_corners
        if detail.smooth and self.card.preprocessing.eval_crop_size is not None:
            raise ConfigError("edges are smoothed at the picture's size, not with --eval-crop-size")
        if detail.smooth:
            labels = smoothed(views, pixels, align_corners=align)
        else:
            labels = self._labels(views, size)
        confidence = probabilities = None
        if detail.confidence:
            confidence = confidence_of(labels, views, align_corners=align)
            confidence = self._cut_out(confidence, pixels)
        if detail.probabilities:
            maps = probabilities_of(views, size, align_corners=align)
            probabilities = np.stack([self._cut_out(one, pixels) for one in maps])
        return Found(self._cut_out(labels, pixels), confidence, probabilities)

    def _look(self, pixels: Pixels) -> tuple[list[NDArray[np.float32]], tuple[int, int]]:
        """Logits of every look, and the height and width of the labels that they are made for."""
        images = prepare(pixels, self.card.preprocessing)
        align_corners = self.card.align_corners
        views = list(self.test_time.views(self.engine, images, align_corners=align_corners))
        if not all(np.isfinite(logits).all() for logits in views):
            raise WeightsError(
                f"the model {self.card.name!r} gave values that are not numbers; its weights are "
                "damaged"
            )
        filled = self.card.preprocessing.eval_crop_size is not None
        height, width = images.shape[2:] if filled else pixels.shape[:2]
        return views, (height, width)

    def _cut_out(self, values: NDArray[Any], pixels: Pixels) -> NDArray[Any]:
        """As released: of the whole filled picture the picture itself is cut out."""
        if self.card.preprocessing.eval_crop_size is None:
            return values
        height, width = pixels.shape[:2]
        rows, columns = seen_size((height, width), self.card.preprocessing)
        return _resize_nearest(values[:rows, :columns], (height, width))

    def _labels(self, views: list[NDArray[np.float32]], size: tuple[int, int]) -> LabelMap:
        if self.test_time.looks_once:
            return upsample_labels(views[0], size, align_corners=self.card.align_corners)
        return average_labels(views, size, align_corners=self.card.align_corners)


def prepare(pixels: Pixels, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Resize if need be, normalize, and fill up if asked for: (H, W, C) -> (1, C, h, w)."""
    size = seen_size((pixels.shape[0], pixels.shape[1]), preprocessing)
    pixels = resize_pixels(pixels, size)
    images = normalize(pixels, preprocessing)
    if preprocessing.eval_crop_size is not None:
        pairs = zip(size, preprocessing.eval_crop_size, strict=True)
        rows, columns = (_filled(side, crop) - side for side, crop in pairs)
        # The mean pixel is zero when it is normalized.
        images = np.pad(images, ((0, 0), (0, 0), (0, rows), (0, columns)))
    return images


def resize_pixels(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W, C) at the height and width at which the network sees it."""
    height, width = pixels.shape[:2]
    if size == (height, width):
        return pixels
    # The same two ways as in training: shrunk by areas, enlarged bilinearly.
    smooth = cv2.INTER_AREA if size[0] < height or size[1] < width else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, size[::-1], interpolation=smooth)
    return np.asarray(resized, pixels.dtype).reshape(*size, -1)


def normalize(pixels: Pixels, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """(H, W, C) -> (1, C, H, W), mean subtracted and divided by the deviation."""
    height, width = pixels.shape[:2]
    images = np.empty((1, pixels.shape[2], height, width), np.float32)
    planes = zip(images[0], cv2.split(pixels), preprocessing.mean, preprocessing.std, strict=True)
    for normed, plane, mean, std in planes:
        np.subtract(plane, np.float32(mean), out=normed, dtype=np.float32)
        np.divide(normed, np.float32(std), out=normed)
    return images


def seen_size(size: tuple[int, int], preprocessing: Preprocessing) -> tuple[int, int]:
    """Height and width at which the network sees a picture, before it is filled up."""
    wanted = preprocessing.longest_side
    if not wanted or max(size) == wanted:
        return size
    factor = wanted / max(size)
    height, width = (max(round(side * factor), 1) for side in size)
    return height, width


def _filled(side: int, crop: int) -> int:
    """The crop's side, or for a longer one the next multiple of 32 plus 1.

    Such sides are whole numbers of strides from the first pixel's centre to the last one's.
    """
    return crop if side <= crop else -(-(side - 1) // 32) * 32 + 1


def _resize_nearest(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The nearest value of every pixel, the corners on each other, as the release resizes."""
    rows, columns = (
        np.floor(np.arange(out) * (side - 1) / max(out - 1, 1) + 0.5).astype(np.intp)
        for out, side in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


def read_source(image: Source, max_pixels: int, kind: PixelKind = RGB8) -> Picture:
    """A picture from whatever it is given as.

    Raises:
        InputError: If it cannot be used.
    """
    if isinstance(image, Image.Image):
        return pixels_from_pillow(image, kind)
    if isinstance(image, np.ndarray):
        return pixels_from_array(image, kind)
    return read_pixels(Path(image), kind, max_pixels=max_pixels)

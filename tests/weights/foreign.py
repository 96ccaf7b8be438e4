"""Foreign weight files of our own making, for tests of their readers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

Arrays = Mapping[str, np.ndarray]


def write_ir(path: Path, layers: Arrays, *, precision: str = "FP16") -> Path:
    """An OpenVINO IR whose convolutions have these weights, each with biases 0, 1, 2 ...

    A weight (channels, 1, h, w) becomes a depthwise convolution.
    """
    dtype = {"FP16": np.float16, "FP32": np.float32}[precision]
    data, xml = b"", []
    for name, weights in layers.items():
        out, inner, height, width = weights.shape
        groups = out if inner == 1 and height > 1 else 1
        blobs = {"weights": weights, "biases": np.arange(out)}
        places = ""
        for tag, values in blobs.items():
            content = values.astype(dtype).tobytes()
            places += f'<{tag} offset="{len(data)}" size="{len(content)}"/>'
            data += content
        xml.append(
            f'<layer name="{name}/Conv2D" precision="{precision}" type="Convolution">'
            f'<data group="{groups}" kernel="{height},{width}" output="{out}"/>'
            f"<blobs>{places}</blobs></layer>"
        )
    path.write_text(f'<net version="4"><layers>{"".join(xml)}</layers></net>')
    path.with_suffix(".bin").write_bytes(data)
    return path


def mobilenetv2_layers() -> dict[str, np.ndarray]:
    """Every convolution of the released MobileNetV2 graph without decoder, filled at random."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"MobilenetV2/Conv": (32, 3, 3, 3)}
    channels = 32
    stages = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)]
    blocks = [(expansion, out) for expansion, out, repeats in stages for _ in range(repeats)]
    for index, (expansion, out) in enumerate(blocks):
        scope = f"MobilenetV2/expanded_conv{f'_{index}' if index else ''}"
        inner = channels * expansion
        if expansion > 1:
            shapes[f"{scope}/expand"] = (inner, channels, 1, 1)
        shapes[f"{scope}/depthwise"] = (inner, 1, 3, 3)
        shapes[f"{scope}/project"] = (out, inner, 1, 1)
        channels = out
    shapes |= {"image_pooling": (256, 320, 1, 1), "aspp0": (256, 320, 1, 1)}
    shapes |= {"concat_projection": (256, 512, 1, 1), "logits/semantic": (21, 256, 1, 1)}
    return {name: random.standard_normal(shape) for name, shape in shapes.items()}


def keras_arrays(*, first_automatic: int = 0) -> dict[str, np.ndarray]:
    """Keras' Xception in Keras' order, every array filled with its number in that order.

    ``first_automatic`` is the number that a session gives the first unnamed layer.
    """
    arrays: dict[str, np.ndarray] = {}

    def add(layer: str, *shapes: tuple[int, ...]) -> None:
        for index, shape in enumerate(shapes):
            arrays[f"{layer}/{index}"] = np.full(shape, len(arrays), np.float16)

    def add_separable(layer: str, before: int, after: int) -> None:
        add(layer, (3, 3, before, 1), (1, 1, before, after))
        add(f"{layer}_bn", *[(after,)] * 4)

    for index, (before, after) in enumerate([(3, 32), (32, 64)], start=1):
        add(f"block1_conv{index}", (3, 3, before, after))
        add(f"block1_conv{index}_bn", *[(after,)] * 4)
    channels, number = 64, first_automatic
    widths = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}
    for block in range(2, 14):
        before = channels
        for index, after in enumerate(widths.get(block, (728, 728, 728)), start=1):
            add_separable(f"block{block}_sepconv{index}", channels, after)
            channels = after
        if block in widths:
            suffix = f"_{number}" if number else ""
            add(f"conv2d{suffix}", (1, 1, before, channels))
            add(f"batch_normalization{suffix}", *[(channels,)] * 4)
            number += 1
    add_separable("block14_sepconv1", 1024, 1536)
    add_separable("block14_sepconv2", 1536, 2048)
    return arrays

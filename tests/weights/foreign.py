"""Foreign weight files of our own making, for tests of their readers."""

import json
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from atrous.weights.formats.crc32c import crc32c

Arrays = Mapping[str, np.ndarray]


def peer_state(network: str) -> dict[str, np.ndarray]:
    """Zeros by the names that another package's own code gave; they take no memory.

    The files were written by ``python -m parity.peers --names``.
    """
    lines = (Path(__file__).parent / "peers" / f"{network}.txt").read_text().splitlines()
    rows = (line.split(" ", 1) for line in lines)
    return {name: np.broadcast_to(np.float32(0), json.loads(shape)) for name, shape in rows}


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


def write_tf_checkpoint(prefix: Path, arrays: Arrays, *, shards: int = 1) -> Path:
    """A Saver V2 checkpoint: PREFIX.index, and the arrays dealt out to so many data files."""
    data = [b""] * shards
    rows: dict[bytes, bytes] = {b"": field(1, shards) + field(3, field(1, 1))}
    for index, name in enumerate(sorted(arrays)):
        values, shard = arrays[name], index % shards
        content = np.ascontiguousarray(values).tobytes()
        sides = b"".join(field(2, field(1, side)) for side in values.shape)
        number = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}
        rows[name.encode()] = (
            field(1, number[values.dtype.name])
            + field(2, sides)
            + field(3, shard)
            + field(4, len(data[shard]))
            + field(5, len(content))
            + _fixed32(6, _naive_masked_crc32c(content))
        )
        data[shard] += content
    for shard, content in enumerate(data):
        name = f"{prefix.name}.data-{shard:05d}-of-{shards:05d}"
        prefix.with_name(name).write_bytes(content)
    prefix.with_name(f"{prefix.name}.index").write_bytes(write_table(rows))
    return prefix


def write_table(rows: Mapping[bytes, bytes]) -> bytes:
    """A LevelDB table of blocks of three rows, each with the prefix of the row before it."""
    table, index = b"", {}
    keys = sorted(rows)
    for start in range(0, len(keys), 3):
        part = {key: rows[key] for key in keys[start : start + 3]}
        handle, table = append_block(table, part)
        index[max(part)] = handle
    return table_of_blocks(table, index)


def table_of_blocks(table: bytes, index: Mapping[bytes, bytes]) -> bytes:
    """A table of data blocks, with an index that has the place of each by its last key."""
    statistics, table = append_block(table, {})
    handle, table = append_block(table, index)
    footer = (statistics + handle).ljust(40, b"\0")
    return table + footer + (0xDB4775248B80FB57).to_bytes(8, "little")


def append_block(table: bytes, rows: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """Append a block of these rows; its place, and the table with it."""
    block, before = b"", b""
    for key, value in rows.items():
        shared = next(
            (i for i, pair in enumerate(zip(before, key, strict=False)) if pair[0] != pair[1]),
            min(len(before), len(key)),
        )
        block += _varint(shared) + _varint(len(key) - shared) + _varint(len(value))
        block, before = block + key[shared:] + value, key
    block += (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    handle = _varint(len(table)) + _varint(len(block))
    block += b"\0"
    return handle, table + block + _naive_masked_crc32c(block).to_bytes(4, "little")


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a number, or the bytes of a string or message."""
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    return _varint(number << 3) + _varint(value)


def _fixed32(number: int, value: int) -> bytes:
    return _varint(number << 3 | 5) + value.to_bytes(4, "little")


def naive_crc32c(data: bytes) -> int:
    """The definition, bit by bit."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF


def _naive_masked_crc32c(data: bytes) -> int:
    # Bit by bit is slow; of long data the fast one is taken, which its own test holds to this.
    crc = naive_crc32c(data) if len(data) < 1 << 12 else crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFF_FFFF


def keras_classifier_arrays(num_classes: int = 5) -> dict[str, np.ndarray]:
    """`keras_arrays` with the last layer, filled so that a network of them stays finite."""
    random = np.random.default_rng(0)
    arrays = keras_arrays() | {
        "predictions/0": np.empty((2048, num_classes)),
        "predictions/1": np.empty(num_classes),
    }
    return {
        name: (random.uniform(0.5, 1.5, v.shape) * 0.02).astype(np.float32)
        for name, v in arrays.items()
    }


def write_keras_h5(path: Path, arrays: Arrays, *, layout: str) -> Path:
    """A Keras file: ``legacy`` (Keras 2), ``named`` or ``numbered`` (Keras 3, new and old)."""
    layers: dict[str, list[np.ndarray]] = {}
    for name, values in arrays.items():
        layers.setdefault(name.rpartition("/")[0], []).append(values)
    with h5py.File(path, "w") as file:
        if layout == "legacy":
            _write_keras2(file.create_group("model_weights"), layers)
        else:
            _write_keras3(file, layers, named=layout == "named")
    return path


def _write_keras2(root: h5py.Group, layers: dict[str, list[np.ndarray]]) -> None:
    root.attrs["layer_names"] = [name.encode() for name in ("input_1", *layers)]
    root.create_group("input_1").attrs["weight_names"] = []
    for layer, values in layers.items():
        group = root.create_group(layer)
        names = [f"{layer}/weight_{index}:0" for index in range(len(values))]
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, value in zip(names, values, strict=True):
            group[name] = value


def _write_keras3(file: h5py.File, layers: dict[str, list[np.ndarray]], *, named: bool) -> None:
    counts: dict[str, int] = {}
    for layer, values in layers.items():
        kinds = {"sepconv": "separable_conv2d", "predictions": "dense", "conv": "conv2d"}
        kind = next((kind for part, kind in kinds.items() if part in layer), "")
        kind = "batch_normalization" if layer.endswith("_bn") or "batch" in layer else kind
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        group = file.create_group(f"layers/{kind}{f'_{number}' if number else ''}/vars")
        if named:
            group.attrs["name"] = layer
        for index, value in enumerate(values):
            group[str(index)] = value

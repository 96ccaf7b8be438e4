"""Damage to small weight files of every kind that is read, drawn from a seed."""

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from atrous.errors import AtrousError
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.convert import convert
from atrous.weights.formats.frozen_graph import read_frozen_graph
from atrous.weights.formats.openvino_ir import read_openvino_ir
from atrous.weights.formats.sorted_table import table_rows
from atrous.weights.formats.tf_archive import read_archive
from atrous.weights.formats.tf_checkpoint import read_tf_checkpoint
from atrous.weights.formats.tf_checkpoint_v1 import read_v1_checkpoint
from atrous.weights.formats.tflite import read_tflite
from atrous.weights.formats.torch_file import read_torch_file
from atrous.weights.from_keras import read_keras
from atrous.weights.from_onnx import load_onnx_model
from atrous.weights.model_file import load_model, save_model
from atrous.weights.tf_layers import encoder_layers, head_layers
from weights.foreign import write_ir, write_keras_h5, write_table, write_tf_checkpoint
from weights.foreign_graphs import (
    small_layers,
    write_frozen_graph,
    write_tflite,
    write_v1_checkpoint,
)

Random = np.random.Generator
Files = dict[str, bytes]
"""Contents by file name."""


def damage(files: Files, random: Random) -> Files:
    """Damage one of the files in one to three places."""
    name = random.choice(sorted(files))
    data = files[name]
    for _ in range(random.integers(1, 4)):
        data = DAMAGES[random.integers(len(DAMAGES))](data, random)
    return files | {name: data}


def damage_rows(files: Files, random: Random) -> Files:
    """Damage a value of a table, of which the checksums are then made anew."""
    name = next(name for name, data in files.items() if data[-8:] == _TABLE_END)
    rows = dict(table_rows(files[name]))
    key = sorted(rows)[random.integers(len(rows))]
    return files | {name: write_table(rows | damage({key: rows[key]}, random))}


def damage_unpacked(files: Files, random: Random) -> Files:
    """Damage what an archive is before it is compressed."""
    name = next(iter(files))
    unpacked = damage({name: gzip.decompress(files[name])}, random)[name]
    return {name: gzip.compress(unpacked, compresslevel=1)}


_TABLE_END = bytes.fromhex("57fb808b247547db")


def _place(data: bytes, random: Random) -> int:
    """Anywhere, or near the ends, where formats have their tables of contents."""
    near = min(len(data), 512)
    start, stop = [(0, len(data)), (0, near), (len(data) - near, len(data))][random.integers(3)]
    return int(random.integers(start, max(stop, start + 1)))


def _flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.integers(1, 9) if data else 0):
        changed[min(_place(data, random), len(data) - 1)] ^= 1 << random.integers(8)
    return bytes(changed)


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: _place(data, random)]


def _insert(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + random.bytes(random.integers(1, 65)) + data[place:]


def _zero(data: bytes, random: Random) -> bytes:
    place, length = _place(data, random), int(random.integers(1, 65))
    return data[:place] + bytes(len(data[place : place + length])) + data[place + length :]


def _repeat(data: bytes, random: Random) -> bytes:
    start, other = _place(data, random), _place(data, random)
    return data[:other] + data[start : start + random.integers(1, 257)] + data[other:]


def _leave_out(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + data[place + random.integers(1, 65) :]


def _extreme(data: bytes, random: Random) -> bytes:
    """A length or place that is 0, the largest, or the smallest."""
    place, size = _place(data, random), int(random.choice([1, 2, 4, 8]))
    largest = (1 << 8 * size) - 1
    value = [0, 1, largest, largest >> 1, largest // 2 + 1, largest >> 4][random.integers(6)]
    return data[:place] + value.to_bytes(size, "little") + data[place + size :]


def _digits(data: bytes, random: Random) -> bytes:
    """Another number where one is written out."""
    found = list(re.finditer(rb"\d+", data[:100_000]))
    if not found:
        return _extreme(data, random)
    start, end = found[random.integers(len(found))].span()
    others = [b"0", b"-1", b"4294967296", b"99999999999999999999", b"1e9", b""]
    return data[:start] + others[random.integers(len(others))] + data[end:]


DAMAGES = (_flip, _truncate, _insert, _zero, _repeat, _leave_out, _extreme, _extreme, _digits)


# --- Kinds of files -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    write: Callable[[Path], Path]
    """Writes a whole one into a folder, and returns what is given to ``read``."""
    read: Callable[[Path], object]
    damage: Callable[[Files, Random], Files] = damage


class Attempts:
    """Attempts to read damaged files of one kind.

    Args:
        kind: The kind.
        folder: An empty folder to work in.
    """

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.path = kind.write(folder)
        self.files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        kind.read(self.path)  # what is whole is read

    def __call__(self, seed: int) -> str:
        """``read`` or ``refused``; any other end is an exception of its own."""
        damaged = self.kind.damage(self.files, np.random.default_rng(seed))
        for name, content in damaged.items():
            (self.path.parent / name).write_bytes(content)
        try:
            self.kind.read(self.path)
        except AtrousError:
            return "refused"
        return "read"


def _arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"net/weights": (3, 3, 2, 4), "net/BatchNorm/gamma": (4,), "net/biases": (4,)}
    return {name: random.standard_normal(shape).astype("f4") for name, shape in shapes.items()}


def _keras_arrays() -> dict[str, np.ndarray]:
    return {"block1_conv1/0": np.ones((3, 3, 3, 2)), "block1_conv1_bn/0": np.ones(2)}


def _write_npz(folder: Path) -> Path:
    np.savez_compressed(folder / "x.npz", **_keras_arrays())
    return folder / "x.npz"


def _write_archive(folder: Path) -> Path:
    weights = write_keras_h5(folder / "w.h5", _keras_arrays(), layout="named")
    with zipfile.ZipFile(folder / "x.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("model.weights.h5")
        archive.writestr(member, weights.read_bytes(), zipfile.ZIP_DEFLATED)
    weights.unlink()
    return folder / "x.keras"


def _write_tar(folder: Path) -> Path:
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w") as archive:
        for file in sorted(_checkpoint_files(folder / "deeplab")):
            archive.add(file, f"deeplab/{file.name}", filter=_without_time)
            file.unlink()
    (folder / "x.tar.gz").write_bytes(gzip.compress(unpacked.getvalue(), mtime=0))
    return folder / "x.tar.gz"


def _without_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 0  # a seed stands for the same file on every day
    return member


def _checkpoint_files(folder: Path) -> list[Path]:
    folder.mkdir()
    write_tf_checkpoint(folder / "model.ckpt", _arrays())
    write_frozen_graph(folder / "frozen_inference_graph.pb", _arrays())
    return list(folder.iterdir())


SMALL = ModelConfig(
    encoder="mobilenetv2_035",
    decoder="deeplabv3",
    num_classes=3,
    atrous_rates=(),
    decoder_channels=8,
    padding="same",
    align_corners=True,
)
CARD = ModelCard(
    name="small",
    classes=("a", "b", "c"),
    palette=((0, 0, 0), (1, 1, 1), (2, 2, 2)),
    architecture=SMALL.model_dump(mode="json"),
)


def _small_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(SMALL)


def _write_safetensors(folder: Path) -> Path:
    save_model(folder / "x.safetensors", _small_model(), CARD)
    return folder / "x.safetensors"


def _write_onnx(folder: Path) -> Path:
    export_onnx(_small_model().eval(), CARD, folder / "x.onnx")
    return folder / "x.onnx"


def _write_pth(folder: Path, *, zipped: bool = True) -> Path:
    state = {name: torch.from_numpy(values) for name, values in _arrays().items()}
    training = {"epoch": 3, "state_dict": state, "best_score": np.float64(0.5)}
    torch.save(training, folder / "x.pth", _use_new_zipfile_serialization=zipped)
    return folder / "x.pth"


def _write_old_pth(folder: Path) -> Path:
    return _write_pth(folder, zipped=False)


def _write_foreign_safetensors(folder: Path) -> Path:
    state = {name: torch.from_numpy(values) for name, values in _arrays().items()}
    save_file(state, folder / "x.safetensors")
    return folder / "x.safetensors"


def network_layers() -> dict[str, np.ndarray]:
    """Every convolution of a small network, by TensorFlow's names."""
    with torch.device("meta"):
        state = build_model(SMALL).state_dict()
    layers = encoder_layers(SMALL.encoder) | head_layers(SMALL)
    random = np.random.default_rng(0)
    found = {}
    for scope, layer in layers.items():
        name = f"{layer.name}.weight" if layer.bare else f"{layer.name}.conv.weight"
        if name in state:
            found[scope] = random.standard_normal(tuple(state[name].shape)) / 9
    return found


def _write_whole_graph(folder: Path) -> Path:
    arrays = {}
    for scope, weights in network_layers().items():
        depthwise = weights.shape[1] == 1 and weights.shape[2] > 1
        leaf, axes = ("depthwise_weights", (2, 3, 0, 1)) if depthwise else ("weights", (2, 3, 1, 0))
        arrays[f"{scope}/{leaf}"] = weights.transpose(axes).astype("f4")
        if scope == "logits/semantic":
            arrays[f"{scope}/biases"] = np.zeros(len(weights), "f4")
        else:
            arrays[f"{scope}/Conv2D_bn_offset"] = np.zeros(len(weights), "f4")
    return write_frozen_graph(folder / "x.pb", arrays)


KINDS: Mapping[str, Kind] = {
    "TensorFlow checkpoint": Kind(
        lambda folder: write_tf_checkpoint(folder / "x", _arrays()), read_tf_checkpoint
    ),
    "TensorFlow checkpoint, checksums right": Kind(
        lambda folder: write_tf_checkpoint(folder / "x", _arrays()), read_tf_checkpoint, damage_rows
    ),
    "V1 checkpoint": Kind(
        lambda folder: write_v1_checkpoint(folder / "x", _arrays()), read_v1_checkpoint
    ),
    "V1 checkpoint, checksums right": Kind(
        lambda folder: write_v1_checkpoint(folder / "x", _arrays()), read_v1_checkpoint, damage_rows
    ),
    "frozen graph": Kind(
        lambda folder: write_frozen_graph(folder / "x.pb", _arrays()), read_frozen_graph
    ),
    "frozen graph, whole network": Kind(_write_whole_graph, convert),
    "archive of the release": Kind(_write_tar, read_archive),
    "archive of the release, unpacked": Kind(_write_tar, read_archive, damage_unpacked),
    "TFLite": Kind(lambda folder: write_tflite(folder / "x.tflite", small_layers()), read_tflite),
    "TFLite, int8": Kind(
        lambda folder: write_tflite(folder / "x.tflite", small_layers(), dtype="int8"), read_tflite
    ),
    "TFLite, whole network": Kind(
        lambda folder: write_tflite(folder / "x.tflite", network_layers(), dtype="int8"), convert
    ),
    "OpenVINO IR": Kind(
        lambda folder: write_ir(folder / "x.xml", small_layers()), read_openvino_ir
    ),
    "Keras .npz": Kind(_write_npz, read_keras),
    "Keras .h5 of Keras 2": Kind(
        lambda folder: write_keras_h5(folder / "x.h5", _keras_arrays(), layout="legacy"), read_keras
    ),
    "Keras .h5 of Keras 3": Kind(
        lambda folder: write_keras_h5(folder / "x.h5", _keras_arrays(), layout="numbered"),
        read_keras,
    ),
    "Keras .keras": Kind(_write_archive, read_keras),
    "PyTorch .pth": Kind(_write_pth, read_torch_file),
    "PyTorch .pth as before torch 1.6": Kind(_write_old_pth, read_torch_file),
    "safetensors of others": Kind(_write_foreign_safetensors, read_torch_file),
    "safetensors": Kind(_write_safetensors, load_model),
    "ONNX": Kind(_write_onnx, load_onnx_model),
}
"""Every kind that conversion and training start from."""

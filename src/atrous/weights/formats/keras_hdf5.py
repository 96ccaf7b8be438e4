"""Read the HDF5 files of Keras, each in a process of its own.

On some damaged files the HDF5 library does not return, and nothing within a process can end it. So
this module is also the program of that process, and imports nothing of atrous for it.
"""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Arrays: TypeAlias = dict[str, NDArray[np.float32]]

SECONDS = 60
"""After so long a process is ended; 88 MB take one."""
_MAX_BYTES = 2 << 30
_NO_H5PY = 3
"""What the process ends with if h5py is not installed."""


def read_keras_hdf5(path: Path) -> Arrays:
    """Read every array, by ``LAYER/INDEX``.

    Args:
        path: ``.h5`` of Keras 2 or 3, or a ``.keras`` archive.

    Raises:
        ValueError: If the file is damaged, or holds something else.
        DependencyError: If h5py is not installed.
    """
    command = [sys.executable, "-P", __file__, str(path)]
    # A file can name filters; by this none is loaded that is not part of the library.
    environment = os.environ | {"HDF5_PLUGIN_PRELOAD": "::"}
    try:
        run = subprocess.run(  # noqa: S603 - this very module
            command, capture_output=True, timeout=SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"the HDF5 library had not read it after {SECONDS} s") from None
    if run.returncode == _NO_H5PY:
        raise _missing()
    if run.returncode:
        reason = run.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ValueError(reason or f"the HDF5 library ended with {run.returncode}")
    with np.load(io.BytesIO(run.stdout), allow_pickle=False) as arrays:
        return dict(arrays)


def _missing() -> Exception:
    from atrous.errors import DependencyError  # noqa: PLC0415 - not in the process

    return DependencyError("Keras' .h5 and .keras files need h5py; pip install 'atrous[convert]'")


# --- In the process -----------------------------------------------------------------------------


def _main(path: str) -> int:
    try:
        arrays = _read(Path(path))
        np.savez(sys.stdout.buffer, **cast("dict[str, Any]", arrays))
    except ModuleNotFoundError:
        return _NO_H5PY
    # h5py raises many types on damaged files; each means the same.
    except Exception as error:
        sys.stderr.write(f"{error}")
        return 1
    return 0


def _read(path: Path) -> Arrays:
    """An HDF5 file, or ``.keras``: a member of it; the config beside that is never looked at."""
    if path.suffix != ".keras":
        return _read_hdf5(path)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("model.weights.h5")
        if member.file_size > _MAX_BYTES:
            raise ValueError(f"its weights claim {member.file_size} bytes")
        return _read_hdf5(io.BytesIO(archive.read(member)))


def _read_hdf5(source: Path | IO[bytes]) -> Arrays:
    import h5py  # noqa: PLC0415

    with h5py.File(source, "r") as file:
        root = _child(file, "model_weights") if "model_weights" in file else file
        if "layer_names" in root.attrs:
            return _gather(_keras2(root))
        if "layers" in file:
            return _gather(_keras3(_child(file, "layers")))
        raise ValueError("neither Keras' layer_names nor its layers are in it")


def _gather(datasets: Iterator[tuple[str, Any]]) -> Arrays:
    arrays, total = {}, 0
    for name, dataset in datasets:
        total += dataset.nbytes
        if total > _MAX_BYTES:
            raise ValueError(f"up to {name} its arrays claim {total} bytes")
        arrays[name] = np.asarray(dataset[()], np.float32)
    return arrays


def _keras2(root: Any) -> Iterator[tuple[str, Any]]:
    for layer in map(_text, root.attrs["layer_names"]):
        group = _child(root, layer)
        for index, name in enumerate(group.attrs["weight_names"]):
            yield f"{layer}/{index}", _dataset(group, _text(name))


def _keras3(layers: Any) -> Iterator[tuple[str, Any]]:
    for group in layers:
        values = _child(_child(layers, group), "vars")
        # Newer files name the layer; older ones number the layers of each class.
        layer = _text(values.attrs["name"]) if "name" in values.attrs else _KERAS3.get(group, group)
        for index in sorted(values, key=int):
            yield f"{layer}/{index}", _dataset(values, index)


def _child(group: Any, name: str) -> Any:
    """What a group holds under a name, unless it is a link that could lead out of the file."""
    import h5py  # noqa: PLC0415

    if type(group.get(name, getlink=True)) is not h5py.HardLink:
        raise ValueError(f"{name} is a link, which could lead out of the file")
    return group[name]


def _dataset(group: Any, name: str) -> Any:
    place = group
    for part in name.split("/"):
        place = _child(place, part)
    if place.external or place.is_virtual:
        raise ValueError(f"{name} lies outside the file; that is never followed")
    return place


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _keras3_names() -> dict[str, str]:
    """Xception's layers as Keras 3 numbers them: each class for itself, in the model's order."""
    convs = ["block1_conv1", "block1_conv2", "conv2d", "conv2d_1", "conv2d_2", "conv2d_3"]
    separable, norms = [], ["block1_conv1_bn", "block1_conv2_bn"]
    shortcuts = {2: "", 3: "_1", 4: "_2", 13: "_3"}
    for block in range(2, 15):
        for index in range(1, 4 if 5 <= block <= 12 else 3):
            separable.append(f"block{block}_sepconv{index}")
            norms.append(f"block{block}_sepconv{index}_bn")
        if block in shortcuts:
            norms.append(f"batch_normalization{shortcuts[block]}")
    counted = {"conv2d": convs, "separable_conv2d": separable, "batch_normalization": norms}
    names = {
        f"{kind}_{number}" if number else kind: layer
        for kind, layers in counted.items()
        for number, layer in enumerate(layers)
    }
    return names | {"dense": "predictions"}


_KERAS3 = _keras3_names()


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1]))

import zipfile

import h5py
import numpy as np
import pytest
import torch

from atrous.encoders.xception_original import Xception
from atrous.errors import WeightsError
from atrous.weights.formats import keras_hdf5
from atrous.weights.from_keras import load_keras_xception, read_keras
from atrous.weights.start import load_start
from weights.foreign import keras_classifier_arrays, write_keras_h5

LAYOUTS = ("legacy", "named", "numbered")


@pytest.fixture(scope="module")
def arrays():
    return keras_classifier_arrays()


@pytest.fixture(scope="module")
def files(arrays, tmp_path_factory):
    """One file of every kind, with the same arrays."""
    folder = tmp_path_factory.mktemp("keras")
    found = {
        layout: write_keras_h5(folder / f"{layout}.h5", arrays, layout=layout) for layout in LAYOUTS
    }
    found["archive"] = folder / "model.keras"
    with zipfile.ZipFile(found["archive"], "w") as archive:
        archive.write(found["named"], "model.weights.h5")
        archive.writestr("config.json", "{}")
    found["arrays"] = folder / "model.npz"
    np.savez(found["arrays"], **arrays)
    return found


@pytest.mark.parametrize("kind", [*LAYOUTS, "archive", "arrays"])
def test_every_kind_of_file_gives_the_same_classifier(kind, files, arrays):
    state = load_keras_xception(files[kind])[0].state_dict()

    np.testing.assert_array_equal(state["classifier.weight"], arrays["predictions/0"].T)
    for ours, layer in (
        ("root.1", "block1_conv2"),
        ("stages.0.shortcut", "conv2d"),
        ("stages.11.shortcut", "conv2d_3"),
    ):
        expected = arrays[f"{layer}/0"].transpose(3, 2, 0, 1)
        np.testing.assert_array_equal(state[f"encoder.{ours}.conv.weight"], expected)
    depthwise = arrays["block9_sepconv3/0"].transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(
        state["encoder.stages.7.convs.2.depthwise.conv.weight"], depthwise
    )
    variance = arrays["block14_sepconv2_bn/3"]
    np.testing.assert_array_equal(state["encoder.exit.2.pointwise.norm.running_var"], variance)
    shift = arrays["batch_normalization_2/1"]
    np.testing.assert_array_equal(state["encoder.stages.2.shortcut.norm.bias"], shift)


def test_all_236_arrays_are_read(files):
    assert len(read_keras(files["legacy"])) == 236


def test_a_training_starts_from_a_keras_file(files, arrays):
    model = torch.nn.ModuleDict({"encoder": Xception()})

    assert load_start(model, files["archive"]) == []

    expected = arrays["block1_conv1/0"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(model["encoder"].root[0].conv.weight.detach(), expected)


def test_an_encoder_without_its_classifier_is_no_classifier(arrays, tmp_path):
    encoder = {name: v for name, v in arrays.items() if not name.startswith("predictions")}
    path = write_keras_h5(tmp_path / "notop.h5", encoder, layout="legacy")

    with pytest.raises(WeightsError, match=r"notop\.h5: has no classifier"):
        load_keras_xception(path)


def test_arrays_that_do_not_fit_are_named(arrays, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **(arrays | {"block4_sepconv1/1": np.zeros((1, 1, 256, 700), np.float32)}))

    with pytest.raises(WeightsError, match=r"1 tensors .*stages\.2\.convs\.0\.pointwise"):
        load_keras_xception(path)


def test_layers_of_other_networks_are_named(arrays, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **arrays, **{"attention/0": np.zeros(3, np.float32)})

    with pytest.raises(WeightsError, match=r"x\.npz: 1 of 235 values .* attention/0"):
        load_keras_xception(path)


@pytest.mark.parametrize("link", ["external", "soft"])
@pytest.mark.parametrize("place", ["layers", "layers/conv2d", "layers/conv2d/vars/0"])
def test_links_out_of_a_file_are_never_followed(link, place, files, tmp_path):
    path = tmp_path / "evil.h5"
    path.write_bytes(files["named"].read_bytes())
    with h5py.File(path, "a") as file:
        del file[place]
        target = h5py.SoftLink("/x") if link == "soft" else None
        file[place] = target or h5py.ExternalLink(str(files["named"]), place)

    with pytest.raises(WeightsError, match=r"evil\.h5: cannot be read as \.h5 arrays \(.* a link"):
        read_keras(path)


def test_values_outside_a_file_are_never_read(files, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(range(128)))
    path = tmp_path / "evil.h5"
    path.write_bytes(files["named"].read_bytes())
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
        file["layers/dense/vars"].create_dataset(
            "1", (5,), "f4", external=[(str(tmp_path / "secret"), 0, 20)]
        )

    with pytest.raises(WeightsError, match="lies outside the file"):
        read_keras(path)


@pytest.mark.parametrize("name", ["x.h5", "x.keras"])
@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + bytes(18)]
)
def test_damaged_files_are_refused_with_their_name(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(
        WeightsError, match=rf"{path.name}: cannot be read as \{path.suffix} arrays"
    ):
        read_keras(path)


def test_an_hdf5_of_something_else_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["temperature"] = np.arange(3)

    with pytest.raises(WeightsError, match="neither Keras' layer_names nor its layers"):
        read_keras(tmp_path / "other.h5")


def test_a_file_on_which_the_library_does_not_return_is_refused(files, monkeypatch):
    monkeypatch.setattr(keras_hdf5, "SECONDS", 0.001)  # less than any process takes

    with pytest.raises(WeightsError, match=r"had not read it after 0\.001 s"):
        read_keras(files["legacy"])


def test_arrays_larger_than_any_network_are_refused(files, tmp_path):
    path = tmp_path / "many.h5"
    path.write_bytes(files["named"].read_bytes())
    with h5py.File(path, "a") as file:
        file["layers/dense/vars"].create_dataset("2", (1 << 30,), "f4", chunks=(1 << 20,))

    with pytest.raises(WeightsError, match="up to predictions/2 its arrays claim 4"):
        read_keras(path)

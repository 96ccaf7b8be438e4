"""Arrays from MATLAB's files."""

from pathlib import Path

import numpy as np
import pytest

from atrous.data.matlab import read_field
from atrous.errors import AtrousError, DatasetError, InputError
from data.mat_files import BYTES, CHAR, DOUBLE, array, element, mat_file, structure, whole

LABELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def read(path, content):
    path.write_bytes(content)
    return read_field(path, "GTcls", "Segmentation")


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_lie_where_matlab_had_them(tmp_path, compressed, order):
    content = mat_file(LABELS, compressed=compressed, order=order)

    np.testing.assert_array_equal(read(tmp_path / "a.mat", content), LABELS)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "int64"])
def test_what_scipy_writes_is_read(tmp_path, compressed, kind):
    scipy_io = pytest.importorskip("scipy.io")
    sparse = pytest.importorskip("scipy.sparse")
    random = np.random.default_rng(3)
    labels = random.integers(0, 21, (37, 50)).astype(kind)
    boundaries = np.empty((20, 1), object)
    boundaries[:, 0] = [sparse.csc_matrix(random.random((37, 50)) > 0.9) for _ in range(20)]
    content = {
        "Boundaries": boundaries,
        "Segmentation": labels,
        "CategoriesPresent": [[3.0], [9.0]],
    }
    scipy_io.savemat(tmp_path / "a.mat", {"x": "text", "GTcls": content}, do_compression=compressed)

    np.testing.assert_array_equal(read_field(tmp_path / "a.mat", "GTcls", "Segmentation"), labels)


def test_what_matlab_itself_wrote_is_read_as_scipy_reads_it(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    folder = Path(scipy_io.__file__).parent / "matlab" / "tests" / "data"
    paths = sorted(folder.glob("teststructnest_*.mat"))  # of four versions, one big-endian
    if not paths:
        pytest.skip("scipy was installed without its test data")

    for path in paths:
        expected = scipy_io.loadmat(path)["teststructnest"]["one"][0, 0]
        np.testing.assert_array_equal(read_field(path, "teststructnest", "one"), expected)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (whole(), "holds no field 'Segmentation' of a structure 'GTcls'"),
        (whole(structure({"Segmentation": array(9, (0, 0))}, name="GTinst")), "holds no field"),
        (whole(structure({"Boundaries": array(9, (0, 0))})), "holds no field"),
        (whole(structure({"Segmentation": array(CHAR, (1, 1), element(4, b"a\0"))})), "no whole"),
        (whole(structure({"Segmentation": array(DOUBLE, (1, 1), element(9, b"8" * 8))})), "whole"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, reason):
    with pytest.raises(DatasetError, match=rf"a\.mat: .*{reason}"):
        read(tmp_path / "a.mat", content)


@pytest.mark.parametrize(
    "content",
    [b"", b"MATLAB 5.0", b"\x89PNG" * 99, mat_file(LABELS).replace(b"MATLAB 5.0", b"MATLAB 7.3")],
)
def test_a_file_of_another_format_says_how_to_save_it(tmp_path, content):
    with pytest.raises(InputError, match=r"a\.mat: not a file of MATLAB 5 to 7\.2.*'-v7'"):
        read(tmp_path / "a.mat", content)


@pytest.mark.parametrize("shape", [(4, 7), (-4, -6), (2**31 - 1, 2**31 - 1), (24,) + (1,) * 40, ()])
def test_a_shape_that_its_values_do_not_fill_is_refused(tmp_path, shape):
    numbers = array(BYTES, shape, element(2, LABELS.tobytes()))

    with pytest.raises(InputError, match=r"a\.mat: damaged"):
        read(tmp_path / "a.mat", whole(structure({"Segmentation": numbers})))


def test_an_array_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read(tmp_path / "a.mat", whole(bytes(65 << 20)))


def test_a_file_of_endless_small_elements_is_refused(tmp_path):
    with pytest.raises(InputError, match="more than 10000"):
        read(tmp_path / "a.mat", whole(element(14, b"") * 10_001))


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.mat: cannot be read"):
        read_field(tmp_path / "gone.mat", "GTcls", "Segmentation")


@pytest.mark.parametrize("compressed", [True, False])
def test_every_truncation_and_every_changed_byte_ends_in_values_or_a_sentence(tmp_path, compressed):
    path, content = tmp_path / "a.mat", mat_file(LABELS, compressed=compressed)
    damaged = [content[:place] for place in range(len(content))]
    for place in range(len(content)):
        damaged += [content[:place] + bytes([new]) + content[place + 1 :] for new in (0, 127, 255)]

    for one in damaged:
        try:
            assert isinstance(read(path, one), np.ndarray)
        except AtrousError as error:
            assert str(path) in str(error)  # noqa: PT017, both ends are good

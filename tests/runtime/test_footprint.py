import pytest

from atrous.errors import ConfigError
from atrous.runtime.footprint import bytes_per_pixel, parse_memory, resident_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1GB", 1 << 30), ("1.5 GiB", 3 << 29), ("800m", 800 << 20), ("4096", 4096), (None, None)],
)
def test_memory_is_read_as_people_write_it(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-1GB", "1 XB", "1,5GB", "0", "9" * 12 + "T"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(ConfigError, match=r"800MB or 1\.5GB"):
        parse_memory(text)


def test_denser_maps_more_classes_and_torch_take_more():
    usual = bytes_per_pixel({"encoder": "xception65"}, 21, "onnxruntime")

    assert bytes_per_pixel({"encoder": "xception65", "output_stride": 8}, 21, "onnxruntime") > usual
    assert bytes_per_pixel({"encoder": "xception65"}, 150, "onnxruntime") > usual
    assert bytes_per_pixel({"encoder": "xception65"}, 21, "torch") > usual
    assert bytes_per_pixel({}, 21, "onnxruntime") > usual


def test_a_process_of_python_and_numpy_holds_more_than_ten_megabytes():
    assert resident_bytes() > 10 << 20

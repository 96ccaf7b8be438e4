import struct

import numpy as np
import pytest

from atrous.weights.formats.flatbuffer import root_table
from weights.foreign_graphs import flatbuffer

TABLE = {
    0: ("i", -7),
    2: ("?", True),
    3: "a name",
    4: np.arange(3, dtype="<i8"),
    5: [{0: ("i", 1)}, {0: ("i", 2)}],
    6: {1: ("H", 9)},
}


def test_every_kind_of_field_comes_back():
    table = root_table(flatbuffer(TABLE))

    assert table.number(0, "i") == -7
    assert table.number(2, "?") == 1
    assert table.text(3) == "a name"
    assert table.vector(4, "<i8").tolist() == [0, 1, 2]
    assert [inner.number(0, "i") for inner in table.tables(5)] == [1, 2]
    assert table.table(6).number(1, "H") == 9


def test_a_field_that_is_not_there_has_its_default():
    table = root_table(flatbuffer(TABLE))

    assert table.number(1, "i", 5) == 5
    assert table.number(99, "i") == 0
    assert (table.table(99), table.text(99), list(table.tables(99))) == (None, "", [])
    assert table.vector(99, "<f4").size == 0


def test_a_vector_longer_than_the_file_is_refused():
    data = bytearray(flatbuffer({0: np.arange(3, dtype="<i8")}))
    data[data.index(struct.pack("<Iq", 3, 0))] = 200

    with pytest.raises(ValueError, match="a vector of 200 items reaches past the end"):
        root_table(bytes(data)).vector(0, "<i8")


def test_lists_and_names_too_long_to_be_real_are_refused():
    table = root_table(flatbuffer({0: "x" * ((1 << 16) + 1), 1: [{}] * ((1 << 16) + 1)}))

    with pytest.raises(ValueError, match="a name of 65537 letters"):
        table.text(0)
    with pytest.raises(ValueError, match="a list of 65537 tables"):
        next(table.tables(1))


@pytest.mark.parametrize("length", [0, 3, 7, 11])
def test_truncated_data_are_refused(length):
    with pytest.raises(ValueError, match="is outside of the file"):
        root_table(flatbuffer(TABLE)[:length]).number(0, "i")

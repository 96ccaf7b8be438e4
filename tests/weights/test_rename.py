import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.rename import Rule, rename

ONE = np.ones((1, 2), np.float32)


def test_groups_of_the_pattern_go_into_our_name():
    renamed = rename({"block7/kernel": ONE}, [Rule(r"block(\d)/kernel", r"blocks.\1.weight")])

    assert list(renamed) == ["blocks.7.weight"]


def test_values_are_brought_into_our_layout():
    renamed = rename({"a": ONE}, [Rule("a", "b", lambda values: values.transpose(1, 0))])

    assert renamed["b"].shape == (2, 1)


def test_the_first_rule_that_matches_the_whole_name_is_taken():
    rules = [Rule("a", "part"), Rule("a/b", "whole"), Rule(r"a/.", "late")]

    assert list(rename({"a/b": ONE}, rules)) == ["whole"]


def test_values_may_be_left_out_by_rule():
    assert rename({"logits": ONE}, [Rule("logits", None)]) == {}


def test_a_value_without_a_rule_is_an_error():
    with pytest.raises(WeightsError, match=r"2 of 3 values have no place .* first are b, c"):
        rename({"a": ONE, "b": ONE, "c": ONE}, [Rule("a", "x")])

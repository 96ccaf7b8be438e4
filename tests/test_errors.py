"""Errors that users meet: their exit codes, and their way through pickles."""

import pickle
import re

import pytest

from atrous import errors
from atrous.errors import AtrousError, InputError

ALL = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and value.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_one_of_ours_and_takes_one_message(kind):
    assert issubclass(kind, AtrousError)
    assert str(kind("what, where, what to do")) == "what, where, what to do"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_keeps_its_type_and_message_in_a_pickle(kind):
    copy = pickle.loads(pickle.dumps(kind("a message")))  # noqa: S301 - made one line above

    assert type(copy) is kind
    assert str(copy) == "a message"


def test_the_exit_codes_are_those_that_the_module_lists():
    listed = re.findall(r"\* (\w+)\s+(?:exit code )?(\d+)", errors.__doc__ or "")

    assert {name: int(code) for name, code in listed} == {e.__name__: e.exit_code for e in ALL}


def test_a_wrong_dataset_is_also_a_wrong_input():
    assert issubclass(errors.DatasetError, InputError)


def test_errors_that_python_has_a_name_for_are_caught_by_it():
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.DependencyError, ImportError)

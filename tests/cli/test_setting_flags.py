"""Flags are made from a recipe's fields."""

import inspect

from atrous.cli.setting_flags import chosen_settings, with_setting_flags
from atrous.recipes.settings import settings


def command(what: str, **settings: object) -> int:
    return len(what) + len(settings)


def test_a_command_gets_a_flag_for_each_setting_behind_its_own():
    names = list(inspect.signature(with_setting_flags(command)).parameters)

    assert names == ["what", *(key.replace(".", "__") for key in settings())]


def test_what_was_typed_is_told_by_key_and_the_rest_left_out():
    typed = {"train__loss__focal": "1.5", "data__flip": False, "data__blur": None}

    assert chosen_settings(typed) == {"train.loss.focal": 1.5, "data.flip": False}

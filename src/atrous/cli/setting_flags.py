"""A flag for each setting of a recipe, made from the recipe's fields."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

from cyclopts import Group, Parameter

from atrous.recipes.settings import Setting, parse_setting, settings

Command: TypeAlias = Callable[..., int]


def with_setting_flags(command: Command) -> Command:
    """Give a command that takes ``**settings`` a flag for each setting, with its help.

    Flags are named as the fields: ``--crop-size``, ``--loss.focal``. What was typed comes under
    the keys of `atrous.recipes.settings.settings`, for `chosen_settings` to read.
    """
    signature = inspect.signature(command)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    groups = {
        table: Group(f"Settings of the {what}, before those of the recipe or plan", sort_key=place)
        for place, (table, what) in enumerate(
            (("model", "network"), ("data", "data"), ("train", "training")), start=1
        )
    }
    flags = [_flag(setting, groups) for setting in settings().values()]
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    return command


def chosen_settings(typed: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the settings that were typed, by key."""
    given = {key.replace("__", "."): value for key, value in typed.items() if value is not None}
    return {
        key: value if isinstance(value, bool) else parse_setting(key, value)
        for key, value in given.items()
    }


def _flag(setting: Setting, groups: Mapping[str, Group]) -> inspect.Parameter:
    kind = bool if setting.field.annotation is bool else str
    parameter = Parameter(
        name=setting.flag,
        help=_help(setting),
        group=groups[setting.key.partition(".")[0]],
        show_default=False,
    )
    return inspect.Parameter(
        setting.key.replace(".", "__"),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, parameter],
    )


def _help(setting: Setting) -> str:
    words = _words(setting.field.annotation)
    return f"{setting.meaning} One of {', '.join(words)}." if words else setting.meaning


def _words(annotation: Any) -> tuple[str, ...]:
    """The words that a setting of words alone may be."""
    named = get_args(annotation) if get_origin(annotation) is Literal else ()
    return tuple(word for word in named if isinstance(word, str))

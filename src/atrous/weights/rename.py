"""Translate foreign names into ours, with nothing left over that was not said to be."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError

Values = Mapping[str, NDArray[np.float32]]


def _as_is(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values


@dataclass(frozen=True)
class Rule:
    """One line of a translation table: a foreign name, our name, and a reshape."""

    pattern: str
    """Regular expression that must match the whole foreign name."""
    target: str | None
    """Our name, with \\1, \\2 ... for the groups of ``pattern``; None to leave it out."""
    convert: Callable[[NDArray[np.float32]], NDArray[np.float32]] = _as_is
    """Applied to the values, for layouts that differ."""


def rename(source: Values, rules: Iterable[Rule]) -> dict[str, NDArray[np.float32]]:
    """Translate every value by the first rule that matches its name.

    Raises:
        WeightsError: If a foreign name has no rule.
    """
    table = tuple(rules)
    renamed: dict[str, NDArray[np.float32]] = {}
    unused: list[str] = []
    for name, values in source.items():
        for rule in table:
            match = re.fullmatch(rule.pattern, name)
            if match:
                if rule.target is not None:
                    renamed[match.expand(rule.target)] = rule.convert(values)
                break
        else:
            unused.append(name)
    if unused:
        raise WeightsError(
            f"{len(unused)} of {len(source)} values have no place in the model; "
            f"the first are {', '.join(unused[:3])}"
        )
    return renamed

"""A plan as a file: a recipe's TOML with the reason of each setting above it."""

import json
import textwrap
from collections.abc import Iterable
from itertools import groupby

from atrous.recipes.measure import Machine, Measured, name_of_device, name_of_size
from atrous.recipes.plan import Decision

_TABLES = ("inputs", "model", "data", "train")


def plan_text(plan: Iterable[Decision], measured: Measured) -> str:
    """A plan as a recipe's TOML, with the reasons as comments."""
    ordered = sorted(plan, key=_table)
    parts = [_heading(measured)]
    for (_, name), decisions in groupby(ordered, key=_table):
        lines = [f"[{name}]"]
        for key, value, reason in decisions:
            lines += [*_comment(reason), f"{key.rpartition('.')[2]} = {_toml(value)}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def with_estimate(text: str, estimate: str) -> str:
    """A plan with a sentence on top of it."""
    return "\n".join([*_comment(estimate), "#", text])


def _table(decision: Decision) -> tuple[int, str]:
    table = decision.key.rpartition(".")[0]
    return _TABLES.index(table.partition(".")[0]), table


def _heading(m: Measured) -> str:
    kind = m.channels.kind if m.channels else "8-bit RGB"
    median, largest = name_of_size(m.median_size), name_of_size(m.largest_size)
    what = (
        f"A plan for {json.dumps(m.data)}: {m.pictures} pictures to train on and "
        f"{m.eval_pictures} to measure on, {len(m.classes)} classes, {kind}; {m.sampled} pictures "
        f"were read: median {median}, largest {largest} (height x width). {_machine(m.machine)}."
    )
    how = "Edit it, and train it with: atrous train FILE, this file's name. Flags go before it."
    return "\n".join([*_comment(what), "#", *_comment(how)])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 96, break_on_hyphens=False)]


def _toml(value: object) -> str:
    # JSON's strings, numbers, booleans and lists are TOML's too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _machine(machine: Machine) -> str:
    cores = f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    memory = f"{machine.memory / 2**30:.1f} GiB of memory free"
    return f"{cores}, {name_of_device(machine)}, {memory}"

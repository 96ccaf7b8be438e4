"""``atrous model info``: what is known of a model, and what it is made of."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from atrous.cli.model_known import look_up
from atrous.cli.options import JsonFlag, QuietFlag, parse_size
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, DependencyError

_SIDES = range(33, 8194)
_WITHOUT_TORCH = (
    "with torch this also shows the layers, their costs, receptive fields and memory: "
    "pip install 'atrous[train]'"
)


def info_model(
    model: Annotated[
        str,
        Parameter(
            help="A shipped model, recipe or official checkpoint by name, a model file, or a run "
            "folder."
        ),
    ],
    *,
    size: Annotated[
        str | None,
        Parameter(
            help="Height x width of the pictures to count for, such as 513x513. Default: as the "
            "model sees them."
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Show what is known of a model and, where torch is installed, what it is made of.

    Nothing is computed for it and no memory taken: the network is built without values.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    wanted = _picture_size(size) if size else None
    known = look_up(model)
    terminal.show(known.facts)
    if known.remark:
        terminal.say(known.remark)
    report = dict(known.as_json)
    if known.architecture is not None:
        height, width = (min(side, _SIDES[-1]) for side in known.size)
        size_seen = wanted or (height, width)
        report["summary"] = _show_parts(terminal, known.architecture, size_seen)
    terminal.give("model info", report)
    return 0


def _picture_size(text: str) -> tuple[int, int] | None:
    """Height and width that can be counted for.

    Raises:
        ConfigError: If ``text`` is something else.
    """
    size = parse_size(text)
    if size and not all(side in _SIDES for side in size):
        raise ConfigError(f"--size takes sides from {_SIDES[0]} to {_SIDES[-1]}, not {text}")
    return size


def _show_parts(
    terminal: Terminal, architecture: Mapping[str, object], size: tuple[int, int]
) -> dict[str, Any] | None:
    """Show what a network is made of; None if that cannot be found out here."""
    try:
        from atrous.cli.model_summary import summary_as_json, summary_tables
        from atrous.models.config import model_config_from
        from atrous.models.summary import build_empty, summarize
    except ModuleNotFoundError:
        terminal.say(_WITHOUT_TORCH)
        return None
    try:
        network = build_empty(model_config_from(architecture))
    except (ConfigError, DependencyError) as error:
        terminal.warn(f"its layers cannot be shown: {error}")
        return None
    summary = summarize(network, size)
    terminal.show(*summary_tables(summary))
    return summary_as_json(summary)

"""``atrous benchmark``: how fast models are on this machine."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag, parse_list, parse_size
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError
from atrous.imaging import MAX_PIXELS
from atrous.runtime.machine import usable_cores
from atrous.weights.engines import ENGINES
from atrous.weights.load import DEFAULT_MODEL, find_model

if TYPE_CHECKING:
    from atrous.speed.benchmark import Plan

_INTERRUPTED = 130
_SLOW_TO_START = "torch-compile"
"""Compiles for minutes; only when it is asked for."""
_MOST_PROCESSES = 24


def benchmark(
    *models: Annotated[
        str,
        Parameter(help="Shipped models by name, model files or run folders. Default: the shipped."),
    ],
    engine: Annotated[
        str | None,
        Parameter(
            help=f"Engines joined by commas, or all: {', '.join(ENGINES)}. Default: all but "
            f"{_SLOW_TO_START}, which compiles for minutes."
        ),
    ] = None,
    precision: Annotated[
        str, Parameter(help="In what networks are computed: fp32, bf16, fp16, joined by commas.")
    ] = "fp32",
    size: Annotated[
        str, Parameter(help="Made-up pictures of HEIGHTxWIDTH, joined by commas.")
    ] = "512x512",
    picture: Annotated[
        Path | None, Parameter(help="A picture to take instead of made-up ones, at its own size.")
    ] = None,
    threads: Annotated[
        str, Parameter(help="Threads for the network, joined by commas; 0 for one for each core.")
    ] = "0",
    rounds: Annotated[
        int,
        Parameter(help="How often each is measured.", validator=Number(gte=1, lte=10_000)),
    ] = 10,
    plot: Annotated[Path | None, Parameter(help="Also draw the times, as .svg or .png.")] = None,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Measure engines, sizes and threads on this machine, in turns.

    Latency of the network alone and from a picture's file to the mask's (median and 95th
    percentile), pictures a second, most memory of a process of its own, and what share the network
    reaches of the machine's best product of matrices. An interruption shows what was measured.
    """
    from atrous.cli.benchmark_display import draw_times, tables
    from atrous.speed.benchmark import Findings, run
    from atrous.speed.drawing import check_drawing_path, write_drawing
    from atrous.speed.machine import this_machine

    terminal = Terminal(as_json=json, quiet=quiet)
    if plot:
        check_drawing_path(plot)
    plan = _plan(models, engine, precision, size, picture, threads, rounds)
    _warn_if_busy(terminal)
    findings, interrupted = Findings(), False
    try:
        with terminal.meter() as meter:
            run(plan, findings, meter.note)
    except KeyboardInterrupt:
        interrupted = True
        terminal.warn("interrupted; this is what was measured until then")
    machine = this_machine()
    terminal.show(*tables(findings, machine, rounds=rounds))
    measured = any(row.file for row in findings.rows)
    if plot and measured:
        write_drawing(draw_times(findings, machine), plot, overwrite=overwrite)
        terminal.say(f"wrote {plot}")
    result = {"machine": asdict(machine), "interrupted": interrupted, **findings.as_json()}
    terminal.give("benchmark", result, ok=measured and not interrupted)
    if interrupted:
        return _INTERRUPTED
    return 0 if measured else 1


def _plan(
    models: tuple[str, ...],
    engine: str | None,
    precision: str,
    size: str,
    picture: Path | None,
    threads: str,
    rounds: int,
) -> "Plan":
    from atrous.speed.benchmark import Plan

    sizes = [_size(one) for one in parse_list("--size", size)]
    plan = Plan(
        models={name: find_model(name) for name in models or (DEFAULT_MODEL,)},
        engines=_engines(engine),
        precisions=parse_list("--precision", precision),
        sizes=sizes[:1] if picture else sizes,
        picture=picture,
        threads=list(dict.fromkeys(_threads(one) for one in parse_list("--threads", threads))),
        rounds=rounds,
    )
    at_once = len(plan.models) * len(plan.engines) * len(plan.precisions) * len(plan.threads)
    if at_once > _MOST_PROCESSES:
        raise ConfigError(
            f"{at_once} ways to run a picture at once, each a process of its own; take at most "
            f"{_MOST_PROCESSES}, such as fewer engines or threads"
        )
    return plan


def _engines(text: str | None) -> list[str]:
    if text is None:
        return [name for name in ENGINES if name != _SLOW_TO_START]
    names = parse_list("--engine", text)
    if names == ["all"]:
        return list(ENGINES)
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise ConfigError(
            f"unknown engine {unknown[0]!r}; known engines: all, {', '.join(ENGINES)}"
        )
    return names


def _size(text: str) -> tuple[int, int]:
    height, width = parse_size(text) or (0, 0)
    if height * width > MAX_PIXELS:
        raise ConfigError(
            f"--size {text} has {height * width / 1e6:.0f} megapixels; at most "
            f"{MAX_PIXELS / 1e6:.0f} can be measured"
        )
    return height, width


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) > 1024:
        raise ConfigError(f"--threads takes numbers from 0 to 1024 joined by commas, not {text!r}")
    return int(text) or usable_cores()


def _warn_if_busy(terminal: Terminal) -> None:
    if not hasattr(os, "getloadavg"):
        return
    load, cores = os.getloadavg()[0], usable_cores()
    if load > cores / 2:
        terminal.warn(
            f"other programs keep this machine busy (load {load:.1f} on {cores} cores); the times "
            "say little, and ratios only roughly what they would be"
        )

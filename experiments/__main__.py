"""The command: train what experiments need, or draw what came out.

python -m experiments run all --seeds 5
python -m experiments run activation residual --steps 1000 --out mine.jsonl
python -m experiments draw
"""

import argparse
from pathlib import Path

from atrous.engine.memory import keep_freed_memory
from atrous.errors import AtrousError
from experiments.catalogue import EXPERIMENTS
from experiments.page import PAGE, RUNS, write_page
from experiments.run import run_experiments


def main() -> None:
    """Parse, and run or draw."""
    parser = argparse.ArgumentParser("python -m experiments", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train what is not in the file yet")
    run.add_argument("names", nargs="+", choices=[*EXPERIMENTS, "all"])
    run.add_argument("--seeds", type=_count, default=5)
    run.add_argument("--steps", type=_count, help="of each training")
    run.add_argument("--out", type=Path, default=RUNS)
    draw = commands.add_parser("draw", help="write tables and charts into a page")
    draw.add_argument("--runs", type=Path, default=RUNS)
    draw.add_argument("--page", type=Path, default=PAGE)
    draw.add_argument("--steps", type=_count, help="of the trainings that are shown")
    arguments = parser.parse_args()
    try:
        _run(arguments) if arguments.command == "run" else _draw(arguments)
    except (AtrousError, OSError) as error:
        parser.exit(2, f"experiments: {error}\n")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, not {text}")
    return int(text)


def _draw(arguments: argparse.Namespace) -> None:
    write_page(arguments.runs, arguments.page, steps=arguments.steps)


def _run(arguments: argparse.Namespace) -> None:
    keep_freed_memory()
    names = list(EXPERIMENTS) if "all" in arguments.names else arguments.names
    run_experiments(
        names,
        seeds=arguments.seeds,
        out=arguments.out,
        steps=arguments.steps,
        tell=lambda line: print(line, flush=True),
    )


if __name__ == "__main__":
    main()

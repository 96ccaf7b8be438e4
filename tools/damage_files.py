"""Damage weight files of every kind and count how reading them ends.

    python tools/damage_files.py --cases 1000

Each kind runs in a process of its own, with a limit on memory (1 GiB beyond what the libraries
take) and a limit of 10 s on each case. A damaged file must be read or refused with an error that
says so; whatever else happens is counted under *other* and printed. Exits with 1 if there is any.
"""

import argparse
import faulthandler
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

MEMORY = 1 << 30
SECONDS = 10


def main() -> int:
    """Parse, run each kind in a process, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000, help="for each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first case")
    parser.add_argument("--kind", help="only this one")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        _run_here(arguments.kind, arguments.first, arguments.cases)
        return 0
    from weights.damage import KINDS  # noqa: PLC0415

    kinds = [arguments.kind] if arguments.kind else list(KINDS)
    print(f"{'kind':40}{'read':>8}{'refused':>9}{'other':>7}{'slowest':>9}")
    failures = 0
    for kind in kinds:
        counts, slowest, others = _run_apart(kind, arguments.first, arguments.cases)
        failures += counts["other"]
        print(
            f"{kind:40}{counts['read']:8}{counts['refused']:9}{counts['other']:7}{slowest:7.2f} s"
        )
        for other in others[:5]:
            print(f"    {other}", flush=True)
    return 1 if failures else 0


def _run_apart(kind: str, first: int, cases: int) -> tuple[dict[str, int], float, list[str]]:
    counts, slowest, others = {"read": 0, "refused": 0, "other": 0}, 0.0, []
    done = 0
    while done < cases:
        command = [sys.executable, __file__, "--here", "--kind", kind]
        command += ["--first", str(first + done), "--cases", str(cases - done)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        outcomes = [json.loads(line) for line in run.stdout.splitlines()]
        for outcome in outcomes:
            counts[outcome["end"]] += 1
            slowest = max(slowest, outcome["seconds"])
            others += [f"seed {outcome['seed']}: {outcome['why']}"] if outcome["why"] else []
        done += len(outcomes)
        if done < cases:  # the process died at the case after the last that it told
            counts["other"] += 1
            last = run.stderr.strip().splitlines()[-1:]
            others.append(f"seed {first + done}: process ended with {run.returncode} {last}")
            done += 1
            if not outcomes and counts["read"] + counts["refused"] == 0:
                break
    return counts, slowest, others


def _run_here(kind: str, first: int, cases: int) -> None:
    from atrous.weights.formats import keras_hdf5  # noqa: PLC0415
    from weights.damage import KINDS, Attempts  # noqa: PLC0415

    keras_hdf5.SECONDS = SECONDS // 2
    with tempfile.TemporaryDirectory() as folder:
        attempt = Attempts(KINDS[kind], Path(folder))
        _limit_memory()
        signal.signal(signal.SIGALRM, _too_slow)
        for seed in range(first, first + cases):
            start, why = time.perf_counter(), ""
            signal.alarm(SECONDS)
            # No signal reaches Python while a library hangs; this ends the process then.
            faulthandler.dump_traceback_later(2 * SECONDS, exit=True)
            try:
                end = attempt(seed)
            # Whatever it is, it is what this command looks for.
            except Exception as error:
                end, why = "other", f"{type(error).__name__}: {str(error)[:200]}"
            signal.alarm(0)
            seconds = time.perf_counter() - start
            print(
                json.dumps({"seed": seed, "end": end, "why": why, "seconds": seconds}), flush=True
            )


def _limit_memory() -> None:
    """Of address space, which is all that a process can be held to."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


def _too_slow(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"no end after {SECONDS} s")


if __name__ == "__main__":
    raise SystemExit(main())

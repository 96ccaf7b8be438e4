"""atrous beside the packages that people use, side by side: network alone, and file to mask.

    PYTHON benchmarks/peers.py --out peers.md

PYTHON is one that has atrous[train,export] and whichever of segmentation-models-pytorch, timm,
torchvision, transformers, ai-edge-litert and ultralytics are to be compared; one that is missing is
a row that says so. Every peer's network is built by its own package with drawn weights, saved, and
converted by atrous, so that both sides hold the same weights and must give the same labels: the
table has the share that is equal, and the multiply-adds of both. Each side has a process of its own
and they take turns. A peer runs as its documentation shows: Pillow, eager float32 torch, argmax of
logits at full size, Pillow. Its network alone ends where its own ``forward`` does, which resizes
the logits in smp and torchvision; that of atrous ends at the decoder's stride. Then processes are
started cold, in turns.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from hardware import describe_hardware
from peer_networks import CASES, Case, MissingError, open_peer, prepare_case
from PIL import Image
from pipeline import cost_of

import atrous
from atrous.errors import AtrousError
from atrous.runtime.machine import usable_cores
from atrous.speed.machine import this_machine
from atrous.speed.matrices import FLOATING_POINT_OPERATIONS, kernels
from atrous.speed.picture import write_picture
from atrous.speed.process import Worker
from atrous.speed.task import Task
from atrous.speed.worker import MATRICES

HERE = Path(__file__).resolve()
MOST_ROUNDS, LEAST_ROUNDS = 15, 3
HEADER = (
    "| network | size, classes | G multiply-adds, peer / ours | network ms, peer / ours | ratio "
    "| of peak, peer / ours | file to mask ms, peer / ours | ratio | equal labels | rounds |"
)
COLD_SCRIPT = """
import sys
import numpy as np, torch
import segmentation_models_pytorch as smp
from PIL import Image
weights, picture, out = sys.argv[1:]
model = smp.DeepLabV3Plus("mobilenet_v2", encoder_weights=None, classes=21)
model.load_state_dict(torch.load(weights, weights_only=True))
model.eval()
image = Image.open(picture).convert("RGB")
pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
mean = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
std = torch.tensor((0.229, 0.224, 0.225))[:, None, None]
with torch.inference_mode():
    labels = model((pixels - mean) / std).argmax(1)[0]
Image.fromarray(labels.byte().numpy()).save(out)
"""
"""The usual way, as such scripts are written."""


@dataclass
class Result:
    """Seconds of both sides, round by round."""

    case: Case
    multiply_adds: dict[str, int | None]
    network: dict[str, list[float]] = field(default_factory=lambda: {"peer": [], "ours": []})
    file: dict[str, list[float]] = field(default_factory=lambda: {"peer": [], "ours": []})
    equal: float = 0.0

    def row(self, peak: float) -> str:
        """Of the table."""
        network = {side: 1e3 * median(seconds) for side, seconds in self.network.items()}
        whole = {side: 1e3 * median(seconds) for side, seconds in self.file.items()}
        height, width = self.case.size
        shares = [
            "-" if not adds else f"{2 * adds / network[side] / 1e6 / peak:.0%}"
            for side, adds in self.multiply_adds.items()
        ]
        adds = ["-" if not count else f"{count / 1e9:.2f}" for count in self.multiply_adds.values()]
        cells = (
            self.case.title,
            f"{height}x{width}, {self.case.classes}",
            " / ".join(adds),
            f"{network['peer']:.0f} / {network['ours']:.0f}",
            f"**{network['peer'] / network['ours']:.2f}**",
            " / ".join(shares),
            f"{whole['peer']:.0f} / {whole['ours']:.0f}",
            f"**{whole['peer'] / whole['ours']:.2f}**",
            f"{self.equal:.3%}" if self.case.same_weights else "other weights",
            str(len(self.file["ours"])),
        )
        return f"| {' | '.join(cells)} |"


def main() -> None:
    """Parse, and either prepare or measure one side, or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    parser.add_argument("--case", action="append", choices=CASES, help="all by default")
    parser.add_argument("--seconds", type=float, default=35, help="of measuring, for each case")
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    parser.add_argument("--engine", default="auto", help="of atrous")
    parser.add_argument("--cold-rounds", type=int, default=3, help="0 leaves cold processes out")
    parser.add_argument("--keep", type=Path, help="folder for networks; kept for another run")
    parser.add_argument("--prepare", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--peer", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        name, folder = arguments.prepare
        print(json.dumps(prepare_case(CASES[name], Path(folder) / name)))
    elif arguments.peer:
        answer_as_peer(*arguments.peer)
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(arguments, arguments.keep or Path(folder))


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    """Measure every case and print the table."""
    lines = []

    def tell(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    started = time.perf_counter()
    threads = arguments.threads or usable_cores()
    peak = matrix_peak(threads)
    for line in head(threads, arguments.engine, peak):
        tell(line)
    for name in arguments.case or CASES:
        tell(row_of(name, folder, threads, arguments, peak))
    if arguments.cold_rounds:
        for line in cold(folder, arguments.cold_rounds):
            tell(line)
    tell(f"\nThe whole run took {(time.perf_counter() - started) / 60:.1f} minutes.")
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def head(threads: int, engine: str, peak: float) -> Iterator[str]:
    """What stands above the table."""
    packages = {name: version_of(name) for name in sorted({c.package for c in CASES.values()})}
    there = ", ".join(f"{name} {number or 'not installed'}" for name, number in packages.items())
    yield f"{describe_hardware()}; {this_machine().in_words}; {there}\n"
    yield (
        f"{threads} threads, engine {engine}, float32, one picture at a time, medians; peak: "
        f"{peak:.0f} GFLOP/s, the fastest product of float32 matrices by numpy\n"
    )
    yield HEADER
    yield "|" + " --- |" * (HEADER.count("|") - 1)


def version_of(package: str) -> str:
    """Of an installed package; empty if it is not."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def matrix_peak(threads: int) -> float:
    """In 10^9 operations a second."""
    best = []
    for settings in kernels():
        with Worker(MATRICES, threads=threads, settings=settings) as worker:
            best.append(min(worker.ask(MATRICES)["seconds"] for _ in range(12)))
    return FLOATING_POINT_OPERATIONS / min(best) / 1e9


def row_of(
    name: str, folder: Path, threads: int, arguments: argparse.Namespace, peak: float
) -> str:
    """One case as a row, or why there is none."""
    case = CASES[name]
    try:
        counts = prepared(name, folder)
        return measure(name, folder, threads, arguments, counts).row(peak)
    except (MissingError, AtrousError) as error:
        size = "x".join(map(str, case.size))
        return f"| {case.title} | {size}, {case.classes} | not measured: {error} |" + " |" * 7


def prepared(name: str, folder: Path) -> Mapping[str, int | None]:
    """Build both sides' files in another process, unless they are there; their multiply-adds."""
    told = folder / name / "counts.json"
    if not told.exists():
        command = [sys.executable, str(HERE), "--prepare", name, str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise MissingError((done.stderr.strip().splitlines() or ["no reason given"])[-1][:200])
        told.write_text(done.stdout.strip().splitlines()[-1])
    counts: Mapping[str, int | None] = json.loads(told.read_text())
    return counts


def measure(
    name: str,
    folder: Path,
    threads: int,
    arguments: argparse.Namespace,
    counts: Mapping[str, int | None],
) -> Result:
    """Both sides in turns."""
    case, place = CASES[name], folder / name
    picture = place / "x".join(map(str, case.size))
    picture = picture.with_suffix(".jpg")
    if not picture.exists():
        write_picture(place, case.size)
    mask = place / "peer.png"
    model = str(place / "ours.onnx")
    command = (sys.executable, str(HERE), "--peer", name, str(place), str(picture), str(mask))
    result = Result(case, {"peer": counts["peer"], "ours": counts["ours"]})
    with ExitStack() as stack:
        ours = Task(model, str(picture), engine=arguments.engine, threads=threads)
        workers = {
            "peer": stack.enter_context(
                Worker("open", threads=threads, command=(*command, str(threads)))
            ),
            "ours": stack.enter_context(Worker(ours.to_json(), threads=threads)),
        }
        start = time.perf_counter()
        while not enough(result, time.perf_counter() - start, arguments.seconds):
            for what, seconds in (("network", result.network), ("file", result.file)):
                for side, worker in workers.items():
                    seconds[side].append(worker.ask(what)["seconds"])
    labels = atrous.load(model, engine=arguments.engine).predict(picture).mask
    result.equal = float((np.asarray(Image.open(mask)) == labels).mean())
    return result


def enough(result: Result, spent: float, budget: float) -> bool:
    """Whether another round would be too much."""
    rounds = len(result.file["ours"])
    if rounds < LEAST_ROUNDS:
        return False
    return rounds >= MOST_ROUNDS or spent * (rounds + 1) / rounds > budget


def answer_as_peer(name: str, place: str, picture: str, mask: str, threads: str) -> None:
    """Be the peer's process: answer each line with the seconds of a run."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    runs = open_peer(CASES[name], Path(place), Path(picture), Path(mask), int(threads))
    for run in runs.values():
        run()
    for line in sys.stdin:
        reply: dict[str, float] = {}
        if line.strip() in runs:
            start = time.perf_counter()
            runs[line.strip()]()
            reply = {"seconds": time.perf_counter() - start}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


def cold(folder: Path, rounds: int) -> Iterator[str]:
    """Processes from a 640x480 JPEG to a mask PNG, in turns."""
    name = "smp-mobilenetv2-21"
    yield "\nCold processes, a 640x480 JPEG to a mask PNG, MobileNetV2 with decoder, 21 classes:\n"
    try:
        prepared(name, folder)
    except MissingError as error:
        yield f"not measured: {error}"
        return
    place = folder / name
    picture = place / "480x640.jpg"
    if not picture.exists():
        write_picture(place, (480, 640))
    outs = {side: place / f"cold-{side}.png" for side in ("ours", "peer")}
    ours = [sys.executable, "-m", "atrous", "predict", str(picture), "-q", "--as", "mask"]
    ours += ["--model", str(place / "ours.onnx"), "-o", str(outs["ours"]), "--overwrite"]
    script = [sys.executable, "-c", COLD_SCRIPT, str(place / "peer.pth"), str(picture)]
    commands = {"peer": [*script, str(outs["peer"])], "ours": ours}
    commands["help"] = [sys.executable, "-m", "atrous", "--help"]
    rows = {side: [cost_of(command)] for side, command in commands.items()}
    for _ in range(rounds):
        for side, command in commands.items():
            rows[side].append(cost_of(command))
    # The first one reads files from the disk.
    cost = {side: [median(one) for one in zip(*row[1:], strict=True)] for side, row in rows.items()}
    yield "| | wall s | CPU s | most memory, MiB |"
    yield "| --- | --- | --- | --- |"
    titles = {"peer": "torch script", "ours": "`atrous predict`", "help": "`atrous --help`"}
    for side, (wall, cpu, memory) in cost.items():
        yield f"| {titles[side]} | {wall:.2f} | {cpu:.2f} | {memory / 2**20:.0f} |"
    ratios = [theirs / mine for theirs, mine in zip(cost["peer"], cost["ours"], strict=True)]
    same = np.mean(np.asarray(Image.open(outs["peer"])) == np.asarray(Image.open(outs["ours"])))
    yield (
        f"| ratio | **{ratios[0]:.1f}** | {ratios[1]:.1f} | {ratios[2]:.1f} |\n\n"
        f"{same:.3%} of labels equal; medians of {rounds} processes each."
    )


if __name__ == "__main__":
    main()

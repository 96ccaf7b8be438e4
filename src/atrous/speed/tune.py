"""A model tried with other settings, on a user's own pictures and machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atrous.data.sample import Pair, PairList, read_pair
from atrous.engine.evaluate import Measured, evaluation_of, measure, samples_of
from atrous.errors import ConfigError, DatasetError, DependencyError
from atrous.imaging import Pixels, write_file
from atrous.labels import LabelSet
from atrous.metrics.bootstrap import mean_iou_interval
from atrous.metrics.scores import Counts
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import Predictor
from atrous.speed.process import Worker
from atrous.speed.settings import Look, Score, Speed
from atrous.speed.subject import at_longest_side
from atrous.speed.task import Task
from atrous.weights.load import load

OUTPUT_STRIDES = (8, 16, 32)
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5)
"""Factors on the size at which the model sees pictures."""
_SMALLEST = 33
"""Longest side that a network is given at least."""


@dataclass(frozen=True)
class Chosen:
    """Some pairs of a split."""

    label_set: LabelSet
    pairs: tuple[Pair, ...]


def spread(pairs: PairList, count: int) -> Chosen:
    """So many pairs, evenly from the whole split.

    Raises:
        DatasetError: If the split is empty.
    """
    if not pairs.pairs:
        raise DatasetError("the split has no pictures")
    places = np.linspace(0, len(pairs.pairs) - 1, min(count, len(pairs.pairs))).round()
    return Chosen(pairs.label_set, tuple(pairs.pairs[int(place)] for place in places))


def middle_picture(chosen: Chosen, card: ModelCard) -> Pixels:
    """The picture of middle size."""
    pictures = [
        read_pair(pair, chosen.label_set, card.preprocessing.kind).image for pair in chosen.pairs
    ]
    return sorted(pictures, key=lambda pixels: pixels.shape[0] * pixels.shape[1])[
        len(pictures) // 2
    ]


def write_pixels(folder: Path, pixels: Pixels) -> Path:
    """Pixels as a file that a model of their kind reads."""
    path = folder / "middle.npy"
    write_file(path, lambda file: np.save(file, pixels))
    return path


def sides_around(side: int, scales: Iterable[float]) -> list[int]:
    """Longest sides to try, the smallest first."""
    return sorted({max(round(side * scale), _SMALLEST) for scale in scales})


def files_by_stride(
    model: Path, card: ModelCard, strides: Sequence[int], folder: Path
) -> Mapping[int, Path]:
    """The model as an ONNX file for each output stride; the file itself for its own.

    Raises:
        DependencyError: If another stride is asked for and torch or onnx is not installed.
        ConfigError: If the network cannot be built at a stride.
    """
    files = {}
    for stride in strides:
        if model.suffix == ".onnx" and stride == card.architecture.get("output_stride"):
            files[stride] = model
        else:
            files[stride] = folder / f"stride{stride}.onnx"
            write_at(model, files[stride], output_stride=stride)
    return files


def write_at(
    model: Path,
    out: Path,
    *,
    output_stride: int,
    longest_side: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write a model at another output stride, and with another size of what the network sees.

    The result of the model's card is left out, since it was measured otherwise.

    Args:
        model: An ``.onnx`` or ``.safetensors`` file.
        out: The ``.onnx`` or ``.safetensors`` file to write.
        output_stride: Of the network.
        longest_side: For the card; None leaves it.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        DependencyError: If torch or onnx is not installed.
        ConfigError: If the network cannot be built at that stride, or the ending is another.
    """
    try:
        from atrous.export.onnx import export_onnx  # noqa: PLC0415 - extras
        from atrous.models.build import build_model  # noqa: PLC0415
        from atrous.models.config import model_config_from  # noqa: PLC0415
        from atrous.weights.from_ours import load_ours  # noqa: PLC0415
        from atrous.weights.model_file import save_model  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"another output stride needs {error.name}; pip install 'atrous[train,export]'"
        ) from None
    if out.suffix not in {".onnx", ".safetensors"}:
        raise ConfigError(f"{out}: models are written as .onnx or .safetensors")
    network, card = load_ours(model)
    config = model_config_from(card.architecture | {"output_stride": output_stride})
    changed = build_model(config)
    changed.load_state_dict(network.state_dict())
    card = card.model_copy(update={"architecture": config.model_dump(mode="json"), "result": {}})
    card = with_longest_side(card, longest_side) if longest_side else card
    if out.suffix == ".onnx":
        export_onnx(changed.eval(), card, out, overwrite=overwrite)
    else:
        save_model(out, changed.eval(), card, overwrite=overwrite)


def with_longest_side(card: ModelCard, longest_side: int) -> ModelCard:
    """A card whose network sees pictures at another size."""
    changed = card.preprocessing.model_copy(update={"longest_side": longest_side})
    return card.model_copy(update={"preprocessing": changed})


@dataclass(frozen=True)
class Bench:
    """Measures looks of one model on some pictures."""

    files: Mapping[int, Path]
    """The model by output stride."""
    chosen: Chosen
    """Pictures that are scored."""
    picture: Path
    """The picture whose time is taken."""
    threads: int
    rounds: int

    def speed(self, engine: str, look: Look) -> Speed:
        """Time and memory, in a process of its own.

        Raises:
            AtrousError: If it cannot run.
        """
        task = Task(
            str(self.files[look.output_stride]),
            str(self.picture),
            engine=engine,
            precision=look.precision,
            threads=self.threads,
            flip=look.flip,
            longest_side=look.longest_side,
        )
        with Worker(task.to_json(), threads=self.threads) as worker:
            answers = [worker.ask("labels") for _ in range(self.rounds)]
        seconds = [answer["seconds"] for answer in answers]
        return Speed(1e3 * float(np.median(seconds)), answers[-1]["peak_bytes"])

    def score(self, engine: str, look: Look) -> Score:
        """Mean IoU over the pictures and its interval."""
        predictor = self._predictor(engine, look)
        counts: list[Counts] = []
        matrix, images = measure(
            lambda pixels: (predictor.predict_pixels(pixels), None),
            self.chosen,
            samples_of(self.chosen, predictor.card.preprocessing.kind),
            watchers=[_Counting(counts)],
        )
        evaluation = evaluation_of(matrix, self.chosen.label_set.names, images)
        interval = mean_iou_interval(np.array(counts, np.int64))
        return Score(evaluation.mean_iou, interval.low, interval.high)

    def _predictor(self, engine: str, look: Look) -> Predictor:
        opened = load(
            self.files[look.output_stride],
            engine=engine,
            precision=look.precision,
            threads=self.threads,
            flip=look.flip,
        )
        return at_longest_side(opened, look.longest_side)


@dataclass(frozen=True)
class _Counting:
    counts: list[Counts]

    def see(self, picture: Measured) -> None:
        self.counts.append(picture.matrix.class_counts())

"""A plan: the recipe that fits a dataset and a machine, with the reason of each setting."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from atrous.recipes.measure import Measured, Size, name_of_device, name_of_size
from atrous.recipes.settings import Chosen, settings

START = "camvid"
"""Weights that are at hand without a network connection, see `atrous.weights.load.MODELS`."""
START_ENCODER = "mobilenetv2"
"""What they are of."""
_LARGE_SIDE = 1024
_SMALL_SIDE = 160
_STEPS = 3000
_EPOCHS = (10, 300)
_RARE = 0.2
"""Of the share that a class would have if all had the same."""
_LARGEST_WEIGHT = 5.0
_SELDOM = 0.1
_MOST_COUNTED = 20_000
_BYTES_PER_PIXEL = {"mobilenetv": 3100, "resnet": 4800, "xception": 6500}
"""Of a crop in float32 at output stride 16, forward and backward: MobileNetV2, ResNet-101 and
Xception-65 at 257x257, measured on a CPU with torch 2.14."""
_BYTES_PER_UNKNOWN_PIXEL = 8000
_BYTES_AT_STRIDE_8 = 3
"""Times as much; 1.8 was measured for MobileNetV2, 3.0 for Xception-65."""
_BYTES_PER_CLASS = 12
"""For each pixel of a crop: logits, their logarithms and gradients."""
_RATES: Mapping[str, tuple[float, float, str]] = {
    "adamw": (1e-3, 1e-2, "as the shipped model was trained"),
    "adam": (1e-3, 4e-5, "the rate that its authors propose, and DeepLab's decay"),
    "sgd": (0.007, 4e-5, "as DeepLab was trained"),
    "rmsprop": (0.001, 4e-5, "as Xception was trained on JFT, and DeepLab's decay"),
}
"""Learning rate and weight decay of each optimizer, and where they are from."""


class Decision(NamedTuple):
    """One setting, and why it is so."""

    key: str
    """Such as ``data.crop_size``, or ``inputs.start``."""
    value: Any
    reason: str


Rule: TypeAlias = Callable[[Measured, Chosen], Iterable[Decision]]
"""From what was measured, and what the user and the rules before have chosen, to decisions."""


def make_plan(measured: Measured, given: Chosen) -> tuple[Decision, ...]:
    """Decide everything that depends on the data and the machine.

    Args:
        measured: What they are like.
        given: What the user wants, by key; rules keep to it.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    plan: dict[str, Decision] = {}
    for rule in RULES:
        for decision in rule(measured, chosen):
            if decision.key not in given:
                chosen[decision.key] = decision.value
                plan[decision.key] = decision
            elif given[decision.key] is not None:
                plan[decision.key] = _as_given(decision.key, given)
    rest = (key for key, value in given.items() if key not in plan and value is not None)
    plan |= {key: _as_given(key, given) for key in rest}
    return tuple(plan.values())


def _as_given(key: str, given: Chosen) -> Decision:
    flag = settings()[key].flag if key in settings() else f"--{key.rpartition('.')[2]}"
    return Decision(key, given[key], f"as given with {flag}")


def _inputs(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    """Where the data are, and what training starts from."""
    if m.data.isprintable():  # TOML has no way to write other paths
        yield Decision("inputs.data", m.data, "the dataset, from where the command is typed")
    if chosen.get("model.encoder", START_ENCODER) == START_ENCODER:
        seen = "a MobileNetV2 that has seen ImageNet, COCO, PASCAL VOC and CamVid"
        yield Decision("inputs.start", START, f"at hand without a download: {seen}")
    else:
        yield Decision(
            "inputs.start", "none", "no weights of this encoder are at hand; see --start"
        )


def _network(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    if m.start_encoder:
        yield Decision("model.encoder", m.start_encoder, "the encoder of the weights at the start")
    else:
        why = f"light enough to train {name_of_device(m.machine)}, and its weights are at hand"
        yield Decision("model.encoder", START_ENCODER, why)
    names = ", ".join(m.classes[:6]) + (", ..." if len(m.classes) > 6 else "")
    yield Decision("model.num_classes", len(m.classes), f"those of the dataset: {names}")
    if max(m.median_size) > _SMALL_SIDE:
        why = "the papers' usual one; 8 sees finer, for about three times the memory and work"
        yield Decision("model.output_stride", 16, why)
        return
    why = f"at 16 a median picture of {name_of_size(m.median_size)} would be a map of few cells"
    yield Decision("model.output_stride", 8, why)
    if chosen.get("model.output_stride", 8) == 8:
        why = "half of the usual ones at output stride 8, which reach past pictures so small"
        yield Decision("model.atrous_rates", [6, 12, 18], why)


def _pixels(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    """Channels and bits, unless the user says something of them."""
    keys = ("model.in_channels", "data.bits", "data.mean", "data.std")
    if m.channels is None or any(key in chosen for key in keys):
        return
    kind = m.channels.kind
    yield Decision(keys[0], kind.channels, f"the pictures are of {kind}")
    yield Decision(keys[1], kind.bits, "of each value in the files")
    why = f"of each channel, over {m.channels.pictures} pictures"
    yield Decision(keys[2], list(m.channels.mean), f"mean {why}")
    yield Decision(keys[3], list(m.channels.std), f"deviation {why}")


def _views(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    """What the network sees of a picture."""
    yield Decision("data.layout", m.layout, "what the folder was found to be")
    median = name_of_size(m.median_size)
    if max(m.median_size) > _LARGE_SIDE:
        why = f"the median picture is {median}: seen whole it takes too long and too much memory"
        yield Decision("data.longest_side", _LARGE_SIDE, why)
        side = chosen.get("data.longest_side", _LARGE_SIDE)
        yield Decision("data.resize_range", [side, side], "training sees pictures at that size too")
    limit = 512 if m.machine.device != "cpu" else 384
    height, width = seen_size(m, chosen)
    crop = [min(max(side // 16 * 16, 64), limit) for side in (height, width)]
    why = (
        f"the median picture of {median} is seen at {height}x{width}; sides from 64 to {limit} in "
        f"steps of 16, {name_of_device(m.machine)}"
    )
    yield Decision("data.crop_size", crop, why)
    yield Decision("data.scale", [0.5, 2.0], "random size, as in the papers")
    yield Decision("data.flip", True, "mirrored pictures; false where left and right matter")
    yield Decision("data.color_jitter", 0.3, "light and colour differ from picture to picture")


def seen_size(m: Measured, chosen: Chosen) -> Size:
    """Height and width at which the network sees a picture of median size."""
    longest = chosen.get("data.longest_side")
    factor = longest / max(m.median_size) if longest else 1.0
    return round(m.median_size[0] * factor), round(m.median_size[1] * factor)


def _rare_pictures(m: Measured, chosen: Chosen) -> Iterator[Decision]:  # noqa: ARG001
    share, name = min(
        ((shown, name) for shown, name in zip(m.shown, m.classes, strict=True) if shown),
        default=(1.0, ""),
    )
    if share < _SELDOM and m.pictures <= _MOST_COUNTED:
        why = f"{name} is in {share:.1%} of the pictures; such pictures are shown more often"
        yield Decision("data.balance", _SELDOM, why)


def _batch(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    wanted = 16 if m.machine.device != "cpu" else 8
    batch = min(wanted, m.pictures)
    fewer = ", all the pictures there are" if batch < wanted else ""
    yield Decision(
        "train.batch_size", batch, f"samples in a step, {name_of_device(m.machine)}{fewer}"
    )
    needed = sample_bytes(m, chosen)
    fits = max(int(m.machine.memory / 2 / needed), 1)
    if fits < chosen["train.batch_size"]:
        why = (
            f"a sample takes about {needed / 2**20:.0f} MiB, {m.machine.memory / 2**30:.1f} GiB "
            "are free and half of that is left alone; the rest of a step follows in more passes"
        )
        yield Decision("train.device_batch", fits, why)


def sample_bytes(m: Measured, chosen: Chosen) -> int:
    """About how much memory one sample takes in training, in float32."""
    encoder = str(chosen["model.encoder"])
    known = (cost for name, cost in _BYTES_PER_PIXEL.items() if encoder.startswith(name))
    network = next(known, _BYTES_PER_UNKNOWN_PIXEL)
    network *= _BYTES_AT_STRIDE_8 if chosen["model.output_stride"] == 8 else 1
    height, width = chosen["data.crop_size"]
    network *= sum(scale**2 for scale in chosen.get("train.loss.scales", (1.0,)))
    return int(height * width * (network + _BYTES_PER_CLASS * len(m.classes)))


def _length(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    per_epoch = steps_per_epoch(m, chosen)
    least, most = _EPOCHS
    if "train.steps" not in chosen:
        epochs = min(max(math.ceil(_STEPS / per_epoch), least), most)
        why = (
            f"{m.pictures} pictures in batches of {chosen['train.batch_size']} make about "
            f"{epochs * per_epoch} steps; wanted are {_STEPS}, in {least} to {most} epochs"
        )
        yield Decision("train.epochs", epochs, why)
    epochs = total_steps(m, chosen) // per_epoch
    why = "epochs between two measurements, of which there are about 20"
    yield Decision("train.evaluate_every", max(epochs // 20, 1), why)


def steps_per_epoch(m: Measured, chosen: Chosen) -> int:
    """About how many steps an epoch has."""
    return max(m.pictures // int(chosen["train.batch_size"]), 1)


def total_steps(m: Measured, chosen: Chosen) -> int:
    """About how many steps the run has."""
    epochs = int(chosen.get("train.epochs", 0))
    return int(chosen.get("train.steps", epochs * steps_per_epoch(m, chosen)))


def _optimizer(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    yield Decision("train.optimizer", "adamw", "does well without a search for rates")
    name = chosen["train.optimizer"]
    rate, decay, source = _RATES[name]
    yield Decision("train.learning_rate", rate, f"with {name}, {source}")
    yield Decision("train.weight_decay", decay, f"with {name}, {source}")
    if chosen["inputs.start"] != "none":
        yield Decision("train.encoder_factor", 0.3, "the encoder has learnt; it moves more slowly")
    yield Decision("train.schedule", "poly", "that of the papers: down to 0 by the end")
    steps = total_steps(m, chosen)
    if steps >= 20 and "train.slow_start_steps" not in chosen:
        yield Decision(
            "train.warmup_steps",
            min(50, steps // 20),
            f"the learning rate rises from 0 first; the run has {steps} steps",
        )
    if steps >= 50:
        decay = round(1 - 10 / steps, 3 if steps < 5000 else 4)
        why = "the kept weights are a mean over about the last tenth of the steps"
        yield Decision("train.ema_decay", min(decay, 0.999), why)


def _rare_classes(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    seen = [(share, name) for share, name in zip(m.shares, m.classes, strict=True) if share]
    share, name = min(seen, default=(1.0, ""))
    if len(seen) < 2 or share >= _RARE / len(m.classes):
        return
    why = (
        f"{name} has {share:.2%} of the pixels, less than a fifth of an even share; in proportion "
        f"to 1 / sqrt(pixels), with a mean of 1 over the pixels, at most {_LARGEST_WEIGHT:g}"
    )
    yield Decision("train.class_weights", weights_by_share(m.shares), why)
    if "train.epochs" in chosen and chosen.get("train.class_weights"):
        epochs = max(int(chosen["train.epochs"]) * 2 // 3, 1)
        why = "weights find rare classes; without them at the end they get their true extent"
        yield Decision("train.class_weights_epochs", epochs, why)


def weights_by_share(shares: Iterable[float]) -> list[float]:
    """A weight for each class, in proportion to 1 / sqrt(share); 1 for classes without pixels."""
    shares = tuple(shares)
    mean = sum(math.sqrt(share) for share in shares)  # of 1 / sqrt(share), over the pixels
    weights = (1 / math.sqrt(share) / mean if share else 1.0 for share in shares)
    return [round(min(max(weight, 0.01), _LARGEST_WEIGHT), 2) for weight in weights]


def _machinery(m: Measured, chosen: Chosen) -> Iterator[Decision]:
    at_once = chosen.get("train.device_batch") or chosen["train.batch_size"]
    why = f"with {at_once} samples at once: batch norms learn from 4 on, if they start with weights"
    yield Decision("train.norms", "auto", why)
    if m.machine.bf16:
        why = "this CPU multiplies it by instructions of its own: steps took about half the time"
        yield Decision("train.precision", "bf16", why)
    else:
        numbers = "float32 on a CPU" if m.machine.device == "cpu" else "bf16 where the GPU has it"
        yield Decision("train.precision", "auto", numbers)
    most = 1 if m.machine.device == "cpu" else 8
    workers = min(m.machine.cores - 1, most)
    yield Decision(
        "data.workers", workers, f"processes that read, beside it, on {m.machine.cores} cores"
    )


RULES: tuple[Rule, ...] = (
    _inputs,
    _network,
    _pixels,
    _views,
    _rare_pictures,
    _batch,
    _length,
    _optimizer,
    _rare_classes,
    _machinery,
)
"""In this order, for each rests on what was decided before."""

"""The part of ``atrous evaluate`` that measures classifiers of whole pictures."""

from dataclasses import asdict
from pathlib import Path

from atrous.cli.classifiers import needs_torch
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError
from atrous.metrics.bootstrap import Interval, share_interval


def evaluate_classifier(
    path: Path, data: Path, *, split: str, threads: int, terminal: Terminal
) -> int:
    """Measure top-1 and top-5 accuracy over folders of classes.

    Args:
        path: The classifier's file.
        data: Folder with ``SPLIT/CLASS``, whose classes are named as the model's.
        split: Which split.
        threads: Threads for the network; 0 for one for each core.
        terminal: Shows the result.

    Raises:
        ConfigError: If a folder is no class of the model.
        DatasetError: If the dataset cannot be used.
        InputError: If a picture cannot be read.
        WeightsError: If the file is damaged or does not fit its description.
        DependencyError: If torch is not installed.
    """
    try:
        import torch
        from accelerate import Accelerator

        from atrous.data.class_folders import class_names_in, open_class_folders
        from atrous.engine.evaluate_classes import evaluate_classes, look_of
        from atrous.weights.model_file import load_classifier_model
    except ModuleNotFoundError as error:
        raise needs_torch(error) from None
    network, card = load_classifier_model(path)
    _check_classes(card.classes, class_names_in(data, split), data)
    pairs = open_class_folders(data, split, names=card.classes)
    if threads:
        torch.set_num_threads(threads)
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    found = evaluate_classes(
        network.to(accelerator.device),
        pairs,
        card.preprocessing,
        accelerator,
        watch=lambda some: terminal.track(some, total=len(pairs.pairs), what="measuring"),
    )
    top1, top5 = (
        share_interval(round(share * found.images), found.images)
        for share in (found.top1, found.top5)
    )
    convention = look_of(card.preprocessing)
    terminal.show(
        f"{card.name} on {data} ({split}): top-1 {_in_words(top1)}, top-5 {_in_words(top5)}, "
        f"{found.images} pictures  ({convention})"
    )
    result = {
        **asdict(found),
        "interval": {"top1": [top1.low, top1.high], "top5": [top5.low, top5.high]},
        "model": card.name,
        "engine": "torch",
        "split": split,
        "convention": convention,
    }
    terminal.give("evaluate", result)
    return 0


def _check_classes(model: tuple[str, ...], data: tuple[str, ...], where: Path) -> None:
    strangers = sorted(set(data) - set(model))
    if strangers:
        raise ConfigError(
            f"{where}: {strangers[0]!r} is a folder, and no class of the model, which has "
            f"{len(model)} ({', '.join(model[:4])} ...); name the folders as the model's classes"
        )


def _in_words(interval: Interval) -> str:
    return f"{interval.value:.2%} ({interval.low:.2%} to {interval.high:.2%})"

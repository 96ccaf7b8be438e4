"""From a classifier's recipe to what its run is made of: batches, network, optimizer, loss, log."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from numpy.random import Generator
from torch import Tensor

from atrous.data import PairList
from atrous.data.augment import jitter_color
from atrous.data.class_folders import open_class_folders
from atrous.data.loader import Normalization, Samples, training_batches
from atrous.data.sample import Sample
from atrous.data.whole_pictures import random_resized_crop
from atrous.engine.evaluate_classes import ClassEvaluation
from atrous.engine.loss import LossAtStep, build_loss
from atrous.engine.trainee import Trainee
from atrous.errors import ConfigError
from atrous.imaging import write_file
from atrous.models.classifier import build_classifier
from atrous.recipes.assemble import Parts, sampler_for, trainee_for
from atrous.recipes.classify_recipe import TASK, ClassifyRecipe, PicturesConfig
from atrous.recipes.reporter import Reporter
from atrous.recipes.run_folder import LOG
from atrous.runtime.card import ModelCard, Preprocessing

_COLUMNS = ("epoch", "step", "loss", "learning_rate", "top1", "top5")


def open_class_splits(recipe: ClassifyRecipe, data: Path) -> tuple[PairList, PairList]:
    """Open the splits to train on and to measure, and hold the classes against the recipe.

    Raises:
        ConfigError: If their numbers differ.
        DatasetError: If the dataset cannot be used.
    """
    pairs = open_class_folders(data, recipe.data.train_split)
    found, wanted = pairs.label_set.num_classes, recipe.model.num_classes
    if found != wanted:
        raise ConfigError(
            f"the recipe has num_classes = {wanted}, {data} has {found} folders of classes; "
            f"set model.num_classes to {found}"
        )
    names = pairs.label_set.names
    return pairs, open_class_folders(data, recipe.data.eval_split, names=names)


@dataclass(frozen=True)
class ClassAugmentation:
    """All that happens to a sample, in this order: crop, mirror, colour."""

    config: PicturesConfig

    def __call__(self, sample: Sample, random: Generator) -> Sample:
        """Change a sample; numbers for what a recipe leaves out are not drawn."""
        config = self.config
        crop = random_resized_crop(
            sample,
            random,
            side=config.side,
            area=config.area,
            aspect=config.aspect,
            flip=config.flip,
        )
        if not (config.color_jitter or config.hue_jitter):
            return crop
        image = jitter_color(
            crop.image, random, strength=config.color_jitter, hue=config.hue_jitter
        )
        return Sample(crop.name, image, crop.labels)


def assemble_classifier(
    recipe: ClassifyRecipe, pairs: PairList, accelerator: Accelerator, reporter: Reporter
) -> Parts:
    """The classifier as it is drawn, what moves it, and the batches that do.

    Args:
        recipe: Describes all of them.
        pairs: The training split.
        accelerator: Knows the processes.
        reporter: Told of what has been chosen by itself.
    """
    samples = Samples(
        pairs,
        seed=recipe.train.seed,
        normalization=Normalization(recipe.data.mean, recipe.data.std),
        augment=ClassAugmentation(recipe.data),
    )
    sampler = sampler_for(recipe.train, len(samples), accelerator)
    batches = training_batches(samples, sampler, workers=recipe.data.workers)
    trainee = trainee_for(
        build_classifier(recipe.model),
        recipe.train,
        sampler,
        pretrained=False,
        told=reporter.told,
    )
    return Parts(trainee, batches, sampler, samples.watch)


def class_loss_for(
    recipe: ClassifyRecipe, pairs: PairList, steps_per_epoch: int, device: torch.device
) -> LossAtStep:
    """The loss of maps, on maps of a single pixel."""
    train = recipe.train
    limit, weights = train.class_weights_epochs, train.class_weights
    on_maps = build_loss(
        train.loss,
        num_classes=recipe.model.num_classes,
        ignore_index=pairs.label_set.ignore_index,
        class_weights=torch.tensor(weights, device=device) if weights else None,
        class_weights_steps=None if limit is None else limit * steps_per_epoch,
    )

    def loss(logits: Tensor, labels: Tensor, step: int) -> Tensor:
        return on_maps(logits[:, :, None, None], labels, step)

    return loss


def class_card_for(recipe: ClassifyRecipe, name: str, pairs: PairList) -> ModelCard:
    """What the model file says of itself, but for its result."""
    return ModelCard(
        task=TASK,
        name=name,
        classes=pairs.label_set.names,
        preprocessing=Preprocessing(
            mean=recipe.data.mean, std=recipe.data.std, center_crop=recipe.data.side
        ),
        architecture=recipe.model.model_dump(mode="json"),
        recipe=recipe.model_dump(mode="json"),
    )


@dataclass
class TopLog:
    """``metrics.csv`` of a classifier: a line for each epoch, written whole."""

    text: str = ",".join(_COLUMNS) + "\r\n"

    def add(self, trainee: Trainee, found: ClassEvaluation | None) -> None:
        """Take down the epoch that is about to be finished."""
        rate = float(trainee.optimizer.param_groups[0]["lr"])
        scores = (found.top1, found.top5) if found else ("", "")
        file = io.StringIO(newline="")
        row = (trainee.epoch + 1, trainee.step, f"{trainee.mean_loss:.6f}", rate, *scores)
        csv.writer(file).writerow(row)
        self.text += file.getvalue()

    @property
    def best(self) -> float:
        """The highest top-1 accuracy so far; -1 before any."""
        rows = csv.DictReader(io.StringIO(self.text, newline=""))
        return max((float(row["top1"] or -1) for row in rows), default=-1.0)

    def write(self, run: Path) -> None:
        """Write the file.

        Raises:
            ResourceError: If that is not possible.
        """
        content = self.text.encode()
        write_file(run / LOG, lambda file: file.write(content), overwrite=True)

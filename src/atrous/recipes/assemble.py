"""From a recipe to what a run is made of: accelerator, batches, network, optimizer, loss."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import nn
from torch.utils.data import DataLoader

from atrous.data import PairList
from atrous.data.detect import open_split
from atrous.data.frequencies import count_pixels
from atrous.data.loader import (
    Batch,
    Normalization,
    Samples,
    StepSampler,
    shared_batch,
    training_batches,
)
from atrous.data.sampling import Times, epoch_length
from atrous.data.watch import Watch
from atrous.engine.average import moving_average
from atrous.engine.config import TrainConfig
from atrous.engine.loss import LossAtStep, build_loss
from atrous.engine.norms import apply_norm_policy, norm_policy_for, set_norm_momentum
from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import build_schedule
from atrous.engine.sync_norms import synchronize_norms
from atrous.engine.trainee import Trainee
from atrous.errors import ConfigError
from atrous.losses.class_weights import class_weights
from atrous.models.at_scales import AtScales
from atrous.models.build import build_model
from atrous.models.segmenter import Segmenter
from atrous.recipes.augmentation import plan_data
from atrous.recipes.recipe import Recipe
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.start import load_start
from atrous.weights.unfold import unfold_norms

_UNFOLD_BATCHES = 6
_LAUNCHES = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)


class Parts(NamedTuple):
    """What a run moves."""

    trainee: Trainee
    batches: DataLoader[Batch]
    sampler: StepSampler
    watch: Watch
    """Of the processes that read."""


def open_fitting_split(recipe: Recipe, data: Path, split: str) -> PairList:
    """Open a split, and hold its classes against the recipe.

    Raises:
        ConfigError: If their numbers differ.
        DatasetError: If the dataset cannot be used.
    """
    pairs = open_split(data, split, layout=recipe.data.layout)
    found, wanted = pairs.label_set.num_classes, recipe.model.num_classes
    if found != wanted:
        raise ConfigError(
            f"the recipe has num_classes = {wanted}, the dataset in {data} has {found} classes; "
            f"set model.num_classes to {found}"
        )
    return pairs


def build_accelerator(config: TrainConfig) -> Accelerator:
    """The devices, processes and precision that there are and that are wanted.

    Raises:
        ConfigError: If they cannot be had together.
    """
    precision = precision_of(config.precision)
    # An earlier run in this process would bind this one to its precision.
    AcceleratorState._reset_state()
    try:
        # Without a device accelerate joins processes that torchrun has started only if it is told.
        on_cpu = not torch.accelerator.is_available()
        accelerator = Accelerator(cpu=on_cpu, mixed_precision=precision)
    except ValueError as error:
        raise ConfigError(
            f"train.precision = {config.precision!r} is not possible here ({error}); take auto"
        ) from None
    if accelerator.distributed_type not in _LAUNCHES:
        raise ConfigError(
            f"processes of kind {accelerator.distributed_type.value} cannot train here; launch "
            "with torchrun, or accelerate launch without FSDP, DeepSpeed and the like; "
            "train.shard = true splits weights over processes"
        )
    if config.shard and accelerator.scaler:
        raise ConfigError("train.shard does not go with fp16; give train.precision = 'fp32'")
    return accelerator


def precision_of(wanted: str) -> str:
    """What accelerate calls a precision of a recipe; auto is that of the device."""
    if wanted == "auto":
        if not torch.cuda.is_available():
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "no" if wanted == "fp32" else wanted


def assemble(
    recipe: Recipe,
    pairs: PairList,
    start: Path | None,
    accelerator: Accelerator,
    told: Callable[[str], None],
) -> Parts:
    """The model on its start, what moves it, and the batches that do.

    Args:
        recipe: Describes all of them.
        pairs: The training split.
        start: Weights to start from; None for new ones.
        accelerator: Knows the processes.
        told: Called with what has been chosen by itself.
    """
    config = recipe.train
    normalization = Normalization(recipe.data.mean, recipe.data.std, recipe.data.bits)
    plan = plan_data(recipe.data, pairs, fill=normalization.fill)
    samples = Samples(
        pairs,
        seed=config.seed,
        normalization=normalization,
        augment=plan.augment,
    )
    sampler = sampler_for(config, len(samples), accelerator, times=plan.times)
    batches = training_batches(samples, sampler, workers=recipe.data.workers)
    model = build_model(recipe.model)
    if start:
        folded = load_start(model, start)
        few = (batch.images for batch in islice(batches, _UNFOLD_BATCHES if folded else 0))
        unfold_norms(model, folded, few)
    trainee = trainee_for(model, config, sampler, pretrained=start is not None, told=told)
    return Parts(trainee, batches, sampler, samples.watch)


def sampler_for(
    config: TrainConfig, pictures: int, accelerator: Accelerator, *, times: Times | None = None
) -> StepSampler:
    """The samples of each step, of which every process takes its share."""
    processes = accelerator.num_processes
    return StepSampler(
        pictures,
        seed=config.seed,
        batch_size=shared_batch(
            config.batch_size, samples=epoch_length(pictures, times), processes=processes
        ),
        process=accelerator.process_index,
        processes=processes,
        times=times,
    )


def trainee_for(
    model: nn.Module,
    config: TrainConfig,
    sampler: StepSampler,
    *,
    pretrained: bool,
    told: Callable[[str], None],
) -> Trainee:
    """A network with its norms as the recipe wants them, and what moves it.

    Args:
        model: On the weights that it starts from; changed in place.
        config: The recipe's ``[train]``.
        sampler: Knows how long an epoch and how large a step is.
        pretrained: Whether the weights are more than drawn.
        told: Called with what has been chosen by itself.
    """
    total_steps = config.total_steps(sampler.steps)
    policy = config.norms
    if policy == "auto":
        policy, reason = norm_policy_for(
            min(config.device_batch or sampler.share, sampler.share), pretrained=pretrained
        )
        told(f"norms = {policy}: {reason}")
    elif policy != "train" and not pretrained:
        told(f"norms = {policy}, and nothing has given them statistics; --start from weights")
    apply_norm_policy(model, policy)
    set_norm_momentum(model, config.norm_momentum, total_steps=total_steps)
    if config.sync_norms and sampler.share < sampler.batch_size:
        synchronize_norms(model)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
    called = at_scales(model, config.loss.scales)
    if config.compile:
        called.compile()
    optimizer = build_optimizer(model, config)
    return Trainee(
        network=model,
        model=called,
        optimizer=optimizer,
        schedule=build_schedule(optimizer, config, total_steps=total_steps),
        average=moving_average(model, config.ema_decay, ramp=config.ema_ramp),
        device_batch=config.device_batch,
    )


def at_scales(model: nn.Module, scales: tuple[float, ...]) -> nn.Module:
    """What is called in a step: the network, or what shows it each picture in several sizes."""
    several = isinstance(model, Segmenter) and scales != (1.0,)
    return AtScales(model, scales) if several else model  # type: ignore[arg-type]


def loss_for(
    recipe: Recipe, pairs: PairList, steps_per_epoch: int, device: torch.device
) -> LossAtStep:
    """What a recipe makes small, with class weights from the data where it asks for them."""
    config = recipe.train
    weights = config.class_weights
    if isinstance(weights, str):
        weights = class_weights(count_pixels(pairs), weights, beta=config.class_weights_beta)
    limit = config.class_weights_epochs
    return build_loss(
        config.loss,
        num_classes=recipe.model.num_classes,
        ignore_index=pairs.label_set.ignore_index,
        class_weights=torch.tensor(weights, device=device) if weights else None,
        class_weights_steps=None if limit is None else limit * steps_per_epoch,
        align_corners=recipe.model.align_corners,
    )


def card_for(recipe: Recipe, name: str, pairs: PairList, settings: dict[str, Any]) -> ModelCard:
    """What a model file says of itself, but for its result."""
    return ModelCard(
        name=name,
        classes=pairs.label_set.names,
        palette=pairs.label_set.palette,
        ignore_index=pairs.label_set.ignore_index,
        preprocessing=Preprocessing(
            mean=recipe.data.mean,
            std=recipe.data.std,
            bits=recipe.data.bits,
            longest_side=recipe.data.longest_side,
        ),
        align_corners=recipe.model.align_corners,
        architecture=recipe.model.model_dump(mode="json"),
        recipe=settings,
    )

"""What a training run is made of, besides the model."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from atrous.bands import MAX_CHANNELS, Bits, PixelKind

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

_LOSS_OF_SETTING = {
    "label_smoothing": "cross_entropy",
    "hard_fraction": "cross_entropy",
    "hard_steps": "cross_entropy",
    "focal_gamma": "focal",
    "boundary_factor": "boundary",
    "boundary_sigma": "boundary",
}
_USE_OF_SETTING = {
    "nesterov": ("optimizer", ("sgd",)),
    "momentum": ("optimizer", ("sgd", "rmsprop")),
    "rmsprop_decay": ("optimizer", ("rmsprop",)),
    "epsilon": ("optimizer", ("rmsprop", "adam", "adamw")),
    "poly_power": ("schedule", ("poly",)),
    "decay_factor": ("schedule", ("step", "exponential")),
    "decay_steps": ("schedule", ("step", "exponential")),
    "decay_epochs": ("schedule", ("step", "exponential")),
    "class_weights_beta": ("class_weights", ("effective",)),
}


Probability = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=0.25, le=4)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class CopyPaste(BaseModel):
    """Objects of other pictures that are laid onto a training sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Names
    """Names of the classes that are objects."""
    probability: Probability = 0.5
    """Share of the samples that get some."""
    soft_edge: float = Field(default=0.0, ge=0.0, le=10.0)
    """Pixels over which colours pass into each other along the edges; 0 for hard edges."""


class Repeat(BaseModel):
    """Pictures that an epoch shows several times.

    DeepLab V3 (Chen et al. 2017, section 4) duplicates the pictures of VOC's hard classes: bicycle,
    chair, table, potted plant and sofa.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: Names
    """Names of classes: pictures that show one of them are repeated."""
    times: int = Field(default=2, ge=2, le=100)
    """How often an epoch shows them."""


class DataConfig(BaseModel):
    """Which pictures are seen, and how they are changed on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: str = "paired"
    """Key into `atrous.data.DATASETS`."""
    train_split: str = "train"
    """Split that is trained on."""
    eval_split: str = "val"
    """Split that is measured while training; never trained on."""
    crop_size: tuple[Annotated[int, Field(ge=33)], Annotated[int, Field(ge=33)]] = (513, 513)
    """Height and width of a training sample in pixels."""
    scale: tuple[Positive, Positive] = (0.5, 2.0)
    """Smallest and largest random factor on the picture's size."""
    scale_step: Annotated[float, Field(ge=0)] = 0.0
    """Between one possible factor and the next, from the smallest on; 0 for any factor. The
    release of DeepLab has 0.25."""
    resize_range: tuple[Annotated[int, Field(ge=33)], Annotated[int, Field(ge=33)]] | None = None
    """Training pictures are resized before random scaling: the shorter side to the first, unless
    the longer side would pass the second. None leaves them as they are."""
    resize_multiple: int | None = Field(default=None, ge=1, le=64)
    """Sides of that size are rounded up to a multiple of this and one more; None for any size."""
    flip: bool = True
    """Mirror every second sample."""
    color_jitter: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Strength of random brightness, contrast and saturation; 0 for none."""
    hue_jitter: float = Field(default=0.0, ge=0.0, le=0.5)
    """Largest random turn of the hue to either side, as a share of the circle; 0 for none."""
    rotation: float = Field(default=0.0, ge=0.0, le=180.0)
    """Largest random angle to either side, in degrees; 0 for none."""
    blur: float = Field(default=0.0, ge=0.0, le=10.0)
    """Largest sigma of a random blur, in pixels of the crop; 0 for none."""
    cut_mix: Probability = 0.0
    """Share of the samples that get a rectangle of another picture."""
    copy_paste: CopyPaste | None = None
    """Lay objects of other pictures onto samples; None for no."""
    repeat: Repeat | None = None
    """Show pictures of hard classes several times in an epoch; None for once."""
    balance: Probability = 0.0
    """Show pictures of rare classes more often, see `atrous.data.sampling.times_by_rarity`: rare
    are classes in a smaller share of the pictures than this. 0 for no."""
    bits: Bits = 8
    """Of each value of the pictures: 8 for 0 to 255, 16 for 0 to 65535 as stored."""
    mean: tuple[float, ...] = Field(
        default=(127.5, 127.5, 127.5), min_length=1, max_length=MAX_CHANNELS
    )
    """Subtracted from the values, one for each of the model's in_channels; of three in the order
    red, green, blue."""
    std: tuple[Positive, ...] = (127.5, 127.5, 127.5)
    """Divided by after that."""
    longest_side: int | None = Field(default=None, ge=33)
    """Written into the model's card: pictures are resized to it before prediction, and before the
    measurements of the run; None leaves them as they are."""
    workers: int = Field(default=1, ge=0)
    """Processes that read and augment beside the training, at most one for each core."""

    @property
    def kind(self) -> PixelKind:
        """Channels and bits of the pictures that the network reads."""
        return PixelKind(len(self.mean), self.bits)

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale {list(self.scale)} must give the smaller factor first")
        return self

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if self.resize_range and self.resize_range[0] > self.resize_range[1]:
            raise ValueError(
                f"resize_range {list(self.resize_range)} must give the shorter side first"
            )
        if self.resize_multiple and not self.resize_range:
            raise ValueError("resize_multiple goes with a resize_range, and there is none")
        return self

    @model_validator(mode="after")
    def _one_for_each_channel(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"mean has {len(self.mean)} values and std {len(self.std)}; give one of each for "
                "each channel"
            )
        return self


class LossConfig(BaseModel):
    """What training makes small: a sum of losses of `atrous.losses.LOSSES`, each with its factor.

    Where none is named it is cross entropy alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cross_entropy: NotNegative | None = None
    """Factor on cross entropy; None for 1 where no other loss is named, and 0 elsewhere."""
    focal: NotNegative = 0.0
    """Factor on the focal loss."""
    dice: NotNegative = 0.0
    """Factor on the Dice loss."""
    lovasz: NotNegative = 0.0
    """Factor on the Lovász-softmax loss."""
    boundary: NotNegative = 0.0
    """Factor on cross entropy that counts more along boundaries."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the true class's probability that cross entropy spreads over all classes."""
    hard_fraction: float = Field(default=1.0, gt=0, le=1)
    """Share of a batch's pixels that cross entropy is taken over, those with the largest losses; 1
    for the mean over all labelled ones. ``top_k_percent_pixels`` of the released code."""
    hard_steps: int = Field(default=0, ge=0)
    """Steps over which the share falls from 1 to hard_fraction."""
    focal_gamma: NotNegative = 2.0
    """How fast pixels lose their weight in the focal loss as they become sure."""
    boundary_factor: NotNegative = 10.0
    """What is added to a pixel's weight of 1 on a boundary."""
    boundary_sigma: Annotated[float, Field(gt=0, le=100)] = 5.0
    """How far from a boundary that reaches, in pixels."""
    scales: Annotated[tuple[Scale, ...], Field(min_length=1, max_length=8)] = (1.0,)
    """Sizes in which the network sees each crop, as factors; the losses of all of them and of
    their merged logits are added. ``image_pyramid`` of the released code."""
    merge: Literal["max", "mean"] = "max"
    """How the logits of several scales become one."""

    @property
    def factors(self) -> dict[str, float]:
        """Factor of each loss that is part of the sum, by its name in `LOSSES`."""
        others = {name: getattr(self, name) for name in ("focal", "dice", "lovasz", "boundary")}
        named = {name: factor for name, factor in others.items() if factor}
        entropy = self.cross_entropy
        if entropy is None:
            entropy = 0.0 if named else 1.0
        return {"cross_entropy": entropy, **named} if entropy else named

    @model_validator(mode="after")
    def _settings_have_their_loss(self) -> Self:
        if not self.factors:
            raise ValueError("cross_entropy = 0 leaves nothing to make small; name another loss")
        for setting, loss in _LOSS_OF_SETTING.items():
            default = type(self).model_fields[setting].default
            if getattr(self, setting) != default and loss not in self.factors:
                raise ValueError(f"{setting} is of {loss}, which is not part of the loss")
        if self.hard_steps and self.hard_fraction == 1.0:
            raise ValueError("hard_steps leads to hard_fraction, which is not given")
        if self.merge != "max" and len(self.scales) == 1:
            raise ValueError("merge is for several scales, and there is one")
        return self


class TrainConfig(BaseModel):
    """How the weights are moved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int | None = Field(default=None, ge=1)
    """Passes over the training split; None where steps are given."""
    steps: int | None = Field(default=None, ge=1)
    """Optimizer steps, instead of epochs."""
    batch_size: int = Field(default=16, ge=1)
    """Samples in one step, over all processes."""
    device_batch: int | None = Field(default=None, ge=1)
    """Most samples that go through the network at once on one device; a step that has more sums
    the gradients of several passes. None for a step in one pass."""
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = "sgd"
    """SGD with momentum, Adam, AdamW, or RMSprop as TensorFlow has it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of sgd and rmsprop."""
    nesterov: bool = False
    """Whether the momentum of sgd is Nesterov's."""
    rmsprop_decay: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """Of the mean square of gradients in rmsprop."""
    epsilon: Positive | None = None
    """In the denominator of rmsprop (under the root), adam and adamw; None for 1 in rmsprop, as
    the recipes of ImageNet have it, and 1e-8 in the others."""
    learning_rate: Positive = 0.007
    """At the start, for ASPP, decoder and classifier."""
    encoder_factor: Positive = 1.0
    """Factor on the learning rate for the encoder."""
    last_layer_factor: Positive = 1.0
    """Factor on the learning rate for everything behind the encoder."""
    bias_factor: Positive = 1.0
    """Factor on the learning rate for the biases of convolutions, norms not included; 2 in the
    released code."""
    schedule: Literal["poly", "step", "exponential", "cosine", "constant"] = "poly"
    """How the learning rate falls after the start."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    slow_start_steps: int = Field(default=0, ge=0)
    """Steps at slow_start_learning_rate before the schedule begins."""
    slow_start_learning_rate: Positive = 1e-4
    """For ASPP, decoder and classifier; the factors are on it too."""
    weight_decay: Annotated[float, Field(ge=0)] = 4e-5
    """On dense convolutions and layers; never on norms, biases and depthwise kernels."""
    poly_power: Positive = 0.9
    """learning_rate * (1 - step / total_steps) ** poly_power."""
    decay_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Of step and exponential: what the learning rate is multiplied by each time."""
    decay_steps: int | None = Field(default=None, ge=1)
    """Steps from one time to the next; None for decay_epochs, or 2000 without either."""
    decay_epochs: Positive | None = None
    """The same in epochs."""
    loss: LossConfig = LossConfig()
    """What is made small."""
    class_weights: tuple[Positive, ...] | Literal["inverse", "sqrt_inverse", "effective"] | None = (
        None
    )
    """Factor on the loss of each class, or how it follows from the classes' pixels in the training
    split (`atrous.losses.class_weights`); None for 1."""
    class_weights_beta: Annotated[float, Field(gt=0, lt=1)] = 0.999_999
    """Of "effective"."""
    class_weights_epochs: int | None = Field(default=None, ge=0)
    """Epochs after which class_weights are dropped; None to keep them. Weights help rare classes
    to be found; without them in the end the classes get their true extent."""
    norm_momentum: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of each batch in the norms' running statistics; None takes the network's own, or 10
    over the number of steps where the run is too short for those."""
    norms: Literal["auto", "train", "frozen_statistics", "frozen"] = "train"
    """Whether batch norms normalize by the batch and learn; by their running statistics, with
    scale and offset learning on; or do not change at all. auto chooses by the batch of a device,
    see `atrous.engine.norms.norm_policy_for`."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average of the weights that is evaluated and kept; 0 for none."""
    ema_ramp: bool = False
    """Whether the decay is at most (1 + n) / (10 + n) after n steps, as TensorFlow has it."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 on a GPU that has it, fp16 on one that has not, fp32 on a CPU."""
    clip_norm: Positive | None = None
    """Longest gradient, over all weights; a longer one is shortened to it. None for no limit."""
    sync_norms: bool = False
    """Whether norms take their statistics over all processes, not over each one's samples."""
    shard: bool = False
    """Whether several processes split weights, gradients and optimizer state among them (FSDP2);
    each also holds the whole weights once, and their average if there is one."""
    channels_last: bool = True
    """Whether the channels are last in memory, which convolutions are faster with."""
    compile: bool = False
    """Whether torch compiles the network before training."""
    max_bad_steps: int = Field(default=5, ge=0)
    """Steps that may be skipped because loss or gradients are not finite; one more ends the run."""
    seed: int = Field(default=0, ge=0)
    """What order, augmentation, dropout and new weights depend on."""
    evaluate_every: int = Field(default=1, ge=1)
    """Epochs between measurements on the evaluation split."""
    checkpoint_minutes: Positive | None = 10.0
    """Longest time between two checkpoints; each epoch ends with one too. None for no limit."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """Most steps between two checkpoints; None for no limit."""

    @model_validator(mode="after")
    def _settings_have_their_use(self) -> Self:
        for one, other in (("warmup_steps", "slow_start_steps"), ("decay_steps", "decay_epochs")):
            if getattr(self, one) and getattr(self, other):
                raise ValueError(f"{one} and {other} exclude each other; give one")
        for setting, (field, values) in _USE_OF_SETTING.items():
            default = type(self).model_fields[setting].default
            if getattr(self, setting) != default and getattr(self, field) not in values:
                raise ValueError(f"{setting} is for {field} = {' or '.join(map(repr, values))}")
        if self.shard and (self.compile or self.precision == "fp16"):
            raise ValueError("shard goes with neither compile nor fp16; take bf16 or fp32")
        if self.ema_ramp and not self.ema_decay:
            raise ValueError("ema_ramp is for a moving average; give ema_decay")
        return self

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs a length: give epochs or steps, and not both")
        return self

    def total_steps(self, steps_per_epoch: int) -> int:
        """Optimizer steps of the whole run."""
        return self.steps or (self.epochs or 0) * steps_per_epoch

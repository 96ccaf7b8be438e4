"""What a training run is made of, besides the model."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]


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
    flip: bool = True
    """Mirror every second sample."""
    color_jitter: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Strength of random brightness, contrast and saturation; 0 for none."""
    mean: Triple = (127.5, 127.5, 127.5)
    """Subtracted from pixels of 0 to 255, in the order red, green, blue."""
    std: tuple[Positive, Positive, Positive] = (127.5, 127.5, 127.5)
    """Divided by after that."""
    longest_side: int | None = Field(default=None, ge=33)
    """Written into the model's card: pictures are resized to it before prediction, and before the
    measurements of the run; None leaves them as they are."""
    workers: int = Field(default=1, ge=0)
    """Processes that read and augment beside the training."""

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale {list(self.scale)} must give the smaller factor first")
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
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with momentum 0.9, or AdamW."""
    learning_rate: Positive = 0.007
    """At the start, for ASPP, decoder and classifier."""
    encoder_factor: Positive = 1.0
    """Factor on the learning rate for the encoder."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 4e-5
    """On dense convolutions; never on norms, biases and depthwise kernels."""
    poly_power: Positive = 0.9
    """learning_rate * (1 - step / total_steps) ** poly_power."""
    class_weights: tuple[Positive, ...] | None = None
    """Factor on the loss of each class; None for 1."""
    class_weights_epochs: int | None = Field(default=None, ge=0)
    """Epochs after which class_weights are dropped; None to keep them. Weights help rare classes
    to be found; without them in the end the classes get their true extent."""
    norm_momentum: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of each batch in the norms' running statistics; None takes the network's own, or 10
    over the number of steps where the run is too short for those."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average of the weights that is evaluated and kept; 0 for none."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 on a GPU that has it, fp16 on one that has not, fp32 on a CPU."""
    clip_norm: Positive | None = None
    """Longest gradient, over all weights; a longer one is shortened to it. None for no limit."""
    sync_norms: bool = False
    """Whether norms take their statistics over all processes, not over each one's samples."""
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
    def _has_one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("needs a length: give epochs or steps, and not both")
        return self

    def total_steps(self, steps_per_epoch: int) -> int:
        """Optimizer steps of the whole run."""
        return self.steps or (self.epochs or 0) * steps_per_epoch

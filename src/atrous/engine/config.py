"""What a training run is made of, besides the model."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]


Probability = Annotated[float, Field(ge=0, le=1)]
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

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if self.resize_range and self.resize_range[0] > self.resize_range[1]:
            raise ValueError(
                f"resize_range {list(self.resize_range)} must give the shorter side first"
            )
        if self.resize_multiple and not self.resize_range:
            raise ValueError("resize_multiple goes with a resize_range, and there is none")
        return self


class TrainConfig(BaseModel):
    """How the weights are moved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=1)
    """Passes over the training split."""
    batch_size: int = Field(default=16, ge=1)
    """Samples in one step."""
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
    seed: int = Field(default=0, ge=0)
    """What order, augmentation, dropout and new weights depend on."""
    evaluate_every: int = Field(default=1, ge=1)
    """Epochs between measurements on the evaluation split."""

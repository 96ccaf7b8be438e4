"""The official DeepLab checkpoints: what each is, and what was published about it.

The facts are those of the model zoo's page in the released code, revision of 23 July 2020.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from atrous.errors import WeightsError
from atrous.labels import ADE20K, CITYSCAPES, VOC, LabelSet
from atrous.models.config import ModelConfig
from atrous.runtime.card import Preprocessing

LICENSE = "Apache-2.0"
"""Terms of every official checkpoint."""
ONE_SCALE = (1.0,)
VOC_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
CITYSCAPES_SCALES = (0.75, 1.0, 1.25)
CITYSCAPES_TEST_SCALES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)


@dataclass(frozen=True)
class Evaluation:
    """One published measurement of a checkpoint."""

    split: str
    """Split that was measured."""
    mean_iou: float
    """Between 0 and 1."""
    output_stride: int
    """Of the encoder while measuring; the weights serve all."""
    scales: tuple[float, ...] = ONE_SCALE
    """Factors on the picture's size whose softmax was averaged."""
    flip: bool = False
    """Whether each scale was also seen mirrored."""
    multiply_adds: float | None = None
    """Of all looks at one picture, in billions."""
    seconds: float | None = None
    """For one picture, as a profiler found on one CPU (Xeon E5-1650 v3)."""
    pixel_accuracy: float | None = None
    """Between 0 and 1."""


@dataclass(frozen=True)
class Checkpoint:
    """One official archive."""

    archive: str
    """Name of the archive without its ending."""
    encoder: str
    """Key into `atrous.encoders.ENCODERS`; for those not in it, the name in the release."""
    trained_on: tuple[str, ...]
    """Data sets, in the order of the training."""
    megabytes: float | None = None
    """Size of the archive as published."""
    config: ModelConfig | None = None
    """The whole network at output stride 16, or 32 for MobileNetV3; None for checkpoints of an
    encoder alone and for networks that are not built here."""
    labels: LabelSet | None = None
    """What the classes are called."""
    size: tuple[int, int] = (513, 513)
    """Height and width of the pictures it was measured on, padded, in pixels."""
    evaluations: tuple[Evaluation, ...] = ()
    """Everything published about its quality."""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    """From a picture to what the network reads."""
    readable: bool = True
    """Whether its weights can be brought into a network of ours."""
    note: str = ""
    """What else one should know."""

    @property
    def address(self) -> str:
        """Where the archive is published."""
        return f"http://download.tensorflow.org/models/{self.file_name}"

    @property
    def file_name(self) -> str:
        """Name of the archive with its ending."""
        return f"{self.archive}.tar.gz"


def _config(encoder: str, label_count: int, **options: object) -> ModelConfig:
    values = {"encoder": encoder, "num_classes": label_count, **options}
    return ModelConfig.model_validate(values | {"align_corners": True, "padding": "same"})


_mobilenet_config = partial(_config, decoder="deeplabv3", atrous_rates=())
"""Image pooling, a 1x1 convolution and their merging, nothing else."""

_light_config = partial(
    _config,
    decoder="lraspp",
    output_stride=32,
    decoder_channels=128,
    decoder_strides=(8,),
    image_pooling_crop_size=(769, 769),
    image_pooling_stride=(4, 5),
)
"""The head of MobileNetV3, as its two checkpoints were trained."""

_voc = partial(Checkpoint, labels=VOC, preprocessing=Preprocessing(longest_side=513))
_cityscapes = partial(
    Checkpoint,
    labels=CITYSCAPES,
    size=(1025, 2049),
    preprocessing=Preprocessing(longest_side=2048),
)
_voc_averaged = partial(Evaluation, output_stride=8, scales=VOC_SCALES, flip=True)
_cityscapes_averaged = partial(
    Evaluation, "Cityscapes val", output_stride=8, scales=CITYSCAPES_SCALES, flip=True
)

SEGMENTATION: Mapping[str, Checkpoint] = {
    "mobilenetv2_dm05_coco_voc_trainaug": _voc(
        archive="deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01",
        encoder="mobilenetv2_050",
        trained_on=("ImageNet", "COCO", "VOC train_aug"),
        megabytes=7.6,
        config=_mobilenet_config("mobilenetv2_050", 21),
        evaluations=(Evaluation("VOC val", 0.7019, 16, multiply_adds=0.88),),
    ),
    "mobilenetv2_dm05_coco_voc_trainval": _voc(
        archive="deeplabv3_mnv2_dm05_pascal_trainval_2018_10_01",
        encoder="mobilenetv2_050",
        trained_on=("ImageNet", "COCO", "VOC train_aug", "VOC trainval"),
        megabytes=7.6,
        config=_mobilenet_config("mobilenetv2_050", 21),
        evaluations=(Evaluation("VOC test", 0.7183, 8, multiply_adds=2.84),),
    ),
    "mobilenetv2_coco_voc_trainaug": _voc(
        archive="deeplabv3_mnv2_pascal_train_aug_2018_01_29",
        encoder="mobilenetv2",
        trained_on=("ImageNet", "COCO", "VOC train_aug"),
        megabytes=23,
        config=_mobilenet_config("mobilenetv2", 21),
        evaluations=(
            Evaluation("VOC val", 0.7532, 16, multiply_adds=2.75, seconds=0.1),
            _voc_averaged("VOC val", 0.7733, multiply_adds=152.59, seconds=26.9),
        ),
    ),
    "mobilenetv2_coco_voc_trainval": _voc(
        archive="deeplabv3_mnv2_pascal_trainval_2018_01_29",
        encoder="mobilenetv2",
        trained_on=("ImageNet", "COCO", "VOC train_aug", "VOC trainval"),
        megabytes=23,
        config=_mobilenet_config("mobilenetv2", 21),
        evaluations=(_voc_averaged("VOC test", 0.8025, multiply_adds=152.59, seconds=26.9),),
    ),
    "xception65_coco_voc_trainaug": _voc(
        archive="deeplabv3_pascal_train_aug_2018_01_04",
        encoder="xception65",
        trained_on=("ImageNet", "COCO", "VOC train_aug"),
        megabytes=439,
        config=_config("xception65", 21),
        evaluations=(
            Evaluation("VOC val", 0.8220, 16, multiply_adds=54.17, seconds=0.7),
            _voc_averaged("VOC val", 0.8358, multiply_adds=3055.35, seconds=223.2),
        ),
    ),
    "xception65_coco_voc_trainval": _voc(
        archive="deeplabv3_pascal_trainval_2018_01_04",
        encoder="xception65",
        trained_on=("ImageNet", "COCO", "VOC train_aug", "VOC trainval"),
        megabytes=439,
        config=_config("xception65", 21),
        evaluations=(_voc_averaged("VOC test", 0.8780, multiply_adds=3055.35, seconds=223.2),),
    ),
    "mobilenetv2_coco_cityscapes_trainfine": _cityscapes(
        archive="deeplabv3_mnv2_cityscapes_train_2018_02_05",
        encoder="mobilenetv2",
        trained_on=("ImageNet", "COCO", "Cityscapes train_fine"),
        megabytes=23,
        config=_mobilenet_config("mobilenetv2", 19),
        evaluations=(
            Evaluation("Cityscapes val", 0.7071, 16, multiply_adds=21.27, seconds=0.8),
            _cityscapes_averaged(mean_iou=0.7357, multiply_adds=433.24, seconds=51.12),
        ),
    ),
    "mobilenetv3_large_cityscapes_trainfine": _cityscapes(
        archive="deeplab_mnv3_large_cityscapes_trainfine_2019_11_15",
        encoder="mobilenetv3_large_seg",
        trained_on=("Cityscapes train_fine",),
        megabytes=17,
        config=_light_config("mobilenetv3_large_seg", 19),
        evaluations=(Evaluation("Cityscapes val", 0.7241, 32, multiply_adds=15.95, seconds=0.6),),
    ),
    "mobilenetv3_small_cityscapes_trainfine": _cityscapes(
        archive="deeplab_mnv3_small_cityscapes_trainfine_2019_11_15",
        encoder="mobilenetv3_small_seg",
        trained_on=("Cityscapes train_fine",),
        megabytes=5,
        config=_light_config("mobilenetv3_small_seg", 19),
        evaluations=(Evaluation("Cityscapes val", 0.6899, 32, multiply_adds=4.63, seconds=0.4),),
    ),
    "xception65_cityscapes_trainfine": _cityscapes(
        archive="deeplabv3_cityscapes_train_2018_02_06",
        encoder="xception65",
        trained_on=("ImageNet", "Cityscapes train_fine"),
        megabytes=439,
        config=_config("xception65", 19),
        evaluations=(
            Evaluation("Cityscapes val", 0.7879, 16, multiply_adds=418.64, seconds=5.0),
            _cityscapes_averaged(mean_iou=0.8042, multiply_adds=8677.92, seconds=422.8),
        ),
    ),
    "xception71_dpc_cityscapes_trainfine": _cityscapes(
        archive="deeplab_cityscapes_xception71_trainfine_2018_09_08",
        encoder="xception71",
        trained_on=("ImageNet", "COCO", "Cityscapes train_fine"),
        megabytes=445,
        config=_config("xception71", 19, context="dpc"),
        evaluations=(Evaluation("Cityscapes val", 0.8031, 16, multiply_adds=502.07),),
    ),
    "xception71_dpc_cityscapes_trainval": _cityscapes(
        archive="deeplab_cityscapes_xception71_trainvalfine_2018_09_08",
        encoder="xception71",
        trained_on=("ImageNet", "COCO", "Cityscapes trainval, fine and coarse"),
        megabytes=446,
        config=_config("xception71", 19, context="dpc"),
        evaluations=(
            Evaluation("Cityscapes test", 0.8266, 8, scales=CITYSCAPES_TEST_SCALES, flip=True),
        ),
    ),
    "edgetpu_deeplab": _cityscapes(
        archive="edgetpu-deeplab_2020_03_09",
        encoder="edgetpu_deeplab",
        trained_on=("ImageNet", "Cityscapes train_fine"),
        evaluations=(
            Evaluation("Cityscapes val", 0.706, 32, multiply_adds=5.6),
            Evaluation("Cityscapes val", 0.741, 16, multiply_adds=7.1),
        ),
        readable=False,
        note="a searched network for one kind of chip, not built here",
    ),
    "edgetpu_deeplab_slim": _cityscapes(
        archive="edgetpu-deeplab-slim_2020_03_09",
        encoder="edgetpu_deeplab_slim",
        trained_on=("ImageNet", "Cityscapes train_fine"),
        evaluations=(
            Evaluation("Cityscapes val", 0.700, 32, multiply_adds=3.5),
            Evaluation("Cityscapes val", 0.732, 16, multiply_adds=4.3),
        ),
        readable=False,
        note="a searched network for one kind of chip, not built here",
    ),
    "mobilenetv2_ade20k_train": Checkpoint(
        archive="deeplabv3_mnv2_ade20k_train_2018_12_03",
        encoder="mobilenetv2",
        trained_on=("ImageNet", "ADE20K train"),
        megabytes=24.8,
        config=_config("mobilenetv2", 151, atrous_rates=()),
        labels=ADE20K,
        size=(257, 257),
        evaluations=(Evaluation("ADE20K val", 0.3204, 16, pixel_accuracy=0.7541),),
        preprocessing=Preprocessing(longest_side=257),
    ),
    "xception65_ade20k_train": Checkpoint(
        archive="deeplabv3_xception_ade20k_train_2018_05_29",
        encoder="xception65",
        trained_on=("ImageNet", "ADE20K train"),
        megabytes=439,
        config=_config("xception65", 151),
        labels=ADE20K,
        evaluations=(_voc_averaged("ADE20K val", 0.4565, pixel_accuracy=0.8252),),
        preprocessing=Preprocessing(longest_side=513),
    ),
}
"""Whole networks, by the names of the model zoo's page."""

_encoder = partial(Checkpoint, trained_on=("ImageNet",), note="an encoder to start training from")

ENCODER_STARTS: Mapping[str, Checkpoint] = {
    "xception41_imagenet": _encoder("xception_41_2018_05_09", "xception41", megabytes=288),
    "xception65_imagenet": _encoder("deeplabv3_xception_2018_01_04", "xception65", megabytes=447),
    "xception65_coco": Checkpoint(
        archive="xception_65_coco_pretrained_2018_10_02",
        encoder="xception65",
        trained_on=("ImageNet", "COCO"),
        megabytes=292,
        note="an encoder to start training from",
    ),
    "xception71_imagenet": _encoder("xception_71_2018_05_09", "xception71", megabytes=474),
    "resnet50_beta_imagenet": _encoder("resnet_v1_50_2018_05_04", "resnet50_beta", megabytes=274),
    "resnet101_beta_imagenet": _encoder(
        "resnet_v1_101_2018_05_04", "resnet101_beta", megabytes=477
    ),
}
"""Encoders, for training."""

CHECKPOINTS: Mapping[str, Checkpoint] = {**SEGMENTATION, **ENCODER_STARTS}
"""Every official checkpoint by name."""


def find_checkpoint(name: str) -> Checkpoint:
    """An official checkpoint by its name.

    Raises:
        WeightsError: If there is none of that name.
    """
    if name in CHECKPOINTS:
        return CHECKPOINTS[name]
    close = difflib.get_close_matches(name, CHECKPOINTS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "atrous model list shows them"
    raise WeightsError(f"{name}: no official checkpoint of that name; {hint}")

"""Numbers of the papers and of the model zoo that can be counted without any data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from atrous.models.config import ClassifierConfig, ModelConfig
from atrous.weights.zoo.catalogue import ONE_SCALE, SEGMENTATION, VOC_SCALES, Checkpoint, Evaluation

Section: TypeAlias = Literal["whole", "encoder", "context", "decoder", "classifier"]

TOLERANCE = 0.003
"""The published multiply-adds are half the operations that TensorFlow's profiler found in the
whole graph. Its norms, sums and resizing are 0.1 to 0.3 % beside the convolutions that we count."""


@dataclass(frozen=True)
class PublishedCount:
    """Multiply-adds that were published."""

    where: str
    """Table that the number stands in."""
    what: str
    """The network, as the table calls it."""
    config: ModelConfig | None
    """The network at the output stride of the row; None if it is not built here."""
    published: float
    """Multiply-adds of all looks at one picture, in billions."""
    output_stride: int
    size: tuple[int, int] = (513, 513)
    """Height and width of the picture at scale 1."""
    scales: tuple[float, ...] = ONE_SCALE
    flip: bool = False

    @property
    def held_to(self) -> float:
        """The published number, or the one that fits its network."""
        return _EXPLAINED.get(self.published, (self.published,))[0]

    @property
    def tolerance(self) -> float:
        """Largest difference, as a share of what it is held to."""
        return _EXPLAINED[self.published][1] if self.published in _EXPLAINED else TOLERANCE

    @property
    def note(self) -> str:
        """Why it is held to another number, or less closely."""
        if self.config is None:
            return "This network is not built here."
        return _EXPLAINED[self.published][2] if self.published in _EXPLAINED else ""


@dataclass(frozen=True)
class PublishedSize:
    """Trained values of a network, or of a section of it."""

    where: str
    what: str
    network: ModelConfig | ClassifierConfig
    published: int
    section: Section = "whole"


_XCEPTION65, _RESNET101 = "xception65", "resnet101_beta"
_TENSORFLOW = {"align_corners": True, "padding": "same"}
_SLIP = (
    "A slip of the paper: 81.02 without decoder and the 21.76 that it adds in every other row make "
    "102.78, which the row with all scales fits."
)
_HALVED = (
    "The paper does not tell its atrous rates at stride 32: 3, 6, 9 fit, and 6, 12, 18 would be "
    "2 % above. What is not counted is up to 0.35 % here."
)
_LIGHT = (
    "About twice the official graph, so these seem to be operations. The graph's convolutions have "
    "%s B; ours classify before they resize, which saves 0.0754 B."
)
_SMALL = (
    "The official graph has %s B itself. What is not counted weighs more in so small a network."
)

_EXPLAINED: Mapping[float, tuple[float, float, str]] = {
    101.28: (102.78, TOLERANCE, _SLIP),
    52.43: (52.43, 0.004, _HALVED),
    74.20: (74.20, 0.004, _HALVED),
    0.88: (0.8713, 0.004, _SMALL % "0.8713"),
    2.84: (2.8295, 0.004, _SMALL % "2.8295"),
    15.95: (7.5829 - 0.0754, TOLERANCE, _LIGHT % "7.5829"),
    4.63: (1.9639 - 0.0754, TOLERANCE, _LIGHT % "1.9639"),
}
"""Published numbers that need a word: what they are held to, how closely, and why."""


def _network(encoder: str, **options: object) -> ModelConfig:
    values: dict[str, object] = {"encoder": encoder, "num_classes": 21, **options}
    if encoder.startswith("resnet"):
        values["multi_grid"] = (1, 2, 4)
    return ModelConfig.model_validate(values | _TENSORFLOW)


def _rows(
    where: str, what: str, config: ModelConfig, table: dict[tuple[int, str], float]
) -> Iterator[PublishedCount]:
    """Rows of one network from its output strides and its looks: one, all scales, and mirrored."""
    for (output_stride, looks), published in table.items():
        yield PublishedCount(
            where,
            what,
            config.model_copy(update={"output_stride": output_stride}),
            published,
            output_stride,
            scales=ONE_SCALE if looks == "one" else VOC_SCALES,
            flip=looks == "scales and flip",
        )


def published_counts() -> tuple[PublishedCount, ...]:
    """Every published number of multiply-adds, table by table."""
    return (*_table_3(), *_table_5(), *_zoo())


def _table_3() -> Iterator[PublishedCount]:
    where, network = "DeepLab V3+, table 3", partial(_network, _RESNET101, separable=False)
    yield from _rows(
        where,
        "ResNet-101",
        network(decoder="deeplabv3"),
        {
            (16, "one"): 81.02,
            (8, "one"): 276.18,
            (8, "scales"): 2435.37,
            (8, "scales and flip"): 4870.59,
            (32, "one"): 52.43,
        },
    )
    yield from _rows(
        where,
        "ResNet-101, decoder",
        network(),
        {
            (16, "one"): 101.28,
            (16, "scales"): 898.69,
            (16, "scales and flip"): 1797.23,
            (8, "one"): 297.92,
            (8, "scales"): 2623.61,
            (8, "scales and flip"): 5247.07,
            (32, "one"): 74.20,
        },
    )


def _table_5() -> Iterator[PublishedCount]:
    where, network = "DeepLab V3+, table 5", partial(_network, _XCEPTION65)
    yield from _rows(
        where,
        "Xception-65",
        network(separable=False, decoder="deeplabv3"),
        {
            (16, "one"): 68.00,
            (16, "scales"): 601.74,
            (16, "scales and flip"): 1203.34,
            (8, "one"): 240.85,
            (8, "scales"): 2149.91,
            (8, "scales and flip"): 4299.68,
        },
    )
    yield from _rows(
        where,
        "Xception-65, decoder",
        network(separable=False),
        {
            (16, "one"): 89.76,
            (16, "scales"): 790.12,
            (16, "scales and flip"): 1580.10,
            (8, "one"): 262.59,
            (8, "scales"): 2338.15,
            (8, "scales and flip"): 4676.16,
        },
    )
    yield from _rows(
        where,
        "Xception-65, decoder, separable",
        network(),
        {
            (16, "one"): 54.17,
            (16, "scales and flip"): 928.81,
            (8, "one"): 177.10,
            (8, "scales and flip"): 3055.35,
        },
    )


def _zoo() -> Iterator[PublishedCount]:
    for name, checkpoint in SEGMENTATION.items():
        for evaluation in checkpoint.evaluations:
            if evaluation.multiply_adds is not None:
                yield _zoo_row(name, checkpoint, evaluation, evaluation.multiply_adds)


def _zoo_row(
    name: str, checkpoint: Checkpoint, evaluation: Evaluation, published: float
) -> PublishedCount:
    config = checkpoint.config
    return PublishedCount(
        "Model zoo",
        name,
        config and config.model_copy(update={"output_stride": evaluation.output_stride}),
        published,
        evaluation.output_stride,
        checkpoint.size,
        evaluation.scales,
        evaluation.flip,
    )


_VARIABLES = "Official graph, trained values"
_PAPER_XCEPTION = "Xception, table 3, parameters"
_LIGHT_SECTIONS: tuple[Section, ...] = ("encoder", "context", "decoder")


def published_sizes() -> tuple[PublishedSize, ...]:
    """Trained values: of Xception in its paper, of all others as the official graph has them."""
    return (
        PublishedSize(_PAPER_XCEPTION, "Xception, 1000 classes", ClassifierConfig(), 22_855_952),
        *_whole_sizes(),
        *_section_sizes(),
    )


def _whole_sizes() -> Iterator[PublishedSize]:
    plain: dict[str, object] = {"separable": False}
    no_decoder: dict[str, object] = {"decoder": "deeplabv3"}
    mobilenet = no_decoder | {"atrous_rates": ()}
    for what, network, published in (
        ("Xception-41", _network("xception41"), 28_108_661),
        ("Xception-65", _network("xception65"), 41_055_413),
        ("Xception-65, 19 classes", _network("xception65", num_classes=19), 41_054_899),
        ("Xception-65, not separable", _network("xception65", **plain), 54_711_461),
        (
            "Xception-65, not separable, no decoder",
            _network("xception65", **plain, **no_decoder),
            53_407_813,
        ),
        ("Xception-71", _network("xception71"), 43_477_837),
        ("ResNet-50 beta", _network("resnet50_beta"), 26_819_909),
        ("ResNet-101 beta", _network("resnet101_beta"), 45_812_037),
        ("ResNet-101 beta, not separable", _network("resnet101_beta", **plain), 59_468_085),
        (
            "ResNet-101 beta, not separable, no decoder",
            _network("resnet101_beta", **plain, **no_decoder),
            58_164_437,
        ),
        ("MobileNetV2", _network("mobilenetv2", **mobilenet), 2_113_557),
        (
            "MobileNetV2, 19 classes",
            _network("mobilenetv2", num_classes=19, **mobilenet),
            2_113_043,
        ),
        ("MobileNetV2, half as wide", _network("mobilenetv2_050", **mobilenet), 697_013),
        ("MobileNetV3 large, 19 classes", _light("mobilenetv3_large_seg"), 1_507_198),
        ("MobileNetV3 small, 19 classes", _light("mobilenetv3_small_seg"), 468_830),
    ):
        yield PublishedSize(_VARIABLES, what, network, published)


def _light(encoder: str) -> ModelConfig:
    """MobileNetV3 with its own head, as the model zoo has it."""
    return next(
        checkpoint.config
        for checkpoint in SEGMENTATION.values()
        if checkpoint.config and checkpoint.encoder == encoder
    )


def _section_sizes() -> Iterator[PublishedSize]:
    for what, encoder, published in (
        ("Xception-41", "xception41", 24_920_560),
        ("Xception-65", "xception65", 37_867_312),
        ("Xception-71", "xception71", 40_289_736),
        ("ResNet-50 beta", "resnet50_beta", 23_631_808),
        ("ResNet-101 beta", "resnet101_beta", 42_623_936),
    ):
        yield PublishedSize(_VARIABLES, what, _network(encoder), published, "encoder")
    yield from _head_sizes("Xception-65", _network("xception65"), 3_019_776, 162_928, 5_397)
    mobilenet = _network("mobilenetv2", decoder="deeplabv3", atrous_rates=())
    yield PublishedSize(_VARIABLES, "MobileNetV2", mobilenet, 1_811_712, "encoder")
    yield PublishedSize(_VARIABLES, "MobileNetV2", mobilenet, 296_448, "context")
    for what, encoder, sections in (
        ("MobileNetV3 large", "mobilenetv3_large_seg", (1_379_184, 123_264, 4_750)),
        ("MobileNetV3 small", "mobilenetv3_small_seg", (390_576, 74_112, 4_142)),
    ):
        for section, published in zip(_LIGHT_SECTIONS, sections, strict=True):
            yield PublishedSize(_VARIABLES, what, _light(encoder), published, section)


def _head_sizes(
    what: str, network: ModelConfig, context: int, decoder: int, classifier: int
) -> Iterator[PublishedSize]:
    yield PublishedSize(_VARIABLES, what, network, context, "context")
    yield PublishedSize(_VARIABLES, what, network, decoder, "decoder")
    yield PublishedSize(_VARIABLES, what, network, classifier, "classifier")

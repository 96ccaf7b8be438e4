"""The model card of a run, as a page that model hubs read too."""

import json
from dataclasses import dataclass
from pathlib import Path

from atrous.errors import AtrousError
from atrous.runtime.card import ModelCard
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.weights.formats.safetensors_card import read_safetensors_card
from atrous.weights.load import MODELS

NAME = "README.md"


@dataclass(frozen=True)
class Start:
    """The weights that a run has started from."""

    name: str
    license: str
    """Their terms; empty where their file says none."""


@dataclass(frozen=True)
class Origin:
    """What a model comes from."""

    data: str
    """What the dataset is called."""
    pictures: int
    """Of the training split."""
    start: Start | None
    """None for a network that was drawn anew."""


def find_terms(start: Path) -> Start:
    """Weights to start from, and the terms that their file names, if it is one of ours."""
    try:
        if start.suffix == ".safetensors":
            return Start(start.name, read_safetensors_card(start).license)
        if start.suffix == ".onnx":
            return Start(start.name, OnnxEngine(start, threads=1).card.license)
    except AtrousError:
        pass  # training reads the file too, and says what is wrong
    return Start(start.name, "")


def start_flag(start: str | None) -> str:
    """What a command needs to start from a file of that name again."""
    shipped = {file: name for name, file in MODELS.items()}
    return f" --start {shipped.get(start, start)}" if start else ""


def card_page(
    card: ModelCard, origin: Origin, *, best: tuple[int, float], fingerprint: str | None
) -> str:
    """A page in Markdown with the front matter of the Hugging Face hub.

    Args:
        card: Of ``last.safetensors``, with its result.
        origin: What it comes from.
        best: Epoch and mean IoU of ``best.safetensors``.
        fingerprint: Of the evaluation split, see `atrous.engine.fingerprint`; None if unknown.
    """
    return (
        "\n\n".join(
            [
                _front_matter(card, origin.data),
                f"# {_plain(card.name)}",
                _what_it_is(card, origin),
                "## Result",
                _result(card, best, fingerprint),
                _scores(card),
                "## Use",
                _USE,
                "## Intended use and limits",
                _INTENDED,
                "## Training",
                _training(origin.start),
                "## Terms",
                _terms(origin.start),
                "",
            ]
        ).rstrip("\n")
        + "\n"
    )


def _front_matter(card: ModelCard, data: str) -> str:
    """YAML, of which texts in JSON are a part."""
    result = card.result
    dataset, name = _quoted(data), _quoted(card.name)
    lines = [
        "---",
        "library_name: atrous",
        "pipeline_tag: image-segmentation",
        "tags: [semantic-segmentation, deeplab]",
        "metrics: [mean_iou, accuracy]",
        "model-index:",
        f"- name: {name}",
        "  results:",
        "  - task: {type: image-segmentation}",
        f"    dataset: {{type: {dataset}, name: {dataset}, split: {_quoted(result['split'])}}}",
        "    metrics:",
        f"    - {{type: mean_iou, value: {result['mean_iou']:.6f}}}",
        f"    - {{type: accuracy, value: {result['pixel_accuracy']:.6f}}}",
        "---",
    ]
    return "\n".join(lines)


def _what_it_is(card: ModelCard, origin: Origin) -> str:
    built = card.architecture
    return (
        f"A {_plain(str(built.get('decoder', 'deeplabv3plus')))} network with the encoder "
        f"{_plain(str(built.get('encoder')))} at output stride {built.get('output_stride')}. It "
        f"gives every pixel of a picture one of {len(card.classes)} classes, and was trained with "
        f"atrous on {origin.pictures} pictures of "
        f"`{_plain(origin.data)}`."
    )


def _result(card: ModelCard, best: tuple[int, float], fingerprint: str | None) -> str:
    found = card.result
    lines = [
        f"Mean IoU **{found['mean_iou']:.2%}**, pixel accuracy {found['pixel_accuracy']:.2%} on "
        f"the {found['images']} pictures of `{_plain(found['split'])}`, after epoch "
        f"{found['epoch']} (`last.safetensors`): {found['convention']}."
    ]
    epoch, mean_iou = best
    lines.append(
        f"`best.safetensors` is that of epoch {epoch}, with {mean_iou:.2%}; it was chosen on "
        "these same pictures, which flatters it a little."
    )
    if fingerprint:
        lines.append(f"SHA-256 of their names and labels: `{fingerprint}`.")
    return "\n".join(lines)


def _scores(card: ModelCard) -> str:
    rows = (
        f"| {_plain(name)} | {'absent' if iou is None else f'{iou:.2%}'} |"
        for name, iou in card.result["iou"].items()
    )
    return "\n".join(["| class | IoU |", "| --- | ---: |", *rows])


_INTENDED = (
    "To be written by whoever trained it: what it is for, on which pictures it was seen to fail, "
    "what it must not decide alone."
)
_USE = """In this folder:

```console
$ atrous predict photo.jpg --model best.safetensors
$ atrous evaluate best.safetensors DATA
$ atrous export best.safetensors model.onnx
```"""


def _training(start: Start | None) -> str:
    flag = start_flag(_plain(start.name) if start else None)
    return (
        "Everything it was told is in `recipe.toml`, what it ran on in `environment.json`, its "
        "losses and scores in `metrics.csv`. Once more:\n\n"
        f"```console\n$ atrous train recipe.toml --data DATA{flag}\n```"
    )


def _terms(start: Start | None) -> str:
    if start is None:
        return "Its weights started from random numbers. Give the terms you pass it on under."
    said = f"`{_plain(start.name)}`"
    if start.license:
        return f"Its weights started from {said}, whose terms are: {_plain(start.license)}"
    return (
        f"Its weights started from {said}, whose file names no terms; look them up at its source "
        "before you pass this model on."
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Text on one line that neither tables nor code take for their own marks."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")

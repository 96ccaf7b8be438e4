"""``atrous model list``: what there is to start from."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from atrous.cli.model_parts import card_result, checkpoint_as_json, plain_table
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.recipes.recipe import recipe_notes, shipped_recipes
from atrous.runtime.card import ModelCard
from atrous.weights.load import MODELS, load
from atrous.weights.zoo.catalogue import ENCODER_STARTS, LICENSE, SEGMENTATION, Checkpoint


def list_model(*, json: JsonFlag = False, quiet: QuietFlag = False) -> int:
    """List official checkpoints, recipes and our own models.

    Official checkpoints are downloaded only when you ask for one: ``atrous model download NAME``.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    cards = {name: load(name).card for name in MODELS}
    recipes = {name: recipe_notes(path) for name, path in shipped_recipes().items()}
    terminal.show(
        _own_table(cards),
        "",
        _recipes_table(recipes),
        "",
        _segmentation_table(),
        "",
        _encoders_table(),
        "",
        Text(
            "stride: of the encoder. looks: scales of a picture that were averaged, mirrored ones "
            "too.\natrous model info NAME shows all of one, atrous model download NAME fetches it.",
            style="dim",
        ),
    )
    checkpoints = {**SEGMENTATION, **ENCODER_STARTS}
    terminal.give(
        "model list",
        {
            "models": [card.model_dump(mode="json") | {"name": n} for n, card in cards.items()],
            "recipes": [
                {"name": name, "what": what, "result": result}
                for name, (what, result) in recipes.items()
            ],
            "checkpoints": [checkpoint_as_json(*item) for item in checkpoints.items()],
        },
    )
    return 0


def _own_table(cards: dict[str, ModelCard]) -> Table:
    table = plain_table(title="Our own models, inside the package")
    for header in ("name", "what", "result", "licence"):
        table.add_column(header)
    for name, card in cards.items():
        result = card_result(card).partition(" (")[0]
        table.add_row(name, card.description, result, card.license)
    return table


def _recipes_table(recipes: dict[str, tuple[str, str]]) -> Table:
    table = plain_table(title="Recipes, for atrous train")
    table.add_column("name", no_wrap=True)
    for header in ("what", "result"):
        table.add_column(header)
    for name, (what, result) in recipes.items():
        table.add_row(name, what, result)
    return table


def _segmentation_table() -> Table:
    table = plain_table(title=f"Official checkpoints, whole networks ({LICENSE})")
    table.add_column("name, training, archive", overflow="fold")
    for header in ("stride", "looks", "mIoU", "split", "mult-adds"):
        table.add_column(header, justify="left" if header == "split" else "right", no_wrap=True)
    for name, checkpoint in SEGMENTATION.items():
        table.add_row(
            _three_lines(name, checkpoint),
            *("\n".join(column) for column in zip(*_evaluations(checkpoint), strict=True)),
        )
    return table


def _evaluations(checkpoint: Checkpoint) -> Iterator[tuple[str, ...]]:
    for row in checkpoint.evaluations:
        yield (
            str(row.output_stride),
            str(len(row.scales) * (2 if row.flip else 1)),
            f"{row.mean_iou:.2%}",
            row.split.rpartition(" ")[2],
            f"{row.multiply_adds:.2f} B" if row.multiply_adds else "-",
        )


def _encoders_table() -> Table:
    table = plain_table(title=f"Official checkpoints, encoders to train from ({LICENSE})")
    for header in ("name", "archive", "trained on"):
        table.add_column(header)
    for name, checkpoint in ENCODER_STARTS.items():
        table.add_row(name, checkpoint.file_name, ", ".join(checkpoint.trained_on))
    return table


def _three_lines(name: str, checkpoint: Checkpoint) -> Text:
    text = Text(name, style="bold")
    for line in (", ".join(checkpoint.trained_on), checkpoint.archive):
        text.append(f"\n  {line}", style="not bold dim")
    return text

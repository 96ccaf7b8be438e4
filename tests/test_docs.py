"""What README and docs tell people to type is typed here."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.data import DATASETS
from atrous.data.description import read_description
from atrous.recipes.classify_recipe import TASK, classify_recipe_from
from atrous.recipes.recipe import RECIPES, find_recipe, read_table, recipe_from, recipe_notes
from atrous.runtime.outputs import OUTPUTS
from parity.official import official_values
from weights.foreign import write_tf_checkpoint

ROOT = Path(__file__).parents[1]
DATASETS_PAGE = ROOT / "docs" / "datasets.md"
OUTPUTS_PAGE = ROOT / "docs" / "outputs.md"
PREDICT_PAGE = ROOT / "docs" / "predict.md"
PUBLISHED_PAGE = ROOT / "docs" / "published-recipes.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language, pages=PAGES):
    """Code blocks of one language, each with the name of its page."""
    return [
        pytest.param(code, id=f"{page.name}-{index}")
        for page in pages
        for index, code in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        )
    ]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with all that the pages speak of."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    random = np.random.default_rng(0)
    for folder in ("photos", "my-folder/train/images", "my-folder/val/images"):
        (tmp_path / folder).mkdir(parents=True)
        for name in "ab":
            pixels = random.integers(0, 255, (64, 80, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    for split in ("train", "val"):
        (tmp_path / "my-folder" / split / "masks").mkdir()
        for name in "ab":
            labels = random.integers(0, 3, (64, 80)).astype(np.uint8)
            Image.fromarray(labels).save(tmp_path / "my-folder" / split / "masks" / f"{name}.png")
    shutil.copy(tmp_path / "photos" / "a.png", tmp_path / "photo.jpg")
    (tmp_path / "published").mkdir()
    write_tf_checkpoint(tmp_path / "published" / "model.ckpt", official_values("mobilenet_v2"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_run(code, workplace):
    exec(compile(code, "example", "exec"), {})  # noqa: S102


@pytest.mark.parametrize("code", blocks("bash", [ROOT / "README.md", OUTPUTS_PAGE, PREDICT_PAGE]))
def test_commands_of_the_pages_run(code, workplace):
    for line in code.splitlines():
        words = shlex.split(line.replace(".venv/bin/atrous", "atrous"), comments=True)
        if "atrous" not in words:
            continue
        arguments = words[words.index("atrous") + 1 :]
        if arguments[0] == "train":
            arguments += ["--epochs", "1"]  # enough to see that it runs
        with pytest.raises(SystemExit) as exit_info:
            main(arguments)
        assert exit_info.value.code == 0, line


TABLES = blocks("toml", PAGES)
DESCRIPTIONS = [block for block in TABLES if "names = " in str(block.values[0])]


@pytest.mark.parametrize("code", DESCRIPTIONS)
def test_descriptions_of_datasets_in_the_docs_are_right(code, tmp_path):
    (tmp_path / "dataset.toml").write_text(code)

    assert read_description(tmp_path).values[255] in (255, 1)


def test_the_page_of_datasets_has_a_row_for_each_layout_in_their_order():
    rows = re.findall(r"^\| `([\w-]+)` \|", DATASETS_PAGE.read_text(), re.MULTILINE)

    assert rows == list(DATASETS)


def test_the_page_of_outputs_has_a_row_for_each_kind_in_their_order():
    rows = re.findall(r"^\| `(\w+)` \|", OUTPUTS_PAGE.read_text(), re.MULTILINE)

    assert rows == list(OUTPUTS)


@pytest.mark.parametrize("code", [block for block in TABLES if block not in DESCRIPTIONS])
def test_recipes_in_the_docs_are_right(code):
    """Parts of a recipe are laid over the one for folders; those of classifiers are whole."""
    if tomllib.loads(code).get("task") == TASK:
        classify_recipe_from(tomllib.loads(code), where="docs")
        return
    table = read_table(find_recipe("folder"))
    for name, settings in tomllib.loads(code).items():
        table[name] = {**table.get(name, {}), **settings}
    table["model"].setdefault("num_classes", 2)

    recipe_from(table, where="docs")


def test_the_page_of_published_recipes_promises_what_each_recipe_does():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PUBLISHED_PAGE.read_text(), re.MULTILINE)

    assert dict(rows).keys() == {path.stem for path in (RECIPES / "published").glob("*.toml")}
    for name, promise in rows:
        assert promise in recipe_notes(find_recipe(name))[1], name


def test_ci_runs_the_command_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    (command,) = re.findall(r"^python3 .*pytest -n auto$", readme, re.MULTILINE)

    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_model_zoos_page_has_the_table_that_the_command_prints(capsys):
    with pytest.raises(SystemExit):
        main(["model", "table", "--markdown"])

    page = (ROOT / "docs" / "model-zoo.md").read_text()
    table = page.partition("<!-- atrous model table --markdown -->")[2].partition("<!-- end")[0]
    assert table.strip() == capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target

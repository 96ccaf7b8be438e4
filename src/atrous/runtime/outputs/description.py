"""``dataset.toml`` beside files for annotation tools: the model's classes in their order."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from atrous.imaging import whole_file
from atrous.labels import LabelSet
from atrous.runtime.outputs.output import Item, Job
from atrous.runtime.outputs.text import quoted

DESCRIPTION = "dataset.toml"


@contextlib.contextmanager
def write_description(path: Path, job: Job) -> Iterator[Callable[[Item], None]]:
    """Name the classes, so that what is corrected can be trained on; never replaces a file."""
    yield lambda _item: None
    if not path.exists():
        with whole_file(path) as file:
            file.write(describe(job.label_set).encode())


def describe(label_set: LabelSet) -> str:
    """What `atrous.data` reads as the names, colours and ignore_index of the classes."""
    names = ", ".join(quoted(name) for name in label_set.names)
    lines = [f"names = [{names}]"]
    # Colours that two classes share say nothing, and are refused by the reader.
    if len(set(label_set.palette)) == label_set.num_classes:
        lines.append(f"palette = {[list(color) for color in label_set.palette]}")
    return "\n".join([*lines, f"ignore = {label_set.ignore_index}", ""])

"""The help of ``--layout``, which names every layout there is."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter

from atrous.data import DATASETS

LAYOUT_HELP = f"How the dataset lies on disk: auto, {', '.join(DATASETS)}."

LayoutOption: TypeAlias = Annotated[str, Parameter(help=LAYOUT_HELP)]

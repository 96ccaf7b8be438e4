"""The help of ``--layout``, which names every layout there is."""

from atrous.data import DATASETS

LAYOUT_HELP = f"How the dataset lies on disk: auto, {', '.join(DATASETS)}."

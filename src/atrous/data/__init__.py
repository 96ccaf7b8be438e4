"""Pictures with labels: layouts on disk, augmentation, batches."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from atrous.data.camvid import CamVid
from atrous.data.paired import PairedFolders
from atrous.data.sample import PairList, Sample

Layout: TypeAlias = Callable[..., PairList]
"""Called with a root folder and a split."""

DATASETS: Mapping[str, Layout] = {
    "camvid": CamVid,
    "paired": PairedFolders,
}

__all__ = ["DATASETS", "CamVid", "Layout", "PairList", "PairedFolders", "Sample"]

"""Several processes that train one network."""

from collections.abc import Callable, Iterable, Sequence

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import nn

from atrous.bands import RGB8, PixelKind
from atrous.data.sample import PairList, Sample, read_pair
from atrous.engine.evaluate import Predict, Watcher, measure
from atrous.metrics.confusion import ConfusionMatrix


def measure_together(
    predict: Predict,
    pairs: PairList,
    accelerator: Accelerator,
    *,
    kind: PixelKind = RGB8,
    watch: Callable[[Iterable[Sample]], Iterable[Sample]],
    watchers: Sequence[Watcher] = (),
) -> tuple[ConfusionMatrix, int]:
    """Count a split into one confusion matrix, each process every n-th picture of it.

    No picture is counted twice to make shares equal, and counts are whole numbers: the matrix is
    that of a single process.

    Args:
        predict: Labels for one picture.
        pairs: The split.
        accelerator: Knows the processes.
        kind: Channels and bits that ``predict`` wants.
        watch: Passes samples on.
        watchers: Shown every picture of this process's share.

    Returns:
        The matrix, and the number of pictures, of all processes.
    """
    share = pairs.pairs[accelerator.process_index :: accelerator.num_processes]
    samples = watch(read_pair(pair, pairs.label_set, kind) for pair in share)
    matrix, images = measure(
        lambda pixels: (predict(pixels), None), pairs, samples, watchers=watchers
    )
    if accelerator.num_processes > 1:
        counts = torch.from_numpy(matrix.counts).to(accelerator.device)
        matrix.counts = accelerator.reduce(counts, "sum").cpu().numpy()
        images = int(accelerator.reduce(torch.tensor(images, device=accelerator.device), "sum"))
    return matrix, images


def share_buffers(network: nn.Module, accelerator: Accelerator) -> None:
    """Give every process the first one's norm statistics, which are the ones that are saved."""
    if accelerator.num_processes > 1:
        for buffer in network.buffers():
            buffer.copy_(broadcast(buffer.clone()))

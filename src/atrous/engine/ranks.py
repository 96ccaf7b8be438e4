"""Several processes that train one network."""

from collections.abc import Callable, Iterable, Sequence

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import nn

from atrous.bands import RGB8, PixelKind
from atrous.data.sample import PairList, Sample, read_pair
from atrous.engine.evaluate import Measured, Predict, Watcher, measure
from atrous.metrics.confusion import ConfusionMatrix


def measure_together(
    predict: Predict,
    pairs: PairList,
    accelerator: Accelerator,
    *,
    kind: PixelKind = RGB8,
    watch: Callable[[Iterable[Sample]], Iterable[Sample]],
    watchers: Sequence[Watcher] = (),
    of_all: Sequence[Watcher] | None = None,
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
        of_all: Shown every picture of the split, in order; by the first process, which the others
            send theirs to. None, for all processes or for none of them, if nothing is to be sent.

    Returns:
        The matrix, and the number of pictures, of all processes.
    """
    share = pairs.pairs[accelerator.process_index :: accelerator.num_processes]
    samples = watch(read_pair(pair, pairs.label_set, kind) for pair in share)
    sender = [] if of_all is None else [_Sender(of_all, accelerator)]
    matrix, images = measure(
        lambda pixels: (predict(pixels), None), pairs, samples, watchers=[*watchers, *sender]
    )
    if sender and len(share) * accelerator.num_processes < len(pairs.pairs):
        sender[0].pass_on([])  # others have one picture more, and wait for all
    if accelerator.num_processes > 1:
        counts = torch.from_numpy(matrix.counts).to(accelerator.device)
        matrix.counts = accelerator.reduce(counts, "sum").cpu().numpy()
        images = int(accelerator.reduce(torch.tensor(images, device=accelerator.device), "sum"))
    return matrix, images


class _Sender:
    """Brings the pictures of all processes to the first one: one of each at a time, in order."""

    def __init__(self, watchers: Sequence[Watcher], accelerator: Accelerator) -> None:
        self._watchers, self._accelerator = watchers, accelerator

    def see(self, picture: Measured) -> None:
        """Take this process's next picture."""
        self.pass_on([picture])

    def pass_on(self, pictures: list[Measured]) -> None:
        """Send this process's pictures, and show those of all."""
        gathered: list[Measured] = gather_object(pictures)
        if self._accelerator.is_main_process:
            for picture in gathered:
                for watcher in self._watchers:
                    watcher.see(picture)


def share_buffers(network: nn.Module, accelerator: Accelerator) -> None:
    """Give every process the first one's norm statistics, which are the ones that are saved."""
    if accelerator.num_processes > 1:
        for buffer in network.buffers():
            buffer.copy_(broadcast(buffer.clone()))

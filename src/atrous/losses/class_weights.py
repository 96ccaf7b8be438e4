"""Weights of classes from how many pixels each has."""

import math
from collections.abc import Callable, Mapping, Sequence

RARITY: Mapping[str, Callable[[int, float], float]] = {
    "inverse": lambda pixels, _: 1 / pixels,
    "sqrt_inverse": lambda pixels, _: 1 / math.sqrt(pixels),
    # (1 - beta) / (1 - beta ** pixels), where 1 - beta ** pixels would be rounded away.
    "effective": lambda pixels, beta: (1 - beta) / -math.expm1(pixels * math.log(beta)),
}
"""What the weight of a class is in proportion to, from its pixels and beta."""


def class_weights(
    counts: Sequence[int], scheme: str, *, beta: float = 0.999_999
) -> tuple[float, ...]:
    """The weight of each class, rare ones above 1 and common ones below.

    Their mean over all labelled pixels is 1, so that the loss keeps its size and the learning rate
    its meaning. (Cui et al. and others make the mean over the classes 1.)

    Args:
        counts: Labelled pixels of each class.
        scheme: ``inverse`` or ``sqrt_inverse`` of the count, or ``effective``: the inverse of the
            effective number of pixels, equation 2 of Cui et al., arXiv:1901.05555.
        beta: Of ``effective``, above 0 and below 1: pixels of a class past some 1 / (1 - beta) tell
            nothing new. The paper counts pictures and takes 0.9 to 0.9999; a class has thousands
            of times as many pixels.

    Returns:
        A weight for each class; 1 for one that has no pixel.

    Examples:
        >>> [round(weight, 3) for weight in class_weights([900, 100, 0], "inverse")]
        [0.556, 5.0, 1.0]
    """
    rarity = RARITY[scheme]
    raw = [rarity(count, beta) if count else None for count in counts]
    mean = sum(count * (weight or 0.0) for count, weight in zip(counts, raw, strict=True))
    labelled = sum(counts)
    return tuple(1.0 if weight is None else weight * labelled / mean for weight in raw)

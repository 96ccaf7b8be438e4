"""DeepLab's rule for the size of a picture before random scaling."""


def size_in_range(
    size: tuple[int, int], *, smallest: int, largest: int, multiple: int | None = None
) -> tuple[int, int]:
    """The size to which DeepLab's release resizes pictures that vary a lot, as those of ADE20K.

    The shorter side becomes ``smallest``, unless the longer one would become more than ``largest``:
    then that one becomes ``largest``. Fractions of pixels are dropped. With ``multiple``, both
    sides are rounded up to a multiple of it and one more, and ``largest`` is lowered to one first.

    Args:
        size: Height and width.
        smallest: Of the shorter side.
        largest: Of the longer side.
        multiple: Output stride of the network, for which such sizes fit best; None for any size.
    """
    if multiple:
        largest -= (largest - 1) % multiple
    factor = smallest / min(size)
    if int(max(size) * factor) > largest:
        factor = largest / max(size)
    # A little more, since a product may be a rounding short of the whole number it stands for.
    height, width = (max(1, int(side * factor + 1e-6)) for side in size)
    if multiple:
        height, width = (-(-(side - 1) // multiple) * multiple + 1 for side in (height, width))
    return height, width

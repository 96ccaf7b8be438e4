"""Deal the pictures of a dataset into splits anew."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from atrous.data.sample import Pair
from atrous.errors import ConfigError, DatasetError


def deal(
    pairs: Sequence[Pair], shares: Mapping[str, float], *, together: str | None = None
) -> dict[str, tuple[Pair, ...]]:
    """Deal pairs by the SHA-256 of their names: the same way on every machine.

    Args:
        pairs: All of them, of whatever split.
        shares: Part of the pictures for each split, by its name; they sum to 1.
        together: A regular expression; pictures in whose names it finds the same text, such as the
            film that frames are of, come into one split. None deals each picture alone.

    Returns:
        The pairs of each split, in the order of their names. Groups are not cut, so shares are
        met as closely as the last group of each split allows.

    Raises:
        ConfigError: If shares are not positive or do not sum to 1, or ``together`` is no regular
            expression.
        DatasetError: If there are fewer groups than splits, or a name does not match.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigError(f"shares are positive and sum to 1, not {dict(shares)}")
    groups = _groups(pairs, together)
    if len(groups) < len(shares):
        raise DatasetError(
            f"{len(groups)} {'groups of ' if together else ''}pictures cannot be dealt into "
            f"{len(shares)} splits"
        )
    by_hash = [groups[key] for key in sorted(groups, key=_digest)]
    dealt: dict[str, list[Pair]] = {split: [] for split in shares}
    wanted, given = 0.0, 0
    for left, (split, share) in zip(range(len(shares))[::-1], shares.items(), strict=True):
        wanted += share * len(pairs)
        # Every split gets a group, and leaves one for each that follows; the last gets the rest.
        while by_hash and (
            not (left and dealt[split])
            or (len(by_hash) > left and given + len(by_hash[0]) / 2 <= wanted)
        ):
            given += len(by_hash[0])
            dealt[split] += by_hash.pop(0)
    return {
        split: tuple(sorted(found, key=lambda pair: pair.name)) for split, found in dealt.items()
    }


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _groups(pairs: Sequence[Pair], together: str | None) -> dict[str, list[Pair]]:
    try:
        pattern = re.compile(together) if together else None
    except re.error as error:
        raise ConfigError(f"{together!r} is no regular expression: {error}") from None
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        found = pattern.search(pair.name) if pattern else None
        if pattern and not found:
            raise DatasetError(f"{pair.image.path}: its name {pair.name!r} has no {together!r}")
        groups[found[0] if found else pair.name].append(pair)
    return groups

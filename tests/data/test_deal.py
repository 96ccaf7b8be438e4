from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.deal import deal
from atrous.data.sample import ImageFile, LabelFile, Pair
from atrous.errors import ConfigError, DatasetError

SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}


def pairs_of(*names):
    return [Pair(n, ImageFile(Path(f"{n}.png")), LabelFile(Path(f"{n}.png"))) for n in names]


FILMS = pairs_of(*(f"film{film}/{frame:03d}" for film in range(12) for frame in range(10)))


def names(dealt):
    return {split: [pair.name for pair in found] for split, found in dealt.items()}


def test_every_picture_is_dealt_once_and_shares_are_met():
    dealt = names(deal(FILMS, SHARES))

    assert sorted(chain(*dealt.values())) == sorted(pair.name for pair in FILMS)
    assert {split: len(found) for split, found in dealt.items()} == {
        "train": 84,
        "val": 24,
        "test": 12,
    }


def test_the_order_of_the_pairs_does_not_matter():
    assert names(deal(FILMS, SHARES)) == names(deal(FILMS[::-1], SHARES))


def test_frames_of_one_film_stay_together():
    dealt = names(deal(FILMS, SHARES, together=r"film\d+"))

    films = [{name.split("/")[0] for name in found} for found in dealt.values()]
    assert [len(found) for found in films] == [8, 3, 1]
    assert len(set.union(*films)) == 12


@given(st.integers(3, 40), st.floats(0.01, 0.98))
def test_every_split_has_a_picture_however_small_its_share(count, share):
    rest = (1 - share) / 2
    dealt = deal(
        pairs_of(*map(str, range(count))), {"train": share, "val": rest, "test": 1 - share - rest}
    )

    assert all(dealt.values())
    assert sum(map(len, dealt.values())) == count


@pytest.mark.parametrize(
    "shares", [{}, {"train": 1.2}, {"train": 0.5, "val": 0.4}, {"train": 0, "val": 1}]
)
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    with pytest.raises(ConfigError, match="positive and sum to 1"):
        deal(FILMS, shares)


def test_too_few_pictures_or_films_are_refused():
    with pytest.raises(DatasetError, match="2 pictures cannot be dealt into 3 splits"):
        deal(pairs_of("a", "b"), SHARES)
    with pytest.raises(DatasetError, match="1 groups of pictures"):
        deal(FILMS, SHARES, together="film")


def test_a_name_without_its_group_is_refused():
    with pytest.raises(DatasetError, match=r"a\.png: its name 'a' has no 'film"):
        deal(pairs_of("a", "film1", "film2"), SHARES, together=r"film\d")


def test_what_is_no_regular_expression_is_refused():
    with pytest.raises(ConfigError, match="no regular expression"):
        deal(FILMS, SHARES, together="film(")

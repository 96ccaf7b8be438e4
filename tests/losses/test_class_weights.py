import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.losses.class_weights import RARITY, class_weights

counts_of_classes = st.lists(st.integers(0, 10**9), min_size=1, max_size=9)


@pytest.mark.parametrize(("scheme", "power"), [("inverse", 1.0), ("sqrt_inverse", 0.5)])
def test_a_class_with_a_quarter_of_the_pixels_weighs_4_times_as_much_or_its_root(scheme, power):
    common, rare = class_weights([400, 100], scheme)

    assert rare / common == pytest.approx(4**power)


def test_the_effective_number_is_the_one_of_the_paper():
    # Cui et al., equation 2: (1 - beta ** n) / (1 - beta), with beta 0.9 and n of 1 and 2: 1, 1.9.
    rare, common = class_weights([1, 2], "effective", beta=0.9)

    assert rare / common == pytest.approx(1.9)


def test_the_effective_number_lies_between_no_weights_and_the_inverse():
    tiny = class_weights([1000, 10], "effective", beta=1e-9)
    huge = class_weights([1000, 10], "effective", beta=1 - 1e-9)

    assert tiny == pytest.approx((1.0, 1.0))
    assert huge == pytest.approx(class_weights([1000, 10], "inverse"), rel=1e-5)


@pytest.mark.parametrize("scheme", RARITY)
@given(counts=counts_of_classes)
def test_their_mean_over_the_pixels_is_1_and_classes_without_pixels_weigh_1(scheme, counts):
    weights = class_weights(counts, scheme)

    total = sum(n * weight for n, weight in zip(counts, weights, strict=True))
    assert total == pytest.approx(sum(counts))
    assert all(weight == 1 for n, weight in zip(counts, weights, strict=True) if not n)

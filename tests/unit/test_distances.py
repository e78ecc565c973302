"""Distances between styles: each against numbers by hand, finite differences, and what it can and cannot tell apart."""

import math

import pytest
import torch

import nstlib
from nstlib.distances import DISTANCES, FREQUENCIES
from nstlib.losses import gram_matrix
from nstlib.optimize.memory import memory_needed

EACH = pytest.mark.parametrize("name", DISTANCES)


def distance(name, features, painting, weights=None, own=None):
    kind = DISTANCES[name]
    return kind.loss(features, kind.statistic(painting, own), weights).item()


def activations(seed, filters=5, height=4, width=6):
    """Some negative, each filter with a spread of its own."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(1, filters, height, width, generator=generator, dtype=torch.float64)
    return values * torch.arange(1.0, filters + 1).view(1, -1, 1, 1) / filters + 0.3


def one_filter(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


#: Two filters that are 1 and 0 or 0 and 1; and two that are 1 and 1 or 0 and 0: same means, same deviations.
APART = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]], dtype=torch.float64)
TOGETHER = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]], dtype=torch.float64)


@pytest.mark.parametrize(
    "name, value",
    [
        ("gram", ((10 - 4.5) ** 2) / 4),  # means of squares: (4 + 16) / 2 and (0 + 9) / 2
        ("meanstd", (3 - 1.5) ** 2 + (1 - 1.5) ** 2),
        ("covariance", (1 - 1.5**2) ** 2 / 4),
        ("wasserstein", (3 - 1.5) ** 2 + (1 - 1.5) ** 2),  # of one filter: means and deviations
        ("histogram", ((4 - 3) ** 2 + (2 - 0) ** 2) / 2),  # the smaller goes to the smaller
        ("sliced", ((4 - 3) ** 2 + (2 - 0) ** 2) / 2),
        ("mmd-linear", (3 - 1.5) ** 2),
        ("mmd-polynomial", ((10 - 4.5) ** 2 + 2 * 4.5 * (3 - 1.5) ** 2) / 4),  # c = 4.5
    ],
)
def test_by_hand(name, value):
    """One filter: 4 and 2 in the picture, 0 and 3 in the painting."""
    rounding = {"meanstd": 1e-4, "histogram": 2e-3, "sliced": 2e-3}.get(name, 1e-9)  # 1e-5 in a root; 1024 levels
    assert distance(name, one_filter(4, 2), one_filter(0, 3)) == pytest.approx(value, rel=rounding)


def test_the_gaussian_kernel_by_hand_and_as_a_sum_over_pairs():
    """σ² is twice the variance. Sums over pairs of exp(−(x − y)² / 2σ²), or of the mean of its 128 cosines."""
    x, y = one_filter(4, 2).flatten(), one_filter(0, 3).flatten()
    width = math.sqrt(2) * 1.5
    frequencies = torch.randn(FREQUENCIES, 1, generator=torch.Generator().manual_seed(0)).double().flatten() / width

    def mmd(kernel):
        mean = lambda a, b: kernel(a[:, None] - b[None]).mean().item()
        return mean(x, x) - 2 * mean(x, y) + mean(y, y)

    found = distance("mmd-gaussian", one_filter(4, 2), one_filter(0, 3))
    assert found == pytest.approx(mmd(lambda d: (d[..., None] * frequencies).cos().mean(-1)))
    assert found == pytest.approx(mmd(lambda d: torch.exp(-(d**2) / (2 * width**2))), rel=0.15)


@EACH
@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_is_that_of_finite_differences(name, masked):
    F, painting = activations(0).requires_grad_(True), activations(1, height=5)
    weights = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weights = weights / weights.sum() if masked else None
    kind = DISTANCES[name]
    target = kind.statistic(painting, None)
    assert torch.autograd.gradcheck(lambda F: kind.loss(F, target, weights), F)
    assert torch.autograd.grad(kind.loss(F, target, weights), F)[0].abs().max() > 1e-4


@EACH
def test_it_is_nothing_at_the_painting_and_hardly_depends_on_sizes(name):
    F, painting = activations(0), activations(1)
    whole = distance(name, F, painting)
    assert whole > 0.01 and abs(distance(name, painting, painting)) < 1e-5
    shuffled = painting.flatten(2)[..., torch.randperm(24)].view_as(painting)
    assert abs(distance(name, shuffled, painting)) < 1e-5, "positions are forgotten"
    assert distance(name, torch.cat([F, F], 3), torch.cat([painting] * 3, 2)) == pytest.approx(whole, rel=2e-3)


@EACH
def test_weights_of_1_and_0_are_the_positions_that_they_leave(name):
    F, painting = activations(0), activations(1)
    painting[..., 3:] *= 3
    left = torch.zeros(1, 1, 4, 6, dtype=torch.float64)
    left[..., :3] = 1 / 12
    wanted = distance(name, F[..., :3], painting[..., :3])
    assert distance(name, F, painting, left, left) == pytest.approx(wanted, rel=2e-3)
    assert distance(name, F, painting) != pytest.approx(wanted, rel=0.02)


@EACH
def test_bfloat16_is_calculated_in_float32(name):
    F, painting = activations(0).float(), activations(1).float()
    found = DISTANCES[name].loss(F.bfloat16(), DISTANCES[name].statistic(painting.bfloat16(), None), None)
    assert found.dtype == torch.float32 and found.item() == pytest.approx(distance(name, F, painting), rel=0.05)


@EACH
def test_activations_of_zero_and_dead_filters_are_finite(name):
    painting = activations(1).relu()
    painting[:, 1] = 0
    for F in (torch.zeros(1, 5, 4, 6, dtype=torch.float64), painting, torch.ones(1, 5, 4, 6, dtype=torch.float64)):
        F = F.clone().requires_grad_(True)
        loss = DISTANCES[name].loss(F, DISTANCES[name].statistic(painting, None), None)
        loss.backward()
        assert loss.isfinite() and F.grad.isfinite().all()


# ---- what each can and cannot tell apart -------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in DISTANCES if name != "sliced"])
def test_filters_that_fire_together_or_apart(name):
    """Means, deviations and histograms of single filters are the same."""
    blind = ("mmd-linear", "meanstd", "histogram")
    assert (distance(name, APART, TOGETHER) < 1e-6) == (name in blind)


def test_sliced_sees_what_histograms_do_not():
    assert distance("sliced", APART, TOGETHER) > 0.05 and distance("histogram", APART, TOGETHER) < 1e-6


@EACH
def test_the_same_means_and_covariances_of_another_shape(name):
    """±1, and 0 or ±√2 half of the time each: mean 0 and variance 1 in both."""
    coin, three = one_filter(-1, 1, -1, 1), one_filter(0, 0, math.sqrt(2), -math.sqrt(2))
    sees = ("histogram", "sliced", "mmd-gaussian")
    found = distance(name, coin, three)
    assert found > 0.005 if name in sees else found < 1e-9


@EACH
def test_a_shift_of_all_activations(name):
    """The covariance is blind to it."""
    F = activations(0)
    assert (distance(name, F + 1, F) < 1e-9) == (name == "covariance")


def test_wasserstein_of_two_gaussians_that_share_their_axes():
    """C = diag(4, 1), Cₐ = diag(1, 9), the same means: ((2 − 1)² + (1 − 3)²) / 2."""
    signs = torch.tensor([[[[1.0, 1, -1, -1]], [[1, -1, 1, -1]]]], dtype=torch.float64)
    F, painting = (signs * torch.tensor(spread).view(1, 2, 1, 1) for spread in ([2.0, 1.0], [1.0, 3.0]))
    assert distance("wasserstein", F, painting) == pytest.approx((1 + 4) / 2)


def test_wasserstein_does_not_depend_on_the_axes():
    F, painting = activations(0), activations(1)
    turn = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    turned = [torch.einsum("ij,bjhw->bihw", turn, f) for f in (F, painting)]
    assert distance("wasserstein", *turned) == pytest.approx(distance("wasserstein", F, painting))


def test_the_polynomial_kernel_as_a_sum_over_pairs():
    F, painting = activations(0), activations(1)
    x, y = (f[0].flatten(1).T for f in (F, painting))
    c = y.square().sum(1).mean()
    mean = lambda a, b: ((a @ b.T + c) ** 2).mean()
    wanted = (mean(x, x) - 2 * mean(x, y) + mean(y, y)) / (4 * 5**2)
    assert distance("mmd-polynomial", F, painting) == pytest.approx(wanted.item())


def test_gram_is_equation_4(mini):
    F, painting = activations(0), activations(1)
    assert distance("gram", F, painting) == nstlib.layer_style_loss(F, gram_matrix(painting)).item()


# ---- as an objective ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures():
    return nstlib.load_image("riverside_town", size=64), nstlib.load_image("night_swirls", size=64)


@EACH
def test_as_an_objective_it_falls(name, pictures, mini):
    """Relative to activations of zero: at most about 1 at the photograph, and soon less."""
    objective = nstlib.gatys_objective(*pictures, mini, style_loss=name)
    assert 0.01 < objective(pictures[0])["style"].item() < 3
    how = {"network": mini, "size": 64, "steps": 12, "progress": False, "precision": "float32"}
    result = nstlib.style_transfer(*pictures, style_loss=name, **how)
    assert result.fell > 0.3 and result.stopped is None and result.settings["style_loss"] == name


def test_the_default_is_gram(pictures, mini):
    image = torch.rand(pictures[0].shape)
    named, default = (nstlib.gatys_objective(*pictures, mini, **more)(image) for more in ({"style_loss": "gram"}, {}))
    assert named == default


def test_a_name_that_is_none(pictures, mini):
    for call in (
        lambda: nstlib.gatys_objective(*pictures, mini, style_loss="means"),
        lambda: nstlib.style_transfer(*pictures, network=mini, style_loss="means"),
        lambda: nstlib.estimate(32, mini, style_loss="means"),
    ):
        with pytest.raises(ValueError, match="style_loss is 'means'; it must be one of gram, meanstd, covariance, was"):
            call()


def test_the_estimate_counts_the_copies(mini):
    """Twice 32 floats for each pixel of relu1_1, and a quarter more in a copy of half the size."""
    more = memory_needed(mini, ["relu1_1"], 100, 100, scales=2, copied=["relu1_1"])
    assert more - memory_needed(mini, ["relu1_1"], 100, 100, scales=2) == 2 * 32 * 4 * 100 * 100 * 1.25

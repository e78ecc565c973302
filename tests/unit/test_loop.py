"""The loop over pixels against numbers by hand and against L-BFGS written a second time."""

import itertools
import math

import numpy as np
import pytest
import torch

from nstlib import coarse_to_fine, optimize_image
from nstlib.networks import FeatureNetwork
from nstlib.optimize import Checkpoint, Stage, checkpoint, plan_stages
from nstlib.optimize.loop import begin, descend, precondition, shorten
from nstlib.optimize.memory import memory_needed


def bowl(x):
    """Steep in red, shallow in blue, its minimum inside the range of a pixel."""
    steepness = torch.tensor([1.0, 9.0, 0.1]).view(1, 3, 1, 1)
    return {"bowl": (steepness * (x - 0.3).square()).sum() + 0.2 * (x - 0.5).pow(4).sum()}


def textbook_lbfgs(start, steps, rate=1.0, longest=0.05, scale=1e4):
    """Nocedal's two-loop recursion with one evaluation for each step, as PyTorch's documentation describes its own; the
    pictures evaluated. (Nothing here leaves the range of a pixel, so no penalty is needed.)"""
    x, seen, pairs, before, first = start.double().flatten(), [], [], None, None
    for _ in range(steps):
        image = x.view(start.shape).requires_grad_(True)
        loss = bowl(image)["bowl"]
        first = first or loss.item()
        seen.append(image.detach().clone())
        (gradient,) = torch.autograd.grad(loss * scale / first, image)
        gradient = gradient.flatten()
        if before is not None:
            step, change = x - before[0], gradient - before[1]
            if change @ step > 1e-10:
                pairs = [*pairs, (step, change)][-20:]
        direction, shares = -gradient, []
        for step, change in reversed(pairs):
            shares.append(step @ direction / (change @ step))
            direction = direction - shares[-1] * change
        if pairs:
            step, change = pairs[-1]
            direction = direction * (change @ step) / (change @ change)
        for (step, change), share in zip(pairs, reversed(shares), strict=True):
            direction = direction + step * (share - change @ direction / (change @ step))
        length = rate * (min(1, 1 / gradient.abs().sum()) if before is None else 1)
        step = length * direction
        step = step * min(1, longest / step.square().mean().sqrt())
        before, x = (x, gradient), x + step
    return torch.stack(seen)


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_lbfgs_walks_as_the_textbook_says(rate):
    start = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = []
    optimize_image(
        start,
        bowl,
        steps=12,
        learning_rate=rate,
        progress=False,
        on_step=lambda step, image, losses: seen.append(image),
    )
    expected = textbook_lbfgs(start, 12, rate)
    moved = (expected[1:] - expected[:-1]).square().mean((1, 2, 3, 4)).sqrt()
    assert (moved > 0.0499).any() and (moved < 0.04).any()  # some steps were shortened, others were not
    torch.testing.assert_close(torch.stack(seen), expected, rtol=0, atol=1e-6)


def test_adam_moves_each_pixel_by_its_learning_rate_at_first():
    for rate in (None, 0.005):
        seen = []
        optimize_image(
            torch.full((1, 3, 2, 2), 0.5),
            bowl,
            method="adam",
            steps=2,
            learning_rate=rate,
            progress=False,
            on_step=lambda step, image, losses, seen=seen: seen.append(image),
        )
        torch.testing.assert_close(seen[1], seen[0] - (rate or 0.02))


def test_a_step_that_is_too_long_is_shortened_and_l_bfgs_is_told():
    """A step of 0.2 everywhere, where 0.05 is allowed: a quarter of it is left."""
    before, state = torch.full((1, 3, 4, 4), 0.1), {"t": torch.tensor(0.8)}
    y = before + 0.2
    shorten(state, y, before, preconditioning=0)
    torch.testing.assert_close(y, before + 0.05)
    assert state["t"].item() == pytest.approx(0.2)
    y = before + 0.02  # short enough
    shorten(state, y, before, preconditioning=0)
    torch.testing.assert_close(y, before + 0.02)
    assert state["t"].item() == pytest.approx(0.2)


def test_a_pixel_out_of_range_is_drawn_back():
    """An objective that does not care: only the penalty moves the pixels, from 1.5 to the edge of the range at 1."""
    run = begin(torch.full((1, 3, 2, 2), 1.5))
    for _ in itertools.islice(descend(run, lambda x: {"any": 1 + 0 * x.sum()}), 30):
        pass
    torch.testing.assert_close(run.start + run.y.detach(), torch.ones(1, 3, 2, 2), rtol=0, atol=0.02)


def test_the_penalty_is_ten_times_the_first_loss():
    """Pixels at 1.5, so 0.5 out of range, and a loss of 4: the gradient is 10 · 4 · 2 · 0.5 / 12 for each of 12 pixels, and all
    is multiplied by 10000 / 4."""
    run = begin(torch.full((1, 3, 2, 2), 1.5), method="adam")
    next(descend(run, lambda x: {"any": 4 + 0 * x.sum()}))
    torch.testing.assert_close(run.y.grad, torch.full((1, 3, 2, 2), 10 * 4 * 2 * 0.5 / 12 * 1e4 / 4))


def test_preconditioning_multiplies_each_frequency():
    """A wave of 8 pixels is multiplied by (1/8 + 0.02)^−exponent, a flat picture by 0.02^−exponent."""
    wave = torch.cos(2 * math.pi * torch.arange(32.0) / 8).expand(1, 3, 32, 32)
    for exponent in (1.0, 0.5, -1.0):
        torch.testing.assert_close(precondition(wave, exponent), wave * 0.145**-exponent, rtol=1e-4, atol=1e-4)
        flat = torch.full((1, 3, 8, 8), 0.5)
        torch.testing.assert_close(precondition(flat, exponent), flat * 0.02**-exponent, rtol=1e-4, atol=1e-4)


def test_a_learners_own_objective_from_coarse_to_fine():
    sizes = []

    def objective_at(size):
        sizes.append(size)
        return lambda x: {
            "light": (x.mean() - 0.25).square(),
            "extra": x.new_tensor(float(len(sizes))),
        }  # larger: worse

    stages = [Stage(8, 6), Stage((12, 16), 4)]
    result = coarse_to_fine(torch.full((1, 3, 6, 8), 0.5), objective_at, stages, progress=False)
    assert sizes == [8, (12, 16)] and result.image.shape == (1, 3, 12, 16)
    assert [(r["step"], r["size"]) for r in result.history] == [(n, 8 if n <= 6 else 16) for n in range(1, 11)]
    assert result.losses["total"] == min(r["total"] for r in result.history[6:]) and result.losses["extra"] == 2
    assert result.image.mean().item() == pytest.approx(0.25, abs=0.01)


def test_time_goes_on_from_size_to_size_and_over_an_interruption(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    stages, start = [Stage(4, 3), Stage(8, 3)], torch.full((1, 3, 4, 4), 0.5)

    def run(kept, on_step):
        return coarse_to_fine(start, lambda size: bowl, stages, progress=False, saved=kept, on_step=on_step)

    first = run(Checkpoint(tmp_path / "c", {}), lambda step, *_: step < 4)
    second = run(Checkpoint(tmp_path / "c", {}), None)
    times = [record["time"] for record in second.history]
    assert [record["time"] for record in first.history] == times[:4]
    assert times == sorted(times) and len(set(times)) == 6


def test_stages_by_hand():
    """384 × 288 pixels, 150 steps: a quarter, a quarter and half of them."""
    assert plan_stages((288, 384), 150) == [
        Stage((96, 128), 37, 1),
        Stage((192, 256), 37, 0.5),
        Stage((288, 384), 76, 0.25),
    ]
    assert [stage.steps for stage in plan_stages((288, 384), 200)] == [50, 50, 100]
    assert [stage.steps for stage in plan_stages((288, 384), 600)] == [250, 250, 100]  # not more at full size
    assert [stage.steps for stage in plan_stages((96, 128), 300)] == [200, 100]
    assert plan_stages((96, 128), 10) == [Stage((64, 85), 3, 0.5), Stage((96, 128), 7, 0.25)]  # 43 pixels are too few
    assert plan_stages((60, 384), 10, least=32) == [Stage((60, 384), 10, 0)]  # too narrow for anything smaller
    assert plan_stages((288, 384), 10, least=16, narrowest=0.1) == [Stage((288, 384), 10, 0)]  # as its painting is
    assert [stage.steps for stage in plan_stages((288, 384), 2)] == [2]  # none left for the coarse sizes


def test_memory_by_hand():
    """One convolution of 4 filters, 100 × 100 pixels. Kept by the derivative: 1.1 · 4 numbers of 4 bytes for each pixel;
    held at its widest place: 2 · 4. 20 pairs and 15 more pictures of 120000 bytes. 112 weights of 4 bytes, twice."""
    network = FeatureNetwork({"conv1_1.weight": torch.zeros(4, 3, 3, 3), "conv1_1.bias": torch.zeros(4)})
    assert memory_needed(network, ["relu1_1"], 100, 100, scales=1) == pytest.approx(
        100 * 100 * 4 * (1.1 * 4 + 2 * 4) + 120_000 * (2 * 20 + 15) + 112 * 4 * 2
    )
    more = memory_needed(network, ["relu1_1"], 100, 100, scales=2) - memory_needed(
        network, ["relu1_1"], 100, 100, scales=1
    )
    assert more == pytest.approx(100 * 100 * 4 * 1.1 * 4 / 4)


# ---- the size of a loss --------------------------------------------------------------------------------------------------


def mean_square(multiple):
    return lambda x: {"mse": multiple * (x - 0.25).square().mean()}


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_an_objective_and_its_multiple_give_the_same_pictures(method):
    """A power of two changes no digit, so the pictures are the same to the last bit. PyTorch's L-BFGS alone keeps no
    curvature below 1e-10, and a mean over many pixels is that small.

    Met in: leongatys/PytorchNeuralStyleTransfer#4
    """
    start = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    run = lambda multiple: optimize_image(start, mean_square(multiple), method=method, steps=15, progress=False)
    plain = run(1.0)
    for exponent in (-90, -27, -4, 4, 27, 90):
        other = run(2.0**exponent)
        assert torch.equal(other.image, plain.image)
        assert other.losses["mse"] == plain.losses["mse"] * 2.0**exponent, "reported as given"


@pytest.mark.parametrize("method, steps", [("lbfgs", 12), ("adam", 60)])
@pytest.mark.parametrize("multiple", [1e-8, 1e-4, 1 / 16, 16, 1e4, 1e8])
def test_a_small_loss_and_a_large_one_are_minimised(multiple, method, steps):
    """Met in: leongatys/PytorchNeuralStyleTransfer#4"""
    result = optimize_image(
        torch.full((1, 3, 128, 128), 0.5), mean_square(multiple), method=method, steps=steps, progress=False
    )
    assert (result.image - 0.25).abs().max() < 0.03 and result.losses["mse"] < 0.02 * multiple * 0.0625


def test_a_loss_that_begins_at_zero_has_its_multiples_too():
    """Its first value cannot tell how large it is; its slope can. The minimum is black."""
    start = torch.full((1, 3, 8, 8), 0.5)
    runs = [
        optimize_image(start, lambda x, k=k: {"x": k * (x.mean() - 0.5)}, steps=14, progress=False).image
        for k in (1, 2.0**-40, 2.0**40)
    ]
    assert runs[0].max() < 0.05 and torch.equal(runs[0], runs[1]) and torch.equal(runs[0], runs[2])


def test_a_run_that_hardly_lowered_its_loss_says_so():
    """Met in: leongatys/PytorchNeuralStyleTransfer#4"""
    start = torch.full((1, 3, 16, 16), 0.5)
    run = lambda objective=None, **more: optimize_image(start, objective or mean_square(1), progress=False, **more)
    slow = run(method="adam", learning_rate=1e-5, steps=20)  # 19 steps of 1e-5, of the 0.25 that are wanted
    assert slow.fell == pytest.approx(1 - (0.25 - 19e-5) ** 2 / 0.0625, rel=0.01) and 0 < slow.fell < 0.01
    assert slow.note == f"the loss hardly fell, from 0.0625 to {slow.losses['total']:.5g}" and slow.note in repr(slow)
    whole = run(steps=20)
    assert whole.note == "" and whole.fell > 0.99
    assert run(method="adam", learning_rate=1e-5, steps=5).note == "", "so few say nothing"
    assert run(lambda x: {"none": (x - 0.5).square().mean()}, steps=20).note == "", "it began at the minimum"
    worse = run(lambda x: {"up": 1 + (x - 0.5).square().sum()}, steps=20)
    assert worse.fell == 0 and worse.note == "the loss hardly fell, from 1 to 1"
    stages = [Stage(8, 10), Stage(16, 10)]  # it falls at the first size, and has reached the minimum at the second
    assert coarse_to_fine(start, lambda size: mean_square(1), stages, progress=False).note == ""


def test_numbers_of_other_libraries_are_rates_and_steps():
    start = torch.full((1, 3, 4, 4), 0.5)
    run = lambda rate, steps: (
        optimize_image(start, mean_square(1), method="adam", learning_rate=rate, steps=steps, progress=False).image
    )
    for rate, steps in ((np.float64(0.01), np.int64(3)), (torch.tensor(0.01, dtype=torch.float64), torch.tensor(3))):
        assert torch.equal(run(rate, steps), run(0.01, 3))

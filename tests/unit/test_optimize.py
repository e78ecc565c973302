"""The loop over pixels, its interruptions, and the three things built on it."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch

import nstlib
from nstlib import distances, estimate, estimates, optimize_image, style_transfer
from nstlib.optimize import Result, Stopped
from nstlib.optimize.loop import MAX_STEP_RMS, begin
from nstlib.optimize.memory import PROGRAM

GREY = torch.full((1, 3, 8, 8), 0.5)


def towards(target, weight=1.0):
    return lambda x: {"distance": weight * (x - target).square().sum()}


@pytest.mark.parametrize("method, steps", [("lbfgs", 30), ("adam", 400)])
def test_a_quadratic_is_solved(method, steps):
    target = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    result = optimize_image(GREY, towards(target), method=method, steps=steps, progress=False)
    torch.testing.assert_close(result.image, target, atol=0.03, rtol=0)
    assert (GREY == 0.5).all()


def test_history_records_every_loss_and_losses_are_of_the_picture_returned():
    objective = lambda x: {"a": x.square().sum(), "b": 2 * (x - 2).square().sum()}
    result = optimize_image(GREY, objective, steps=5, progress=False)
    assert [record["step"] for record in result.history] == [1, 2, 3, 4, 5]
    assert result.history[0]["a"] == pytest.approx(0.25 * 192) and result.history[0]["b"] == pytest.approx(
        2 * 2.25 * 192
    )
    losses = result.losses
    assert losses["a"] == pytest.approx(objective(result.image)["a"].item())
    assert (
        losses["total"] == pytest.approx(losses["a"] + losses["b"]) == min(record["total"] for record in result.history)
    )
    assert result.image.min() >= 0 and result.image.max() <= 1  # the minimum, 4/3, lies outside


def test_on_step_sees_each_picture_in_range_and_its_losses():
    seen = []
    optimize_image(GREY, towards(2.0), steps=4, progress=False, on_step=lambda *args: seen.append(args))
    assert [step for step, _, _ in seen] == [1, 2, 3, 4]
    assert all(image.min() >= 0 and image.max() <= 1 for _, image, _ in seen)
    assert list(seen[0][2]) == ["total", "distance"]


def test_the_best_picture_is_kept_when_the_loss_rises():
    values = iter([5.0, 1.0, 7.0, 9.0, 0.0])
    images = []

    def objective(x):
        images.append(x.detach().clone())
        return {"fake": (x * 0).sum() + (x.sum() - x.sum().detach()) + next(values)}

    result = optimize_image(GREY, objective, method="adam", steps=4, progress=False)
    assert torch.equal(result.image, images[1])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_with_the_last_good_picture(bad):
    calls = iter([1.0, 1.0, bad, 1.0, 1.0])
    with pytest.warns(
        UserWarning, match="loss of step 3 is not finite.* best picture before that. Use smaller weights"
    ):
        result = optimize_image(GREY, lambda x: {"x": next(calls) * x.square().sum()}, steps=10, progress=False)
    assert result.image.isfinite().all() and len(result.history) == 2 and result.stopped is Stopped.NOT_FINITE
    with pytest.raises(ValueError, match="very first picture"):
        optimize_image(GREY, lambda x: {"x": x.sum() * bad}, steps=10, progress=False)


def interrupt_at(number):
    def on_step(step, image, losses):
        if step == number:
            raise KeyboardInterrupt

    return on_step


def test_an_interrupt_gives_the_picture_so_far(mini):
    result = style_transfer("cat", "gravel", network=mini, size=300, steps=12, progress=False, on_step=interrupt_at(3))
    assert result.image.shape == (1, 3, 200, 300)  # the size asked for, though the run was still at a coarser one
    assert result.stopped is Stopped.INTERRUPTED and result.note == "stopped by the user after 3 of 12 steps"


def test_on_step_may_end_the_run():
    result = optimize_image(GREY, towards(1.0), steps=9, progress=False, on_step=lambda step, image, losses: step < 4)
    assert len(result.history) == 4 and result.stopped is Stopped.REQUESTED
    assert result.note == "stopped by on_step after 4 of 9 steps"
    whole = optimize_image(GREY, towards(1.0), steps=4, progress=False, on_step=lambda step, image, losses: None)
    assert whole.stopped is None and whole.note == ""


@pytest.fixture(scope="module")
def small(mini):
    return style_transfer("riverside_town", "night_swirls", network=mini, size=96, steps=30, progress=False)


def test_style_falls_and_content_rises_from_the_photograph(small):
    first, last = small.history[0], small.losses
    assert small.image.shape == (1, 3, 72, 96) and small.image.min() >= 0 and small.image.max() <= 1
    assert last["style"] < 0.2 * first["style"] and last["total"] < 0.5 * first["total"]
    assert first["content"] == 0 < last["content"]


def test_the_same_seed_gives_the_same_picture(mini):
    one, same, other = (
        style_transfer(
            "riverside_town", "night_swirls", network=mini, size=64, steps=4, init="noise", seed=seed, progress=False
        ).image
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_more_content_weight_keeps_more_of_the_photograph(mini):
    def distance(weight):
        result = style_transfer(
            "riverside_town", "night_swirls", network=mini, size=96, steps=25, content_weight=weight, progress=False
        )
        return result.losses["content"] / weight

    assert distance(1.0) < distance(1e-3) < distance(1e-5)


def test_the_balance_does_not_drift_with_the_size(mini):
    """Both losses of the painting against the photograph, at three sizes: their ratio stays within a factor of two."""

    def ratio(size):
        options = {"network": mini, "size": size, "steps": 1, "coarse_to_fine": False, "progress": False}
        painting, photo = (
            style_transfer("riverside_town", "night_swirls", init=init, **options).history[0]
            for init in ("style", "content")
        )
        return painting["content"] / photo["style"]

    small, middle, large = ratio(128), ratio(256), ratio(512)
    assert max(small, middle, large) < 2 * min(small, middle, large)


def test_settings_and_repr(small):
    assert small.settings["network"] == "mini" and small.settings["steps"] == 30 and small.settings["init"] == "content"
    assert repr(small).startswith("96 × 72 picture after 30 steps: content ")
    page = small._repr_html_()
    assert page.startswith('<img src="data:image/jpeg;base64,') and "&lt;" not in page


def test_inits(mini):
    content, style = nstlib.load_image("riverside_town", size=64), nstlib.load_image("night_swirls", size=64)
    starts = {}
    for name, init in {"content": "content", "style": "style", "noise": "noise", "tensor": style.flip(3)}.items():
        record = lambda step, image, losses, name=name: starts.setdefault(name, image)
        style_transfer(content, style, network=mini, size=64, steps=1, init=init, progress=False, on_step=record)
    assert torch.equal(starts["content"], content)
    torch.testing.assert_close(starts["tensor"], nstlib.resize_image(style.flip(3), (48, 64)))
    assert starts["noise"].std() == pytest.approx(12**-0.5, rel=0.05)


def test_total_variation_smooths(mini):
    def roughness(weight):
        return nstlib.total_variation(
            style_transfer(
                "riverside_town", "night_swirls", network=mini, size=64, steps=15, tv_weight=weight, progress=False
            ).image
        )

    assert roughness(1) < 0.7 * roughness(0)


def test_reconstruction_from_noise_and_texture(mini):
    image = nstlib.load_image("still_life", size=64)
    result = nstlib.reconstruct_content(image, "relu1_1", network=mini, size=64, steps=60, progress=False)
    assert result.losses["content"] < 0.01
    assert (result.image - image).square().mean() < 0.02 < (torch.rand_like(image) - image).square().mean()
    texture = nstlib.synthesize_texture(
        "gravel", ["relu1_1", "relu2_1"], network=mini, size=64, steps=40, progress=False
    )
    assert texture.image.shape == (1, 3, 64, 64) and texture.losses["style"] < 0.02 * texture.history[0]["style"]


def test_bfloat16_ends_at_the_loss_of_float32(mini):
    """Counted in float32, within 2 %."""
    photo, painting = nstlib.load_image("riverside_town", size=128), nstlib.load_image("night_swirls", size=128)
    options = {"network": mini, "size": 128, "coarse_to_fine": False, "progress": False}
    runs = {
        precision: style_transfer(photo, painting, steps=150, precision=precision, **options)
        for precision in ("float32", "bfloat16")
    }
    loss = {
        precision: style_transfer(photo, painting, steps=1, init=run.image, precision="float32", **options).history[0][
            "total"
        ]
        for precision, run in runs.items()
    }
    assert loss["bfloat16"] == pytest.approx(loss["float32"], rel=0.02)
    assert runs["bfloat16"].settings["precision"] == "bfloat16"


def test_l_bfgs_remembers_less_of_a_large_picture():
    asked = []
    for pixels in (100, 2000):
        asked += [begin(torch.zeros(1, 3, pixels, pixels)).optimizer.param_groups[0]["history_size"]]
    assert asked == [20, 5]


def test_preconditioned_steps_begin_with_large_shapes_or_with_detail():
    """What is left after four steps of a wave across the picture, one of two pixels, the same in height and in
    weight.
    """
    x = torch.arange(32.0)
    broad, fine = (
        0.2 * wave.expand(1, 3, 32, 32) for wave in (torch.cos(2 * torch.pi * x / 32), torch.cos(torch.pi * x))
    )

    def left(exponent):
        found = (
            optimize_image(
                torch.full((1, 3, 32, 32), 0.5),
                lambda y: {"d": (y - 0.5 - broad - fine).square().sum()},
                preconditioning=exponent,
                steps=4,
                progress=False,
            ).image
            - 0.5
        )
        return [1 - ((found * wave).sum() / wave.square().sum()).item() for wave in (broad, fine)]

    for exponent, first in ((1, 0), (-1, 1)):
        rest = left(exponent)
        assert abs(rest[first]) < 0.75 * abs(rest[1 - first])


def test_no_step_of_l_bfgs_leaves_the_range_of_all_pixels():
    """A loss that is almost straight: its curvature promises a minimum five hundred ranges away."""
    seen = []
    optimize_image(
        GREY,
        lambda x: {"d": x.sum() + 1e-3 * x.square().sum()},
        steps=6,
        progress=False,
        on_step=lambda step, image, losses: seen.append(image),
    )
    moved = [(later - earlier).square().mean().sqrt() for earlier, later in itertools.pairwise(seen)]
    assert 0 < max(moved) <= MAX_STEP_RMS * 1.001


def test_no_line_along_the_edges(mini):
    """A grey picture in the manner of itself stays as it is, edges too, where the network sees no frame of zeros."""
    # Of other proportions: more frame for its size
    grey, other = (
        torch.full((1, 3, 64, 64), 0.5),
        torch.full((1, 3, 64, 96), 0.5),
    )
    roughness = {
        edges: nstlib.total_variation(
            style_transfer(
                grey,
                other,
                network=mini,
                size=64,
                steps=20,
                edges=edges,
                content_weight=0,
                style_layers=["relu1_1", "relu2_1"],
                progress=False,
            ).image
        ).item()
        for edges in ("mirror", "zeros")
    }
    assert roughness["mirror"] < 1e-3 * roughness["zeros"]


def test_an_estimate_by_hand(mini, monkeypatch):
    """A machine that takes a microsecond for each pixel. 100 steps at 256 pixels are 25 of 64 × 85, 25 of 128 × 171 and 50 of
    192 × 256."""

    def microseconds(content, style, *, steps, **settings):
        pixels = content[0, 0].numel()
        history = [{"step": k, "time": 1 + k * 1e-6 * pixels} for k in range(1, steps + 1)]
        return Result(content, {}, history, {"steps": steps})

    monkeypatch.setattr(estimates, "style_transfer", microseconds)
    assert estimate(256, mini, steps=100).seconds == pytest.approx(
        1e-6 * (25 * 64 * 85 + 25 * 128 * 171 + 50 * 192 * 256)
    )
    flat = estimate((300, 200), mini, steps=7, coarse_to_fine=False)
    assert flat.seconds == pytest.approx(1e-6 * 7 * 300 * 200)
    added = [estimate(size, mini).bytes - PROGRAM for size in (256, 512)]
    assert added[1] == pytest.approx(4 * added[0], rel=0.15)  # the weights do not grow
    assert estimate(96, mini, precision="bfloat16").bytes < estimate((72, 96), mini, precision="float32").bytes


def test_an_estimate_of_a_picture_that_is_too_small(mini):
    with pytest.raises(ValueError, match="needs at least 4"):
        estimate(4, mini)


def test_ctrl_c_ends_an_estimate(mini, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(distances, "layer_style_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimate(96, mini)
    calls = []
    monkeypatch.setattr(
        distances,
        "layer_style_loss",
        lambda *_, **__: interrupted() if len(calls) > 12 else calls.append(1) or torch.ones(()),
    )
    with pytest.raises(KeyboardInterrupt):
        estimate(96, mini, content_layers=["relu1_1"])


def test_a_narrow_painting_has_no_sizes_too_coarse_for_it(mini):
    """A scroll of 2000 × 300 pixels would be 13 pixels high at a third of the size, and relu5_1 needs 16."""
    result = style_transfer(
        "riverside_town",
        torch.rand(1, 3, 300, 2000),
        network=mini,
        size=256,
        steps=4,
        style_layers="relu5_1",
        progress=False,
    )
    assert {record["size"] for record in result.history} == {256}


def test_an_estimate_counts_the_pixels_of_all_steps(mini, monkeypatch):
    """Half a second for a step at 200 × 150, as a clock says that no other work of the machine can hurry."""
    monkeypatch.setattr("nstlib.optimize.run.time", SimpleNamespace(perf_counter=itertools.count(0, 0.5).__next__))
    foreseen = estimate(200, mini, steps=40)
    whole, smaller = 200 * 150, 133 * 100  # 67 pixels are too few to be a stage
    assert foreseen.seconds == pytest.approx(0.5 / whole * (13 * smaller + 27 * whole))


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"precision": "float16"}, 'must be "auto", "float32" or "bfloat16"'),
        ({"edges": "repeat"}, 'must be "zeros"'),
        ({"method": "sgd"}, 'must be "lbfgs"'),
        ({"steps": 0}, "at least 1"),
        ({"steps": 300.0}, "steps is 300.0; it must be a whole number"),
        ({"steps": -5}, "steps is -5;"),
        ({"steps": 2.5}, "whole number"),
        ({"init": "photo"}, 'must be "content", "noise"'),
        ({"init": torch.zeros(3, 4, 4)}, r"shape \(3, 4, 4\)"),
        ({"content_weight": -1}, "content_weight is -1"),
        ({"style_weight": math.nan}, "style_weight is nan"),
        ({"content_weight": 0, "style_weight": 0}, "nothing to paint for"),
        ({"style_layers": ["relu6_1"]}, "did you mean"),
        ({"layer_weights": [1, 2]}, "2 layer weights for 5"),
        ({"size": 0}, "size is 0"),
        ({"size": 5}, "needs at least 4 × 4"),
    ],
)
def test_bad_parameters(mini, keywords, message):
    with pytest.raises(ValueError, match=message):
        style_transfer("cat", "gravel", **{"network": mini, "size": 64, "steps": 2, "progress": False} | keywords)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_a_picture_in_any_order_of_memory(method):
    """What a network or a resize hands out may lie channel by channel or pixel by pixel."""
    picture = torch.rand(1, 3, 6, 5)
    plain, other = (
        optimize_image(start, towards(0.5), method=method, steps=4, progress=False).image
        for start in (picture, picture.to(memory_format=torch.channels_last))
    )
    torch.testing.assert_close(plain, other)
    last = picture.permute(0, 1, 3, 2)
    assert optimize_image(last, towards(0.5), method=method, steps=4, progress=False).image.shape == (1, 3, 5, 6)

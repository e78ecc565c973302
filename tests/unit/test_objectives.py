"""What is minimised: against numbers by hand and a second way of writing the same."""

import math

import pytest
import torch

import nstlib
from nstlib import FeatureNetwork, gatys_objective
from nstlib.objectives import PAPER, STYLE_LAYERS, check_objective, gradient_shares
from nstlib.pyramid import count_scales, halve


@pytest.fixture(scope="module")
def pictures():
    """A picture in the making, a photograph of 96 × 72 pixels and a painting of other proportions."""
    photo, painting = nstlib.load_image("riverside_town", size=96), nstlib.load_image("night_swirls", size=96)[..., :60]
    return torch.rand(photo.shape, generator=torch.Generator().manual_seed(0)), photo, painting


def one_filter() -> FeatureNetwork:
    """Its only filter hands the red channel on."""
    weight = torch.zeros(1, 3, 3, 3)
    weight[0, 0, 1, 1] = 1
    return FeatureNetwork({"conv1_1.weight": weight, "conv1_1.bias": torch.zeros(1)}, mean=(0, 0, 0), std=(1, 1, 1))


def flat(value: float) -> torch.Tensor:
    return torch.full((1, 3, 8, 8), value)


def test_by_hand():
    """F = ½, P = ¼ everywhere, A = 1: content (½ − ¼)² / (¼)² = 1; style (¼ − 1)² / 1² = 9/16, at whichever size."""
    settings = {
        "content_layers": "relu1_1",
        "style_layers": "relu1_1",
        "content_weight": 2,
        "style_weight": 3,
        "tv_weight": 5,
    }
    for scales in (1, 2, 3):
        losses = gatys_objective(flat(0.25), flat(1.0), one_filter(), **settings, scales=scales)(flat(0.5))
        assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
            {"content": 2, "style": 3 * 9 / 16, "tv": 0}
        )
    paper = gatys_objective(flat(0.25), flat(1.0), one_filter(), **settings, scales=1, relative=False)(flat(0.5))
    assert paper["content"].item() == pytest.approx(2 * 0.5 * 64 * 0.25**2)  # equation 1, a sum over 64 positions
    # Equation 4: G = 64 · ¼, A = 64, N = 1, M = 64
    assert paper["style"].item() == pytest.approx(3 * (16 - 64) ** 2 / (4 * 64**2))


def test_several_content_layers_are_a_mean():
    """The filter is never negative here, so both layers are alike and the content is that of one: 2 · 1."""
    settings = {"content_layers": ["conv1_1", "relu1_1"], "style_layers": "relu1_1", "content_weight": 2}
    losses = gatys_objective(flat(0.25), flat(1.0), one_filter(), **settings)(flat(0.5))
    assert losses["content"].item() == pytest.approx(2)


def test_the_paper_objective_is_equations_1_4_5_and_7(pictures, mini):
    image, photo, painting = pictures
    F, P, A = (mini(picture, [*PAPER["content_layers"], *PAPER["style_layers"]]) for picture in pictures)
    content = 0.5 * (F["relu4_2"] - P["relu4_2"]).square().sum()
    style = 0
    for name in PAPER["style_layers"]:
        f, a = F[name][0].flatten(1), A[name][0].flatten(1)
        (N, M), M_a = f.shape, a.shape[1]
        style += (f @ f.T - a @ a.T * M / M_a).square().sum() / (4 * N**2 * M**2) / 5
    losses = gatys_objective(photo, painting, mini, **PAPER | {"content_weight": 0.25, "style_weight": 7})(image)
    assert losses["content"].item() == pytest.approx(0.25 * content.item(), rel=1e-4)
    assert losses["style"].item() == pytest.approx(7 * style.item(), rel=1e-4)
    assert set(losses) == {"content", "style"}


def test_the_default_is_relative_at_every_size(pictures, mini):
    image, photo, painting = pictures
    weights = (0.1, 0.2, 0.3, 0.4, 0.5)
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_4")
    style = 0
    for k in (0, 1):
        F, A = (mini(halve(picture, k), layers) for picture in (image, painting))
        for name, weight in zip(layers, weights, strict=True):
            G, goal = ((f := features[name][0].flatten(1)) @ f.T / f.shape[1] for features in (F, A))
            style += weight * ((G - goal).square().mean() / goal.square().mean()).item() / 2
    # Content: 96 is nearer to 192 than 48 is
    F, P = (
        mini(image, ["relu3_2"])["relu3_2"],
        mini(photo, ["relu3_2"])["relu3_2"],
    )
    losses = gatys_objective(photo, painting, mini, scales=2, layer_weights=weights, content_weight=0.25)(image)
    assert losses["style"].item() == pytest.approx(style, rel=1e-4)
    assert losses["content"].item() == pytest.approx(
        0.25 * ((F - P).square().sum() / P.square().sum()).item(), rel=1e-4
    )


def test_no_layer_is_louder_than_another(pictures, mini):
    """A black picture is as far from the painting at each layer: hardly any activation, so nearly the whole of ‖A‖²."""
    _, photo, painting = pictures
    losses = gatys_objective(photo, painting, mini, by_layer=True, content_weight=0)(torch.zeros_like(photo))
    assert len(losses) == 5 and all(0.1 < loss.item() * 5 < 1.1 for loss in losses.values())


def test_content_is_compared_near_192_pixels(mini, monkeypatch):
    seen = []
    walk = FeatureNetwork.activations
    monkeypatch.setattr(
        FeatureNetwork,
        "activations",
        lambda self, image, layers: seen.append((max(image.shape[-2:]), set(layers))) or walk(self, image, layers),
    )
    for size, at in ((130, 130), (192, 192), (256, 256), (384, 192), (600, 150)):
        picture = torch.rand(1, 3, size * 3 // 4, size)
        seen.clear()
        gatys_objective(picture, picture, mini, content_layers=["relu2_2"])(picture)
        assert {side for side, layers in seen if "relu2_2" in layers} == {at}


def test_layer_by_layer_adds_up_to_the_same(pictures, mini):
    image, photo, painting = pictures
    whole = gatys_objective(photo, painting, mini)(image)
    parts = gatys_objective(photo, painting, mini, by_layer=True)(image)
    assert set(parts) == {"content relu3_2", *(f"style {layer}" for layer in STYLE_LAYERS)}
    for kind in ("content", "style"):
        assert sum(v.item() for name, v in parts.items() if name.startswith(kind)) == pytest.approx(
            whole[kind].item(), rel=1e-5
        )
    shares = gradient_shares(image, gatys_objective(photo, painting, mini, by_layer=True))
    assert sum(shares.values()) == pytest.approx(1) and shares.keys() == parts.keys()


def test_style_transfer_minimises_it(pictures, mini):
    image, photo, painting = pictures
    settings = {
        "content_weight": 0.02,
        "style_weight": 2.0,
        "tv_weight": 0.01,
        "scales": 1,
        "layer_weights": [5, 4, 3, 2, 1],
    }
    known = nstlib.style_transfer(
        photo,
        painting,
        network=mini,
        size=96,
        steps=1,
        init=image,
        coarse_to_fine=False,
        edges="zeros",
        precision="float32",
        progress=False,
        **settings,
    ).history[0]
    for name, loss in gatys_objective(photo, nstlib.resize_image(painting, 96), mini, **settings)(image).items():
        assert loss.item() == pytest.approx(known[name], rel=1e-4)


def test_a_painting_in_which_the_network_sees_nothing_divides_by_nothing(mini):
    silent = FeatureNetwork({"conv1_1.weight": torch.zeros(1, 3, 3, 3), "conv1_1.bias": torch.zeros(1)})
    losses = gatys_objective(flat(0.5), flat(0.5), silent, content_layers="relu1_1", style_layers="relu1_1")(flat(0.25))
    assert all(math.isfinite(loss.item()) for loss in losses.values())


def test_halving_keeps_means_and_slopes():
    ramp = torch.arange(32.0).expand(1, 2, 32, 32)
    once, twice = halve(ramp, 1), halve(ramp, 2)
    assert (
        once.shape == (1, 2, 16, 16)
        and twice.shape == (1, 2, 8, 8)
        and halve(ramp[..., :31, :29], 1).shape == (1, 2, 15, 14)
    )
    torch.testing.assert_close(once[0, 0, 0, 1:-1], torch.arange(1.0, 15) * 2 + 0.5)
    torch.testing.assert_close(twice[0, 1, 3, 2:-2], torch.arange(2.0, 6) * 4 + 1.5)
    stripes = (torch.arange(32) % 2.0).expand(1, 1, 32, 32)
    assert (halve(stripes, 1)[..., 1:-1] - 0.5).abs().max() < 1e-6  # finer than the new pixel: plain grey
    assert halve(ramp, 0) is ramp


@pytest.mark.parametrize(
    "size, wanted, scales",
    [
        (384, None, 3),
        (1024, None, 5),
        (192, None, 2),
        (100, None, 1),
        (384, 1, 1),
        (384, 5, 5),
        (40, 3, 2),
    ],
)
def test_how_many_sizes(size, wanted, scales):
    picture = torch.zeros(1, 3, size * 3 // 4, size)
    assert count_scales(picture, picture, ["relu3_1"], wanted) == scales
    scroll = torch.zeros(1, 3, 30, size)  # 30 pixels hold two positions of relu3_1, 8 pixels, at two sizes
    assert count_scales(scroll, picture, ["relu3_1"], wanted) == min(2, scales)


def test_many_sizes_of_a_shallow_layer(mini):
    for height in (4, 5, 9, 40):
        nstlib.style_transfer(
            torch.rand(1, 3, height, 40),
            "gravel",
            network=mini,
            size=40,
            steps=1,
            scales=9,
            style_layers="relu1_1",
            content_layers="relu1_1",
            progress=False,
        )


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"content_weight": -1}, "content_weight is -1; it must be a finite number"),
        ({"tv_weight": "1"}, "tv_weight is '1'"),
        ({"layer_weights": [1, 2]}, "2 layer weights for 4 style layers"),
        ({"layer_weights": [1, 2, 3, math.inf]}, "finite"),
        ({"content_weight": 0, "style_weight": 0}, "nothing to paint for"),
        ({"content_weight": 0, "style_layers": ()}, "nothing to paint for"),
        ({"scales": 0}, "scales is 0; it must be a whole number of at least 1"),
        ({"scales": 2.0}, "scales is 2.0"),
    ],
)
def test_bad_settings(settings, message):
    usual = {
        "content_layers": ("relu3_2",),
        "style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu3_4"),
        "layer_weights": None,
        "content_weight": 1,
        "style_weight": 1,
        "tv_weight": 0,
        "scales": None,
    }
    with pytest.raises(ValueError, match=message):
        check_objective(**usual | settings)

"""Several paintings, masks and the size of strokes: by hand, by second implementations, and what may not change."""

import json
import os

import pytest
import torch
import torch.nn.functional as F

import nstlib
from nstlib import FeatureNetwork, gatys_objective, style_transfer
from nstlib.__main__ import main
from nstlib.masks import position_weights
from nstlib.networks import LAYERS, receptive_field
from nstlib.objectives import STYLE_LAYERS
from nstlib.objectives.styles import MIXES, Style
from nstlib.pyramid import halve
from nstlib.regions import put_together

SHORT = {"size": 64, "steps": 4, "progress": False, "precision": "float32"}
ONE = {"style_layers": "relu1_1", "content_layers": "relu1_1", "content_weight": 0, "scales": 1}


@pytest.fixture(scope="module")
def pictures():
    """A photograph of 64 × 48 pixels, and two paintings of other proportions."""
    photo, one, two = (
        nstlib.load_image(name, size=64) for name in ("riverside_town", "night_swirls", "woodblock_wave")
    )
    return photo, one[..., :40], two[..., :30, :]


@pytest.fixture(scope="module")
def sky(pictures):
    mask = torch.zeros(1, 1, *pictures[0].shape[-2:])
    mask[..., :24, :] = 1
    return mask


def one_filter() -> FeatureNetwork:
    """Its only filter hands the red channel on."""
    weight = torch.zeros(1, 3, 3, 3)
    weight[0, 0, 1, 1] = 1
    return FeatureNetwork({"conv1_1.weight": weight, "conv1_1.bias": torch.zeros(1)}, mean=(0, 0, 0), std=(1, 1, 1))


def flat(value: float, size: int = 8) -> torch.Tensor:
    return torch.full((1, 3, size, size), value)


# ---- mixtures ----------------------------------------------------------------------------------------------------


def style_of(styles, image, **more):
    return gatys_objective(flat(0.25), styles, one_filter(), **ONE, **more)(image)["style"].item()


def test_losses_and_statistics_by_hand():
    """Paintings of 1 and ½, so A is 1 and ¼; the picture is ½, so G is ¼; weights 3 and 1. Sizes do not count."""
    paintings, weights = [flat(1.0), flat(0.5, 20)], [3, 1]
    assert style_of(paintings, flat(0.5), style_weights=weights) == pytest.approx(0.75 * (0.25 - 1) ** 2)
    mean = 0.75 * 1 + 0.25 * 0.25
    found = style_of(paintings, flat(0.5), style_weights=weights, style_mix="statistics")
    assert found == pytest.approx(((0.25 - mean) / mean) ** 2)


def test_a_picture_with_the_mean_statistic_is_a_mixture_of_one_kind_only():
    paintings, between = [flat(1.0), flat(0.5)], flat(((1 + 0.25) / 2) ** 0.5)
    assert style_of(paintings, between, style_mix="statistics") < 1e-12
    assert style_of(paintings, between) == pytest.approx(((0.625 - 1) ** 2 + (0.625 / 0.25 - 1) ** 2) / 2)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("distance", ["gram", "sliced"])
def test_weights_of_1_and_0_are_the_single_styles_bit_for_bit(mix, distance, pictures, mini):
    photo, one, two = pictures
    how = {"network": mini, "style_loss": distance, "scales": 2, **SHORT}
    for weights, alone in (([1, 0], one), ([0, 2.5], two)):
        mixed = style_transfer(photo, [one, two], style_weights=weights, style_mix=mix, **how)
        assert torch.equal(mixed.image, style_transfer(photo, alone, **how).image)
    assert not torch.equal(mixed.image, style_transfer(photo, [one, two], style_mix=mix, **how).image)


def test_the_sum_of_losses_is_that_of_the_objectives(pictures, mini):
    photo, one, two = pictures
    of = lambda *style, **more: gatys_objective(photo, *style, mini, by_layer=True, scales=1, **more)(photo.flip(3))
    mixed, first, second = of([one, two], style_weights=[2, 1]), of(one), of(two)
    for name in mixed:
        wanted = (2 * first[name] + second[name]) / 3
        assert mixed[name].item() == pytest.approx(wanted.item(), rel=1e-5)


def test_layers_are_dealt_out_from_shallow_to_deep(pictures, mini):
    photo, one, two = pictures
    of = lambda style, **more: gatys_objective(photo, style, mini, by_layer=True, scales=1, **more)(photo.flip(3))
    mixed, first, second = of([one, two], style_weights=[3, 2], style_mix="layers"), of(one), of(two)
    for number, name in enumerate(f"style {layer}" for layer in STYLE_LAYERS):
        assert mixed[name].item() == (first if number < 3 else second)[name].item()


def test_scales_are_dealt_out_from_fine_to_coarse(pictures, mini):
    photo, one, two = pictures
    image, how = photo.flip(3), {"scales": 1, "style_layers": ["relu1_1", "relu2_1"]}
    mixed = gatys_objective(photo, [one, two], mini, style_mix="scales", **how | {"scales": 2})(image)["style"]
    fine = gatys_objective(photo, one, mini, **how)(image)["style"]
    coarse = gatys_objective(halve(photo, 1), halve(two, 1), mini, **how)(halve(image, 1))["style"]
    assert mixed.item() == pytest.approx((fine + coarse).item() / 2, rel=1e-5)


@pytest.mark.parametrize(
    "more, message",
    [
        ({"style_weights": [1]}, "There are 1 style weights for 2 paintings; give one for each"),
        ({"style_weights": [1, -1]}, "The style weight of painting 2 is -1; it must be a finite number"),
        ({"style_weights": [0, 0]}, "All style weights are 0"),
        ({"style_weights": 2}, "style_weights is 2; wanted a list"),
        ({"style_mix": "both"}, "style_mix is 'both'; it must be one of losses, statistics, layers, scales"),
        ({"style_mix": "scales"}, "Painting 1 gets none of the 1 scales with these style weights. Use a larger"),
        ({"style_mix": "layers", "style_weights": [20, 1]}, "Painting 2 gets none of the 5 layers"),
        ({"style_mix": "statistics", "style_loss": "mmd-gaussian"}, "'mmd-gaussian' has no mean of two paintings"),
        ({"style": []}, "style is an empty list"),
    ],
)
def test_what_cannot_be_mixed(more, message, pictures, mini):
    photo, *paintings = pictures
    with pytest.raises(ValueError, match=message):
        style_transfer(photo, **{"style": paintings, "network": mini, **SHORT, **more})


@pytest.mark.parametrize("distance", ["meanstd", "covariance", "wasserstein", "histogram", "mmd-polynomial"])
def test_other_statistics_are_mixed_too(distance, pictures, mini):
    """The picture is the first painting: nearer to what lies between the two than to the second."""
    _, one, two = pictures
    of = lambda style, how="statistics": gatys_objective(
        one, style, mini, style_loss=distance, style_mix=how, content_weight=0, scales=1, relative=False
    )(one)["style"]
    assert 0.01 * of(two) < of([one, two]) < 0.9 * of(two)
    assert of([one, two]) < 0.9 * of([one, two], "losses")


# ---- masks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_2", "pool1", "relu2_1", "relu3_1"])
def test_position_weights_one_by_one(layer):
    """The mean over what each position sees, in a loop; beyond the edges the mask goes on as it ends."""
    mask = F.interpolate(torch.rand(1, 1, 5, 7, generator=torch.Generator().manual_seed(0)), (26, 37)) ** 0.3
    size, stride, start = receptive_field(layer)
    rows, columns = 26 // stride, 37 // stride
    wanted = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            down = [min(max(i * stride + start + n, 0), 25) for n in range(size)]
            across = [min(max(j * stride + start + n, 0), 36) for n in range(size)]
            wanted[i, j] = max(0, 2 * mask[0, 0][down][:, across].mean().item() - 1)
    torch.testing.assert_close(position_weights(mask, layer)[0, 0], wanted / wanted.sum())


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer[:4] == "relu"])
def test_regions_share_no_position_and_have_those_of_the_layer(layer, mini):
    mask = torch.zeros(1, 1, 70, 90)
    mask[..., :40] = 1
    mask[..., 40:44] = torch.tensor([0.8, 0.6, 0.4, 0.2])
    left, right = position_weights(mask, layer), position_weights(1 - mask, layer)
    assert left.shape[-2:] == mini(torch.rand(1, 3, 70, 90), [layer])[layer].shape[-2:]
    assert (left * right).max() == 0 and left.min() >= 0
    assert left.sum().item() == pytest.approx(1) and right.sum().item() == pytest.approx(1)


def test_a_region_by_hand():
    """The left half of the picture is ½, the right half 1; the painting is 1, so A = 1. Two columns of the left half
    see only white, two see black beyond the last one: ⅔, so they count a third.
    """
    image, mask = flat(0.5), torch.zeros(1, 1, 8, 8)
    image[..., 4:], mask[..., :4] = 1, 1
    weights = torch.tensor([1, 1, 1, 1 / 3])
    G = (weights / weights.sum() * 0.25).sum()
    found = style_of(flat(1.0), image, mask=mask)
    assert found == pytest.approx(0.5 * (G.item() - 1) ** 2)  # half of the picture
    painting = flat(1.0)
    painting[..., 4:] = 0.25
    assert style_of(painting, image, mask=mask, style_masks=mask) == pytest.approx(found)
    assert style_of(painting, image, mask=mask) != pytest.approx(found, rel=0.01)


def test_a_region_sees_the_photograph_around_it(pictures, sky, mini):
    """Whatever is painted there: neither the loss nor its gradient knows it."""
    photo, one, _ = pictures
    objective = gatys_objective(photo, one, mini, mask=sky)
    image = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    losses = objective(image)
    (gradient,) = torch.autograd.grad(sum(losses.values()), image)
    assert gradient[..., 24:, :].abs().max() == 0 and gradient[..., :24, :].abs().min(2)[0].max() > 0
    other = objective(photo.lerp(image.detach(), sky))
    assert all(losses[name].item() == other[name].item() for name in losses)


def test_two_regions_are_the_sum_of_both(pictures, sky, mini):
    photo, one, two = pictures
    image = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0))
    of = lambda style, mask: gatys_objective(photo, style, mini, mask=mask)(image)
    both, first, second = of([one, two], sky), of(one, sky), of(two, 1 - sky)
    for name in both:
        assert both[name].item() == pytest.approx((first[name] + second[name]).item(), rel=1e-5)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_the_sky_stays_when_the_ground_gets_another_painting(method, pictures, sky, mini):
    """Less than 2 % of the range of a pixel on the mean; in fact not a bit, since each region is a run of its own."""
    photo, one, two = pictures
    how = {"network": mini, "mask": sky, "method": method, **SHORT, "steps": 25}
    first, second = (style_transfer(photo, [one, ground], **how).image for ground in (two, "gravel"))
    change = (first - second).abs()
    assert change[..., :24, :].mean() < 0.02 and change[..., :24, :].max() == 0
    assert change[..., 24:, :].mean() > 0.05
    assert (first - photo).abs()[..., :24, :].mean() > 0.05, "there is a sky to change"


def test_where_no_mask_is_white_the_photograph_stays(pictures, sky, mini):
    photo, one, _ = pictures
    seen = []
    result = style_transfer(
        photo, one, network=mini, mask=sky, init="noise", on_step=lambda *step: seen.append(step), **SHORT
    )
    assert torch.equal(result.image[..., 24:, :], photo[..., 24:, :])
    assert (result.image - photo)[..., :24, :].abs().mean() > 0.05
    assert all(torch.equal(image[..., 24:, :], photo[..., 24:, :]) for _, image, _ in seen)


def test_pictures_of_regions_are_put_together_by_hand():
    """Four columns: the first picture, half of both, the second, half of the second and half of the photograph."""
    regions = [torch.tensor(row).view(1, 1, 1, 4) for row in ([1, 0.5, 0, 0], [0, 0.5, 1, 0.5])]
    styles = [Style(flat(0.0), 0.5, region) for region in regions]
    photo, one, two = (torch.full((1, 3, 1, 4), value) for value in (0.25, 1.0, 0.5))
    whole = put_together(styles, [one, two], photo)[0]
    assert whole.tolist() == [[[1.0, 0.75, 0.5, 0.375]]] * 3
    assert put_together(styles, [one], photo)[0].tolist() == [[[1.0, 0.625, 0.25, 0.25]]] * 3


def test_an_edge_may_be_soft(pictures, mini):
    """Half of a region is half painted: nearer to the photograph than the painted part."""
    photo, one, _ = pictures
    mask = torch.ones(1, 1, *photo.shape[-2:])
    mask[..., 16:32, :], mask[..., 32:, :] = 0.5, 0
    change = (style_transfer(photo, one, network=mini, mask=mask, **SHORT).image - photo).abs().mean((0, 1, 3))
    assert change[32:].max() == 0 and 0 < change[16:32].mean() < change[:16].mean()


def test_each_region_is_a_run_and_they_are_counted_through(pictures, sky, mini):
    photo, one, two = pictures
    steps = []
    how = {"network": mini, **SHORT}
    result = style_transfer(photo, [one, two], mask=sky, on_step=lambda step, *_: steps.append(step), **how)
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8] == [record["step"] for record in result.history]
    assert result.settings["steps"] == 8 and not result.note
    alone = style_transfer(photo, two, mask=1 - sky, **how)
    assert torch.equal(result.image[..., 24:, :], alone.image[..., 24:, :])
    stopped = style_transfer(photo, [one, two], mask=sky, on_step=lambda step, *_: step < 6, **how)
    assert stopped.note == "stopped by on_step after 6 of 8 steps"
    assert torch.equal(stopped.image[..., :24, :], result.image[..., :24, :])


def test_masks_of_any_size_and_one_for_each_of_three(pictures, mini):
    photo, one, two = pictures
    thirds = [torch.zeros(1, 3, 24, 32) for _ in range(3)]
    for number, mask in enumerate(thirds):
        mask[..., 8 * number : 8 * number + 8, :] = 1
    result = style_transfer(
        photo, [one, two, "gravel"], network=mini, mask=thirds, style_layers="relu1_1", **SHORT | {"steps": 8}
    )
    changes = [(result.image - photo).abs()[..., 16 * n + 4 : 16 * n + 12, :].mean() for n in range(3)]
    assert min(changes) > 0.01 and result.settings["steps"] == 24


def test_a_region_too_small_for_a_deep_layer_is_left_out_with_a_warning(pictures, mini):
    photo, one, two = pictures
    mask = torch.zeros(1, 1, *photo.shape[-2:])
    mask[..., 20:28, 20:28] = 1
    with pytest.warns(
        UserWarning, match="The region of the mask is too small for relu3_1, relu3_2, relu3_4 at .*, and left"
    ):
        objective = gatys_objective(photo, one, mini, mask=mask, by_layer=True)
    assert set(objective(photo)) == {"content relu3_2", "style relu1_1", "style relu2_1"}
    with pytest.warns(UserWarning, match="The region of painting 1 is too small for relu3_1"):
        gatys_objective(photo, [one, two], mini, mask=mask)
    dot = torch.zeros_like(mask)
    dot[..., 20, 20] = 1
    with pytest.raises(ValueError, match="The region of the mask is too small: no style layer has a position there"):
        gatys_objective(photo, one, mini, mask=dot)
    small = torch.zeros(1, 1, *one.shape[-2:])
    small[..., :8, :8] = 1
    with pytest.warns(UserWarning, match="The region of the style mask is too small for relu3_1"):
        gatys_objective(photo, one, mini, style_masks=small)


BLACK, WHITE = torch.zeros(1, 1, 48, 64), torch.ones(1, 1, 48, 64)


@pytest.mark.parametrize(
    "count, more, message",
    [
        (2, {"mask": [WHITE, WHITE, WHITE]}, "There are 3 masks for 2 paintings; give one for each, in their order"),
        (3, {"mask": WHITE}, r"There are 1 masks for 3 paintings; .*With two paintings one mask is enough"),
        (1, {"mask": torch.ones(1, 3, 48, 80)}, "The mask is 80 × 48 pixels and the photograph 64 × 48: their prop"),
        (1, {"mask": BLACK}, "The mask is black everywhere; make it white where the painting shall count"),
        (2, {"mask": [WHITE, BLACK]}, "The mask of painting 2 is black everywhere"),
        (2, {"mask": WHITE}, "The mask is white everywhere, so nothing is left for the second painting"),
        (2, {"mask": [WHITE, None]}, "The mask of painting 2 is None; wanted a picture"),
        (1, {"style_masks": torch.ones(1, 3, 48, 80)}, "The style mask is 80 × 48 pixels and the painting 40 × "),
        (2, {"style_masks": WHITE}, "There are 1 style masks for 2 paintings; give one for each"),
        (2, {"mask": WHITE / 2, "style_mix": "layers"}, "style_mix must be \"losses\", not 'layers'"),
        (2, {"mask": WHITE / 2, "style_weights": [2, 1]}, "there is nothing for style_weights to mix"),
        (2, {"mask": WHITE / 2, "checkpoint": "c.ck"}, "A checkpoint keeps one run, and with masks each"),
    ],
)
def test_masks_that_do_not_fit(count, more, message, pictures, mini, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo, one, two = pictures
    with pytest.raises(ValueError, match=message):
        style_transfer(photo, [one, two, one][:count], network=mini, **SHORT, **more)


# ---- the size of strokes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_the_painting_is_resized_against_the_photograph(scale, pictures, mini):
    photo, one, _ = pictures
    how = {"network": mini, "coarse_to_fine": False, "edges": "zeros", **SHORT}
    result = style_transfer(photo, one, style_scale=scale, **how)
    wanted = gatys_objective(photo, nstlib.resize_image(one, round(64 * scale)), mini)(photo)
    assert result.history[0]["style"] == pytest.approx(wanted["style"].item(), rel=1e-4)
    assert result.settings["style_scale"] == scale


@pytest.mark.parametrize("scale", [0, -1, 11, "2", None, True, float("nan")])
def test_a_scale_that_cannot_be(scale, pictures, mini):
    with pytest.raises(ValueError, match=r"style_scale is .*; it must be a number from 0\.1 to 10"):
        style_transfer(*pictures[:2], network=mini, style_scale=scale, **SHORT)


def test_a_painting_too_small_at_its_scale_is_told_with_a_size_that_works(pictures, mini):
    photo, one = torch.rand(1, 3, 120, 160), pictures[1]
    how = {"network": mini, "steps": 1, "progress": False, "style_layers": ["relu4_1"], "style_scale": 0.1}
    with pytest.raises(ValueError, match=r"The painting is 40 × .*Ask for a size of 1") as error:
        style_transfer(photo, one, **{**how, "size": 64})
    fits = int(str(error.value).split("Ask for a size of ")[1].split(",")[0])
    assert style_transfer(photo, one, size=fits, **how).losses["style"] > 0


# ---- the command line, and many runs -----------------------------------------------------------------------------


@pytest.fixture
def files(pictures, sky, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = zip(("photo", "one", "two", "sky", "ground"), (*pictures, sky, 1 - sky), strict=True)
    for name, picture in named:
        nstlib.save_image(picture.expand(1, 3, -1, -1), f"{name}.png")


QUICK = ["--size", "64", "--steps", "8", "--precision", "float32", "--quiet"]


def painted(*arguments):
    assert main(["transfer", *arguments, "-o", "out.png", *QUICK]) == 0
    return nstlib.load_image("out.png")


def test_styles_of_the_command_line(files, mini):
    one, two = painted("photo.png", "one.png"), painted("photo.png", "--style", "two.png")
    assert torch.equal(painted("photo.png", "--style", "one.png"), one)
    both = ["photo.png", "--style", "one.png", "--style", "two.png"]
    assert torch.equal(painted(*both, "--style-weights", "1,0"), one)
    assert torch.equal(painted(*both, "--style-weights", "0,1"), two)
    wanted = style_transfer(
        "photo.png", ["one.png", "two.png"], network=mini, style_weights=[2, 1], **SHORT | {"steps": 8}
    )
    nstlib.save_image(wanted.image, "wanted.png")
    assert torch.equal(painted(*both, "--style-weights", "2,1"), nstlib.load_image("wanted.png"))


def test_masks_of_the_command_line(files):
    photo = nstlib.load_image("photo.png")
    image = painted("photo.png", "one.png", "--mask", "sky.png")
    assert torch.equal(image[..., 24:, :], photo[..., 24:, :]) and not torch.equal(image, photo)
    both = painted("photo.png", "--style", "one.png", "--style", "two.png", "--mask", "sky.png", "--mask", "ground.png")
    assert torch.equal(both[..., :24, :], image[..., :24, :]) and not torch.equal(both[..., 24:, :], photo[..., 24:, :])
    assert main(["transfer", "photo.png", "one.png", "-o", "sky.png", "--mask", "sky.png", *QUICK]) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["photo.png", "one.png", "--mask", "one.png"], "The mask is 40 × 51 pixels and the photograph 64 × 48"),
        (["photo.png", "one.png", "--mask", "nosuch.png"], "no file 'nosuch.png'"),
        (["photo.png", "one.png", "--style-mask", "sky.png"], "The style mask is 64 × 48 pixels and the painting 40"),
        (["photo.png", "one.png", "--mask", "sky.png", "--mask", "sky.png"], "There are 2 masks for 1 paintings"),
        (["photo.png", "--style", "one.png", "--style", "nosuch.png"], "no file 'nosuch.png'"),
        (["photo.png", "one.png", "--style-weights", "1,2"], "There are 2 style weights for 1 paintings"),
        (["photo.png", "one.png", "--style-loss", "mean"], "style_loss is 'mean'; it must be one of gram"),
        (["photo.png", "one.png", "--style-scale", "0"], "style_scale is 0.0; it must be a number from 0.1"),
        (["photo.png", "two.png", "one.png", "--mask", "sky.png", "-o", "folder"], "--mask is for one photograph"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_the_command_line_refuses_in_one_line(arguments, message, dry, files, capsys):
    before = sorted(os.listdir())
    assert main(["transfer", "-o", "o.png", *arguments, *QUICK, *dry]) == 1
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and out == "" and sorted(os.listdir()) == before


@pytest.mark.parametrize(
    "typed, message", [("--style-weights 1,x", "numbers (1,0.5"), ("--style-weights a=1", "has names")]
)
def test_weights_that_are_no_numbers_are_wrong_usage(typed, message, capsys):
    with pytest.raises(SystemExit) as error:
        main(["transfer", "a", "b", "-o", "c.png", *typed.split()])
    assert error.value.code == 2 and message in capsys.readouterr().err


def test_without_a_painting_it_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as error:
        main(["transfer", "cat", "-o", "c.png"])
    assert error.value.code == 2 and "arguments are required: PAINTING" in capsys.readouterr().err


def test_a_sweep_takes_mixtures_and_masks(files, tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    grid = {"style": ["one.png", ["one.png", "two.png"]]}
    settings = {"content": "photo.png", "mask": "sky.png", "size": 64, "steps": 8, "precision": "float32"}
    with ThreadPoolExecutor(1) as executor:
        done = nstlib.sweep(grid, settings, folder="runs", progress=False, executor=executor)
    assert [record["error"] for record in done.records] == ["", ""]
    assert [record["values"]["style"] for record in done.records] == ["one", "one two"]
    alone, both = (nstlib.load_image(record["picture"]) for record in done.records)
    assert torch.equal(alone[..., :24, :], both[..., :24, :]) and not torch.equal(alone, both)
    assert json.dumps(done.records[1]["settings"]["style"]) == '["one.png", "two.png"]'

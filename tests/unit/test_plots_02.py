"""The figures of lesson 02: what they draw, and the arithmetic behind the cut-outs."""

import pytest
import torch

import nstlib
from nstlib.networks import receptive_field
from nstlib.plots import show_activations, show_by_layer, show_patches, show_weights, strongest_patches


@pytest.fixture(scope="module")
def network():
    return nstlib.load_network("random", normalized=False, device="cpu")


@pytest.mark.parametrize(
    "layer, i", [("relu1_1", 5), ("relu1_2", 4), ("pool1", 3), ("relu2_1", 6), ("relu3_1", 5), ("relu4_2", 6)]
)
def test_receptive_field_is_what_the_gradient_says(network, layer, i):
    size, stride, start = receptive_field(layer)
    image = torch.rand(1, 3, 112, 112, generator=torch.Generator().manual_seed(0), requires_grad=True)
    network(image, [layer])[layer][0, :, i, i].sum().backward()
    seen = image.grad.abs().amax((0, 1)).nonzero()
    first = i * stride + start
    assert seen.amin(0).tolist() == [first, first]
    assert seen.amax(0).tolist() == [first + size - 1] * 2


def test_strongest_patches_come_strongest_first_from_any_picture_and_not_twice_from_one_place():
    images = [torch.zeros(1, 3, 12, 12), torch.zeros(1, 3, 9, 15)]
    images[0][0, 0, 4, 4], images[0][0, 0, 4, 5], images[1][0, 0, 7, 0] = 0.9, 0.8, 1.0
    patches = strongest_patches([image[:, :1] for image in images], images, "relu1_1", 0, count=2)
    assert patches.shape == (2, 3, 3, 3)
    assert patches[:, 0, 1, 1].tolist() == pytest.approx([1, 0.9])  # 0.8 lies beside 0.9
    assert (patches[0, :, :, 0] == 0.5).all()  # the field of view reaches out of the picture: grey
    assert images[0][0, 0, 4, 4].item() == pytest.approx(0.9)  # nothing changed


def panels(figure):
    """The maps of a figure, without its colour bars."""
    return [axis for part in figure.subfigs for axis in part.axes if axis.images]


def test_activations_of_one_row_share_a_scale_and_carry_layer_and_filter():
    maps = torch.stack([torch.full((4, 6), float(c)) for c in range(5)])[None]
    shown = panels(show_activations({"a": maps, "b": maps - 2}, channels={"a": [4, 1], "b": [0, 3]}))
    assert [axis.get_title() for axis in shown] == ["a · 4", "a · 1", "b · 0", "b · 3"]
    assert [axis.images[0].get_clim() for axis in shown] == [(0, 4), (0, 4), (-2, 2), (-2, 2)]  # signed: zero is white
    assert shown[0].images[0].cmap.name == "viridis" and shown[2].images[0].cmap.name == "PuOr_r"


def test_activations_to_compare_have_one_scale_with_a_sign_where_one_row_has_it():
    maps = torch.stack([torch.full((4, 6), float(c)) for c in range(5)])[None]
    figure = show_activations({"before": maps - 3, "after": maps}, channels=[0, 4], layer="relu1_1", one_scale=True)
    shown = panels(figure)
    assert [axis.images[0].get_clim() for axis in shown] == [(-4, 4)] * 4
    assert {axis.images[0].cmap.name for axis in shown} == {"PuOr_r"}
    assert [axis.get_title() for axis in shown] == ["relu1_1 · 0", "relu1_1 · 4"] * 2
    assert [part.get_suptitle() for part in figure.subfigs] == ["before", "after"]


def test_activations_of_one_tensor_are_titled_with_the_layer_that_is_given():
    maps = torch.ones(1, 3, 2, 2)
    assert [axis.get_title() for axis in panels(show_activations(maps, channels=[2, 0]))] == ["2", "0"]
    figure = show_activations(maps, channels=[2, 0], layer="relu3_1")
    assert [axis.get_title() for axis in panels(figure)] == ["relu3_1 · 2", "relu3_1 · 0"]
    assert figure.subfigs[0].get_suptitle() == ""


def test_activations_over_a_picture_hide_it_only_where_they_fire():
    maps = torch.zeros(1, 1, 2, 2)
    maps[0, 0, 0, 0] = 1
    figure = show_activations(maps, image=torch.full((1, 3, 8, 8), 0.5))
    below, above = figure.subfigs[0].axes[0].images
    assert below.get_extent() == above.get_extent()
    assert above.get_alpha()[0, 0] > 0.8 and above.get_alpha()[1, 1] == 0


@pytest.mark.parametrize(
    "maps, channels", [(torch.zeros(3, 4, 4), [0]), (torch.zeros(2, 3, 4, 4), [0]), (torch.zeros(1, 3, 4, 4), [3])]
)
def test_activations_say_what_they_want(maps, channels):
    with pytest.raises(ValueError, match="wanted"):
        show_activations(maps, channels=channels)


def test_the_other_figures_draw():
    weights = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).expand(2, 3, 3, 3) * 7
    figure = show_weights(weights, channels=[1, 0])
    assert [axis.images[0].get_array().max() for axis in figure.axes] == [0, 1]  # each by its own largest weight
    assert len(show_patches({"a": torch.rand(6, 3, 5, 5), "b": torch.rand(4, 3, 9, 9)}, columns=2)._repr_jpeg_()) > 1000
    lines = {"shift": {"relu1_1": 1.0, "relu2_1": 0.1}}
    left, right = show_by_layer({"x": lines, "y": lines}, ylabel="d").axes
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] == 0


def test_several_numbers_for_a_layer_are_a_line_of_means_in_a_band():
    axis = show_by_layer(
        {"x": {"one": {"a": 2.0, "b": 1.0}, "three": {"a": (1.0, 2.0, 6.0), "b": (1.0, 1.0, 1.0)}}}
    ).axes[0]
    assert [line.get_ydata().tolist() for line in axis.lines] == [[2, 1], [3, 1]]
    (band,) = axis.collections  # none for the line of single numbers
    assert sorted(band.get_paths()[0].vertices[:, 1].tolist())[-1] == 6
    assert {1.0, 6.0} <= {y for x, y in band.get_paths()[0].vertices.tolist() if x == 0}

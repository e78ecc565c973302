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


def test_activations_of_one_row_share_a_scale_and_carry_their_numbers():
    maps = torch.stack([torch.full((4, 6), float(c)) for c in range(5)])[None]
    figure = show_activations({"a": maps, "b": maps - 2}, channels={"a": [4, 1], "b": [0, 3]})
    panels = [axis for part in figure.subfigs for axis in part.axes if axis.images]
    assert [axis.get_title() for axis in panels] == ["4", "1", "0", "3"]
    assert panels[0].images[0].get_clim() == panels[1].images[0].get_clim() == (0, 4)
    assert panels[2].images[0].get_clim() == panels[3].images[0].get_clim() == (-2, 2)  # with a sign: symmetric about 0
    assert panels[0].images[0].cmap.name == "viridis" and panels[2].images[0].cmap.name == "PuOr_r"


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

"""The figures of lesson 04, without comparing pictures: what they are handed is in them, on the scales they promise."""

import pytest
import torch

import nstlib
from nstlib import plots


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return {
        name: {layer: torch.rand(1, n, 6, 5, generator=generator) for layer, n in (("relu1_1", 4), ("relu2_1", 7))}
        for name in ("a", "b")
    }


def images(figure):
    return [image for axis in figure.axes for image in axis.get_images()]


def drawn(figure):
    """The figure shows itself as one picture, and only as one."""
    pictures = [picture for picture in (figure._repr_png_(), figure._repr_jpeg_()) if picture is not None]
    return len(pictures) == 1 and len(pictures[0]) > 1000


def test_cluster_order_brings_families_together():
    family = torch.tensor([0, 1, 0, 1, 0, 1, 1])
    maps = torch.eye(2)[family] + 0.01 * torch.rand(7, 2, generator=torch.Generator().manual_seed(0))
    order = plots.cluster_order(nstlib.gram_matrix(maps.view(1, 7, 1, 2)))
    assert sorted(order) == list(range(7))
    assert family[order].diff().abs().sum() == 1  # one change of family


@pytest.mark.parametrize("count", [1, 2, 5])
def test_cluster_order_puts_silent_filters_last(count):
    maps = torch.zeros(1, count + 2, 2, 2)
    maps[:, 1 : count + 1] = 1 + torch.rand(1, count, 2, 2, generator=torch.Generator().manual_seed(0))
    order = plots.cluster_order(nstlib.gram_matrix(maps))
    assert order[count:] == [0, count + 1] and sorted(order) == list(range(count + 2))


def test_layer_grams_share_scale_and_order_in_a_column(features):
    figure = plots.show_layer_grams(features, orders={"relu1_1": [2, 0, 1, 3], "relu2_1": range(7)})
    shown = [image for image in images(figure) if image.get_array().shape in ((4, 4), (7, 7))]
    assert len(shown) == 4
    for size in (4, 7):
        column = [image for image in shown if image.get_array().shape == (size, size)]
        assert len({image.get_clim() for image in column}) == 1
    first = features["a"]["relu1_1"].flatten(2)[0]
    assert torch.allclose(torch.tensor(shown[0].get_array()[0, 1]) ** 2, first[2] @ first[0] / 30)
    assert drawn(figure) and drawn(plots.show_layer_grams(features))


def test_gram_difference_is_signed_and_symmetric_about_zero():
    gram, other = torch.tensor([[[4.0, 1.0], [1.0, 1.0]]]), torch.tensor([[[0.0, 1.0], [1.0, 5.0]]])
    figure = plots.show_gram_difference(gram, other, order=[0, 1], marks=[(1, 0)])
    first, second, change = images(figure)[:3]
    assert first.get_clim() == second.get_clim()
    assert change.get_array().tolist() == [[2, 0], [0, -2]] and change.get_clim()[0] == -change.get_clim()[1]
    ring = figure.axes[2].lines[0]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (0, 1)
    assert [text.get_text() for text in figure.axes[2].texts] == ["1, 0"]
    assert drawn(figure)
    with pytest.raises(ValueError, match="same layer"):
        plots.show_gram_difference(gram, torch.ones(1, 3, 3))


def test_gram_pair_shows_two_maps_and_a_product_whose_sum_is_the_entry(features):
    maps = features["a"]["relu2_1"]
    figure = plots.show_gram_pair({"a": maps}, 3, 5, images={"a": torch.rand(1, 3, 12, 10)})
    _, first, second, product = images(figure)[:4]
    assert first.get_clim() == second.get_clim()
    assert float(product.get_array().sum()) == pytest.approx(nstlib.gram_matrix(maps)[0, 3, 5].item(), rel=1e-5)
    assert f"sum {nstlib.gram_matrix(maps)[0, 3, 5]:,.0f}" in figure.axes[3].get_title()
    assert drawn(figure) and drawn(plots.show_gram_pair(torch.zeros(1, 2, 3, 3), 0, 1))


def test_gram_pairs_of_two_pictures_have_one_scale(features):
    maps = {"weak": features["a"]["relu2_1"], "strong": 10 * features["b"]["relu2_1"]}
    figure = plots.show_gram_pair(maps, 0, 1)
    shown = [image for image in images(figure) if image.get_array().shape == (6, 5)]  # without the colour bars
    assert [image.get_clim()[1] for image in shown[:2]] == [image.get_clim()[1] for image in shown[3:5]]
    assert shown[2].get_clim() == shown[5].get_clim()
    assert shown[5].get_clim()[1] == pytest.approx(shown[5].get_array().max())


def test_show_gram_has_signed_colours_for_a_covariance_and_numbers_only_filters_as_they_are_numbered():
    signed = plots.show_gram(
        {"G": torch.tensor([[4.0, 1.0], [1.0, 4.0]]), "C": torch.tensor([[1.0, -9.0], [-9.0, 1.0]])}
    )
    first, second = images(signed)[:2]
    assert first.get_clim() == second.get_clim() == (-3, 3) and second.get_array().tolist() == [[1, -3], [-3, 1]]
    plain, ordered = plots.show_gram(torch.eye(2)), plots.show_gram(torch.eye(2), order=[1, 0], label="r")
    assert images(plain)[0].get_clim()[0] == 0
    assert plain.axes[0].get_xlabel() == "filter j" and len(plain.axes[0].get_xticks())
    assert ordered.axes[0].get_xlabel() == "filter j, reordered" and not len(ordered.axes[0].get_xticks())
    assert ordered.axes[1].get_ylabel() == "r"


def test_embedding_draws_every_picture_and_names_every_group():
    figure = plots.show_embedding(torch.rand(5, 2), [torch.rand(1, 3, 8, 8)] * 5, ["b", "a", "b", "c", "a"])
    assert len(figure.axes[0].artists) == 5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["b", "a", "c"]
    assert drawn(figure)


def test_kernel_writes_the_mean_of_each_block():
    figure = plots.show_kernel(torch.block_diag(torch.full((2, 2), 3.0), torch.full((3, 3), 7.0)), 2, titles=("x", "a"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["mean 3", "mean 0", "mean 0", "mean 7"]
    assert drawn(figure)


def test_layer_weights_are_relative_to_the_last_layer():
    figure = plots.show_layer_weights({"p": {"relu1_1": 2.0, "relu5_1": 2.0}, "q": {"relu1_1": 3000.0, "relu5_1": 3.0}})
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 1, 1000, 1]
    assert "1,000" in [text.get_text() for text in figure.axes[0].texts]
    assert drawn(figure)

"""The figures of lesson 03: what is drawn, read back from matplotlib, without looking at pixels."""

import pytest
import torch

from nstlib import content_loss_gradient
from nstlib.plots import show_content_gradient, show_depth, show_reconstructions, show_tangents


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in [axis.title, *axis.texts]]


def test_reconstructions_one_row_or_two_with_the_detail_enlarged():
    photo = torch.zeros(1, 3, 20, 30)
    photo[..., 4:9, 6:11] = 1
    found = {"relu1_2": photo, "relu5_2": photo + 3}  # out of range: cut off
    assert len(show_reconstructions(photo, found).axes) == 3
    figure = show_reconstructions(photo, found, losses={"relu1_2": 0.012}, detail=(4, 6, 5))
    assert len(figure.axes) == 6
    assert {"photograph", "relu1_2\nloss 1.2 %", "relu5_2"} <= set(texts(figure))
    shown = [axis.images[0].get_array() for axis in figure.axes]
    assert shown[3].shape == (5, 5, 3) and shown[3].min() == 1
    assert max(array.max() for array in shown) == 1
    assert figure._repr_jpeg_()


def test_depth_draws_one_line_for_each_picture_with_names_that_do_not_overlap():
    curves = {
        "a": {"pixels": 0.1, "relu4_2": 0.01},
        "b": {"pixels": 0.1, "relu4_2": 0.0101},
        "c": {"pixels": 0.1, "relu4_2": 0.5},
    }
    axis = show_depth(curves).axes[0]
    assert [list(line.get_ydata()) for line in axis.lines] == [[0.1, 0.01], [0.1, 0.0101], [0.1, 0.5]]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["pixels", "relu4_2"]
    places = {text.get_text(): text.get_position()[1] for text in axis.texts}
    assert places["a"] == 0.01 and places["b"] >= 1.3 * places["a"] and places["c"] == 0.5


def test_tangents_touch_the_curve_with_their_slope():
    x = torch.linspace(-1, 1, 201)
    axis = show_tangents(x, x**2, {0.0: 0.0, 0.5: 1.0, -0.5: -1.0}).axes[0]
    tangents = [line for line in axis.lines[1:] if len(line.get_xdata()) == 2]
    for line, (at, slope) in zip(tangents, [(0, 0), (0.5, 1), (-0.5, -1)], strict=True):
        (x0, x1), (y0, y1) = line.get_xdata(), line.get_ydata()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope) and (y0 + y1) / 2 == pytest.approx(at**2, abs=1e-6)
    assert [text.get_text() for text in axis.texts] == ["slope 0", "slope 1", "slope −1"]


def test_content_gradient_leaves_masked_places_empty_and_shares_scales():
    F = torch.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
    P = torch.tensor([[[[3.0, 0.0], [4.0, 0.0]]]])
    figure = show_content_gradient(F, P, content_loss_gradient(F, P), 0)
    maps = [axis.images[0] for axis in figure.axes[:4]]
    assert maps[3].get_array().tolist() == [[None, 2.0], [-3.0, None]]
    assert maps[2].get_array().tolist() == [[-3.0, 2.0], [-3.0, 0.0]]
    assert maps[0].get_clim() == maps[1].get_clim() == (0, 4)
    assert maps[2].get_clim() == maps[3].get_clim() == (-3, 3)

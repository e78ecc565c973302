"""The figures of lesson 01: what is drawn is what was given."""

import pytest
import torch

from nstlib import plots


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def numbers(axis):
    return [text.get_text() for text in axis.texts]


def test_show_arrays_writes_every_number_on_one_scale():
    figure = plots.show_arrays(
        {"a": torch.tensor([[0.0, -2.0]]), "b": torch.tensor([[0.25], [-0.0], [4.0]])}, marks={"b": (1, 0, 2, 1)}
    )
    a, b = figure.axes
    assert titles(figure) == ["a", "b"] and numbers(a) == ["0", "−2"] and numbers(b) == ["0.25", "0", "4"]
    assert a.images[0].get_clim() == b.images[0].get_clim() == (-4, 4)
    (frame,) = b.patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (-0.5, 0.5, 1, 2)
    assert not a.patches and figure._repr_png_()


def test_show_pixels_takes_the_right_rows_and_columns():
    image = torch.zeros(1, 3, 6, 8)
    image[0, 0, 4, 7] = 1
    figure = plots.show_pixels(image, 4, 6, side=2)
    red, green, _ = figure.axes[2:]
    assert numbers(red) == ["0.00", "1.00", "0.00", "0.00"] and numbers(green) == ["0.00"] * 4
    assert "rows 4 to 5, columns 6 to 7" in titles(figure) and figure._repr_jpeg_()


def test_show_signed_has_zero_in_the_middle_of_one_scale():
    figure = plots.show_signed({"y": -3 * torch.ones(1, 1, 4, 6), "z": torch.ones(1, 1, 4, 6)}, columns=1)
    assert titles(figure) == ["y", "z"]
    assert {axis.images[0].get_clim() for axis in figure.axes[:2]} == {(-3, 3)}
    assert plots.show_signed({"nothing": torch.zeros(1, 1, 4, 6)})._repr_jpeg_()
    with pytest.raises(ValueError, match=r"shape \(1, 3, 4, 6\); wanted \(1, 1, h, w\)"):
        plots.show_signed({"a picture": torch.zeros(1, 3, 4, 6)})


def test_show_filters_shows_weights_over_results():
    weights = torch.arange(27.0).view(1, 3, 3, 3)
    figure = plots.show_filters(
        {"f": weights, "g": -weights}, {"f": torch.ones(1, 1, 6, 8), "g": torch.zeros(1, 1, 6, 8)}, columns=2
    )
    drawn = [axis for axis in figure.axes if axis.images]
    assert len(drawn) == 2 * 4 and {axis.images[0].get_clim() for axis in drawn} == {(-26, 26), (-1, 1)}
    assert numbers(drawn[2])[:3] == ["18.00", "19.00", "20.00"]
    assert figure._repr_jpeg_()


def test_show_receptive_fields_measures_the_squares():
    field = torch.zeros(1, 1, 20, 30)
    field[..., 5:8, 10:14] = 1
    figure = plots.show_receptive_fields(
        torch.rand(1, 3, 20, 30), {"relu1_1": field, "relu2_1": field, "relu3_1": field}
    )
    assert titles(figure) == [f"{layer}: 3 × 4" for layer in ("relu1_1", "relu2_1", "relu3_1")]
    frame = figure.axes[0].patches[0]
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (9.5, 4.5, 4, 3)
    assert figure._repr_jpeg_()


def test_show_profiles_puts_positions_at_their_distance():
    lines = {"relu1_1": torch.tensor([1.0, 0, 0, 0]), "relu2_1": torch.tensor([2.0, 0.5])}
    figure = plots.show_profiles(
        {"zeros": lines, "mirror": {layer: values / 2 for layer, values in lines.items()}},
        width=8,
        reaches={"relu1_1": 1.5, "relu2_1": 5},
    )
    zeros, mirror = figure.axes
    assert titles(figure) == ["zeros", "mirror"] and zeros.get_ylim() == mirror.get_ylim()
    fine, coarse = (patch.get_data() for patch in zeros.patches)
    assert fine.edges.tolist() == [0, 2, 4, 6, 8] and fine.values.tolist() == [1, 0, 0, 0]
    assert coarse.edges.tolist() == [0, 4, 8] and coarse.values.tolist() == [2, 0.5]
    assert mirror.patches[1].get_data().values.tolist() == [1, 0.25]
    assert [line.get_xdata()[0] for line in zeros.lines] == [1.5, 5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["relu1_1", "relu2_1"]
    assert figure._repr_png_() and figure._repr_jpeg_() is None

"""The figures of lesson 07 draw the numbers and the pictures that they are given."""

import numpy as np
import pytest
import torch
from matplotlib.offsetbox import AnnotationBbox

from nstlib import plots

CONTENT, STYLE = [40.0, 10.0, 2.0], [1.0, 3.0, 9.0]
IMAGES = {name: torch.full((1, 3, 6, 8), shade) for name, shade in (("low", 0.1), ("middle", 0.5), ("high", 0.9))}


def boxes(figure):
    return [artist for artist in figure.axes[0].get_children() if isinstance(artist, AnnotationBbox)]


def test_show_front_has_each_picture_at_its_point():
    figure = plots.show_front(CONTENT, STYLE, IMAGES, marked="middle")
    pairs = list(zip(CONTENT, STYLE, strict=True))
    for axis, scale in zip(figure.axes, ("linear", "log"), strict=True):
        line, *points = axis.get_lines()
        assert (list(line.get_xdata()), list(line.get_ydata())) == (CONTENT, STYLE)
        assert [(point.get_xdata()[0], point.get_ydata()[0]) for point in points] == pairs
        first, middle, last = (point.get_color() for point in points)
        assert first == last != middle
        assert axis.get_xscale() == axis.get_yscale() == scale
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("content loss", "style loss")
    found, titles = boxes(figure), figure.axes[0].texts
    assert [box.xy for box in found] == [text.xy for text in titles] == pairs
    assert np.allclose([np.asarray(box.offsetbox.get_data()).mean() for box in found], [0.1, 0.5, 0.9], atol=1e-6)
    assert [text.get_text() for text in titles] == list(IMAGES)
    frames = [box.patch.get_edgecolor() for box in found]
    assert frames[0] == frames[2] != frames[1]
    assert figure._repr_jpeg_() and figure._repr_png_() is None


def test_show_front_leaves_room_for_the_pictures_at_both_ends():
    axis = plots.show_front(CONTENT, STYLE, IMAGES).axes[0]
    assert axis.get_xlim()[0] < 0 and axis.get_xlim()[1] >= 1.2 * 40 and axis.get_ylim()[1] >= 1.3 * 9


def test_show_front_wants_a_picture_for_each_point():
    with pytest.raises(ValueError):
        plots.show_front(CONTENT[:2], STYLE[:2], IMAGES)


def test_show_distances_writes_each_number_at_its_place():
    matrix = torch.tensor([[0.0, 0.25, 2.0], [0.25, 0.0, 1.5], [2.0, 1.5, 0.0]])
    figure = plots.show_distances(matrix, ["a", "b", "c"], label="difference")
    axis = figure.axes[0]
    assert np.array_equal(np.asarray(axis.get_images()[0].get_array()), matrix.numpy())
    assert axis.get_images()[0].get_clim() == (0, 2)
    written = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axis.texts}
    assert written == {(i, j): f"{matrix[i, j].item():.2f}" for i in range(3) for j in range(3)}
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c"]
    assert axis.texts[2].get_color() == "black" and axis.texts[0].get_color() == "white"  # seen on either shade
    assert figure.axes[1].get_ylabel() == "difference"


def test_show_distances_wants_a_name_for_each_row():
    with pytest.raises(ValueError, match="2 names for a matrix of shape"):
        plots.show_distances(torch.zeros(3, 3), ["a", "b"])

"""The curves of lesson 08 draw the numbers that they are given."""

import math

import numpy as np
import pytest
import torch

from nstlib import plots


def lines(axis):
    return {line.get_label(): line for line in axis.get_lines()}


def test_a_curve_of_several_seeds_is_its_median_in_a_band_from_least_to_largest():
    runs = torch.tensor([[8.0, 4.0, 2.0], [9.0, 3.0, 1.0], [7.0, 5.0, 4.0]])
    figure = plots.show_curves(
        {"left": {"a": (range(1, 4), runs)}, "right": {"b": ([1, 2, 3], [6.0, 5.0, 4.0]), "a": ([2, 4, 6], runs)}},
        xlabel=("steps", "seconds"),
        ylabel="loss",
    )
    left, right = figure.axes
    assert (left.get_title(), right.get_title(), left.get_xlabel(), right.get_xlabel()) == (
        "left",
        "right",
        "steps",
        "seconds",
    )
    assert lines(left)["a"].get_xdata().tolist() == [1, 2, 3] and lines(left)["a"].get_ydata().tolist() == [8, 4, 2]
    assert lines(right)["a"].get_xdata().tolist() == [2, 4, 6] and lines(right)["b"].get_ydata().tolist() == [6, 5, 4]
    assert lines(left)["a"].get_color() == lines(right)["a"].get_color() != lines(right)["b"].get_color()
    (band,) = left.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    assert {(1, 7), (2, 3), (3, 1), (1, 9), (2, 5), (3, 4)} == corners
    assert left.get_yscale() == "log" and left.get_ylim() == right.get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


@pytest.mark.parametrize("lost", [math.inf, math.nan])
def test_a_value_that_is_not_finite_is_a_cross_at_the_upper_edge(lost):
    (axis,) = plots.show_curves(
        {"": {"a": ([0.1, 1.0, 10.0], [3.0, 2.0, lost])}}, xlabel="rate", ylabel="loss", xscale="log", points=True
    ).axes
    np.testing.assert_array_equal(lines(axis)["a"].get_ydata(), [3.0, 2.0, math.nan])
    (cross,) = [line for line in axis.get_lines() if line.get_marker() == "x"]
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([10.0], [1.0])
    assert cross.get_transform() == axis.get_xaxis_transform() and axis.get_ylim()[1] < 5
    assert axis.get_xscale() == "log"

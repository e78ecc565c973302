"""The figures of losses, paths and Gram matrices draw the numbers that they are given."""

import numpy as np
import torch

from nstlib import plots

HISTORY = [
    {"step": 1, "time": 0.1, "size": 64, "total": 12.0, "content": 2.0, "style": 10.0},
    {"step": 2, "time": 0.2, "size": 64, "total": 7.0, "content": 3.0, "style": 4.0},
    {"step": 3, "time": 0.4, "size": 96, "total": 5.5, "content": 0.5, "style": 5.0},
]


def test_show_history_draws_each_loss_at_its_step():
    (axis,) = plots.show_history(HISTORY, marks=[2]).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert lines["content"].get_xdata().tolist() == [1, 2, 3] and lines["content"].get_ydata().tolist() == [
        2.0,
        3.0,
        0.5,
    ]
    assert lines["style"].get_ydata().tolist() == [10.0, 4.0, 5.0]
    assert (
        lines["content"].get_color() == plots.COLORS["content"] and lines["style"].get_color() == plots.COLORS["style"]
    )
    assert set(lines) - {"content", "style"} == {label for label in lines if label.startswith("_")}  # "total" has none
    assert [2, 2] in [list(line.get_xdata()) for line in axis.get_lines()]  # the mark
    assert [text.get_text() for text in axis.texts] == ["64 px", "96 px"] and axis.get_yscale() == "log"


def test_show_paths_draws_each_place_in_order():
    paths = {
        "straight": torch.tensor([[2.0, 1.0], [1.0, 0.5], [0.0, 0.0]]),
        "zigzag": torch.tensor([[2.0, 1.0], [-1.0, 0.8]]),
    }
    figure = plots.show_paths(lambda p: p.square().sum(0), paths)
    for axis, (name, path) in zip(figure.axes, paths.items(), strict=True):
        walked = axis.get_lines()[0]
        np.testing.assert_array_equal(np.stack([walked.get_xdata(), walked.get_ydata()], 1), path)
        assert axis.get_title() == f"{name}, {len(path)} steps"


def drawn(figure):
    return [torch.tensor(np.asarray(axis.get_images()[0].get_array())) for axis in figure.axes if axis.get_images()]


def test_show_gram_draws_the_matrix_in_the_order_asked_for_and_on_one_scale():
    G, A = torch.tensor([[9.0, 1.0, 4.0], [1.0, 16.0, 0.0], [4.0, 0.0, 25.0]]), torch.eye(3) * 100
    figure = plots.show_gram({"G": G, "A": A}, order=[2, 0, 1])
    first, second = drawn(figure)
    root = torch.tensor([[5.0, 2.0, 0.0], [2.0, 3.0, 1.0], [0.0, 1.0, 4.0]])  # filters 2, 0, 1
    torch.testing.assert_close(first, root.to(first))
    torch.testing.assert_close(second, (torch.eye(3) * 10).to(second))
    assert [axis.get_images()[0].get_clim() for axis in figure.axes[:2]] == [(0, 10)] * 2
    plain, _ = drawn(plots.show_gram({"G": G, "A": A}))
    torch.testing.assert_close(plain, G.sqrt().to(plain))

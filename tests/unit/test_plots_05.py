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


def test_show_overshoots_draws_the_steps_that_went_well_and_marks_the_others():
    history = [
        {"step": 1, "size": 64, "content": 0.0, "style": 10.0},
        {"step": 2, "size": 64, "content": 5.0, "style": 900.0},  # an overshoot
        {"step": 3, "size": 64, "content": 1.0, "style": 4.0},
        {"step": 4, "size": 64, "content": 9.0, "style": 2.0},  # 11 in sum: another, though each loss is below 10
        {"step": 5, "size": 64, "content": 2.0, "style": 3.0},
    ]
    (axis,) = plots.show_overshoots(history, marks=[3]).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert lines["style"].get_xdata().tolist() == [1, 3, 5] and lines["style"].get_ydata().tolist() == [10, 4, 3]
    assert lines["content"].get_ydata().tolist() == [0, 1, 2]
    triangles = lines["larger than at step 1"]
    assert list(triangles.get_xdata()) == [2, 4] and list(triangles.get_ydata()) == [20, 20]
    assert [text.get_text() for text in axis.texts if text.get_text().isdigit()] == ["2", "4"]
    assert axis.get_ylim() == (0.5, 20) and axis.get_xlim() == (0, 5)
    assert {"content", "style", "larger than at step 1"} == {text.get_text() for text in axis.get_legend().get_texts()}


def test_show_gradient_norms_draws_every_part_on_one_scale():
    norms = {
        "step 1": {"content": 0.0, "relu1_1": 208.2, "relu2_1": 33.4},
        "step 9": {"relu1_1": 1.94, "content": 40.0, "relu2_1": 12.6},  # in another order
    }
    figure = plots.show_gradient_norms(norms)
    assert [axis.get_title() for axis in figure.axes] == ["step 1", "step 9"]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [40.0, 1.94, 12.6]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "208", "33"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["40", "1.9", "13"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["content", "relu1_1", "relu2_1"]
    left, right = (axis.get_xlim() for axis in figure.axes)
    assert left == right and left[0] == 0 and left[1] > 208.2
    top, *_, bottom = (bar.get_y() for bar in figure.axes[0].patches)
    assert figure.axes[0].get_ylim()[0] > bottom > top  # the first part stands above

"""The figure of lesson 09 draws the numbers that it is given."""

from nstlib import plots


def test_show_losses_draws_each_program_at_its_steps():
    (axis,) = plots.show_losses({"right": [4.0, 2.0, 1.0], "broken": [4.0, 8.0]}).axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert list(lines["right"].get_xdata()) == [1, 2, 3] and list(lines["right"].get_ydata()) == [4.0, 2.0, 1.0]
    assert list(lines["broken"].get_xdata()) == [1, 2] and list(lines["broken"].get_ydata()) == [4.0, 8.0]
    assert lines["right"].get_color() != lines["broken"].get_color()
    assert axis.get_yscale() == "log" and axis.get_xlim() == (1, 3)
    (axis,) = plots.show_losses({"right": [4.0, 2.0, 1.0]}, log=False).axes
    assert axis.get_yscale() == "linear"

"""Explorers for a notebook: activations, Gram matrices, a style transfer while it runs, pictures compared under a divider.

Only this package uses ipywidgets. Each function returns a box of widgets, the last value of a cell; where no kernel runs, its
stored picture is shown in its place. Lesson: notebooks/06_explorers.
"""

from nstlib.widgets.activations import explore_activations
from nstlib.widgets.comparison import compare
from nstlib.widgets.gram import explore_gram
from nstlib.widgets.transfer import live_style_transfer

__all__ = ["compare", "explore_activations", "explore_gram", "live_style_transfer"]

"""Explorers for a notebook: activations, Gram matrices, a style transfer while it runs, pictures compared under a
divider.

Only this package uses ipywidgets. Each function returns a box of widgets, the last value of a cell; where no kernel
runs, its stored picture is shown in its place. Lesson: notebooks/06_explorers.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activations": ["explore_activations"],
        "comparison": ["compare"],
        "gram": ["explore_gram"],
        "transfer": ["live_style_transfer"],
    },
)

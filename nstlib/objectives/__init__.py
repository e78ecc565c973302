"""What is minimised: functions from a picture to its weighted losses, made of a photograph, paintings and a network.

An *objective* is any function `image -> {"content": tensor, "style": tensor, ...}` of already weighted scalars;
`nstlib.optimize_image` adds them up. Here losses, layers, weights, masks and sizes of the picture meet, and nowhere
else. Lessons: notebooks/04_gram_matrices_and_style, section 10, and notebooks/05_style_transfer.
"""

from nstlib.objectives.arguments import (
    CONTENT_LAYERS,
    CONTENT_WEIGHT,
    PAPER,
    PAPER_CONTENT_LAYERS,
    PAPER_STYLE_LAYERS,
    STYLE_LAYERS,
    Objective,
    check_objective,
)
from nstlib.objectives.gatys import gatys_objective
from nstlib.objectives.others import content_objective, gradient_shares, texture_objective

__all__ = [
    "CONTENT_LAYERS",
    "CONTENT_WEIGHT",
    "PAPER",
    "PAPER_CONTENT_LAYERS",
    "PAPER_STYLE_LAYERS",
    "STYLE_LAYERS",
    "Objective",
    "check_objective",
    "content_objective",
    "gatys_objective",
    "gradient_shares",
    "texture_objective",
]

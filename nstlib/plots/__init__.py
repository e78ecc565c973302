"""Every figure of the course; the only package that uses matplotlib. Each function returns its Figure and works without a display.

Pictures of one row have one height, titles name what differs, colour maps are colour-blind safe.
"""

from nstlib.plots.activations import (
    colored,
    receptive_field,
    show_activations,
    show_by_layer,
    show_patches,
    show_weights,
    strongest_patches,
)
from nstlib.plots.arrays import (
    show_arrays,
    show_filters,
    show_pixels,
    show_receptive_fields,
    show_signed,
)
from nstlib.plots.content import (
    show_content_gradient,
    show_depth,
    show_reconstructions,
    show_tangents,
)
from nstlib.plots.figures import (
    COLORS,
    LINES,
    Figure,
    show_history,
    show_images,
    show_paths,
)
from nstlib.plots.gram import (
    cluster_order,
    show_embedding,
    show_gram,
    show_gram_difference,
    show_gram_pair,
    show_kernel,
    show_layer_grams,
    show_layer_weights,
)

__all__ = [
    "COLORS",
    "LINES",
    "Figure",
    "cluster_order",
    "colored",
    "receptive_field",
    "show_activations",
    "show_arrays",
    "show_by_layer",
    "show_content_gradient",
    "show_depth",
    "show_embedding",
    "show_filters",
    "show_gram",
    "show_gram_difference",
    "show_gram_pair",
    "show_history",
    "show_images",
    "show_kernel",
    "show_layer_grams",
    "show_layer_weights",
    "show_patches",
    "show_paths",
    "show_pixels",
    "show_receptive_fields",
    "show_reconstructions",
    "show_signed",
    "show_tangents",
    "show_weights",
    "strongest_patches",
]

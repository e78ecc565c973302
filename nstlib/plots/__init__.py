"""Every figure of the course; the only package that uses matplotlib. Each function returns its Figure and works without
a display.

Pictures of one row have one height, titles name what differs, colour maps are colour-blind safe.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activations": [
            "colored",
            "show_activations",
            "show_by_layer",
            "show_patches",
            "show_weights",
            "strongest_patches",
        ],
        "arrays": [
            "show_arrays",
            "show_filters",
            "show_pixels",
            "show_profiles",
            "show_receptive_fields",
            "show_signed",
        ],
        "content": ["show_content_gradient", "show_depth", "show_reconstructions", "show_tangents"],
        "curves": ["show_curves"],
        "figures": ["Figure", "show_history", "show_images", "show_paths"],
        "fronts": ["show_distances", "show_front"],
        "gram": [
            "cluster_order",
            "show_gram",
            "show_gram_difference",
            "show_gram_pair",
            "show_layer_grams",
        ],
        "losses": ["show_losses"],
        "style": [
            "show_embedding",
            "show_gradient_norms",
            "show_kernel",
            "show_layer_weights",
            "show_overshoots",
        ],
        "palette": ["COLORS", "LINES"],
    },
)

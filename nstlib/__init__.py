"""nstlib: image style transfer with convolutional neural networks (Gatys, Ecker and Bethge, CVPR 2016), to read and to
run.

The names below are the whole of it. A module is loaded when one of its names is first used.
"""

import os

import lazy_loader

# Before PyTorch is loaded: on Linux its threads wait for each other in a loop of so many turns, and then sleep. By
# default it is thirty times as long, and beside another busy program a painting took thirty times its time; with this,
# four times, and 7 % more on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# Before PyTorch makes its first large tensor: on Linux its memory then comes in pages of 2 MB, and one evaluation of
# the paper's objective takes about a twentieth less time (tools/benchmark.py, 384 and 512 pixels).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"

_attach, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "checks",
        "color",
        "distances",
        "estimates",
        "experiments",
        "files",
        "images",
        "losses",
        "machine",
        "networks",
        "objectives",
        "optimize",
        "plots",
        "transfer",
        "widgets",
    ],
    submod_attrs={
        "color": ["match_color", "transfer_luminance"],
        "experiments": ["sweep"],
        "images": ["fetch_picture", "load_image", "picture_info", "picture_names", "resize_image", "save_image"],
        "losses": [
            "content_loss",
            "content_loss_gradient",
            "gram_matrix",
            "layer_style_loss",
            "style_loss",
            "style_loss_gradient",
            "total_variation",
        ],
        "networks": ["FeatureNetwork", "load_network", "normalize_activations"],
        "objectives": ["PAPER", "content_objective", "gatys_objective", "texture_objective"],
        "optimize": ["Result", "Stage", "Stopped", "coarse_to_fine", "optimize_image"],
        "estimates": ["estimate"],
        "transfer": ["reconstruct_content", "style_transfer", "synthesize_texture"],
    },
)


def __getattr__(name: str):
    try:
        return _attach(name)
    except (ImportError, OSError) as error:  # OSError: a library of the system's, such as Windows' C++ runtime
        from nstlib.machine import pytorch_error

        if told := pytorch_error(error):
            raise told from error
        raise

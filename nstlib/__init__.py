"""nstlib: image style transfer with convolutional neural networks (Gatys, Ecker and Bethge, CVPR 2016), to read and to run.

The names below are the whole of it; each lives in the module that its docstring and its lesson explain.
"""

import os

# Before PyTorch is loaded: on Linux its threads wait for each other in a loop of so many turns, and then sleep. By default it is thirty times
# as long, and beside another busy program a painting took thirty times its time; with this, four times, and 7 % more on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# Before PyTorch makes its first large tensor: on Linux its memory then comes in pages of 2 MB, and large pictures paint faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

try:
    import torch  # noqa: F401
except (ImportError, OSError) as error:  # OSError: a library of the system's is missing, such as Windows' C++ runtime
    raise ImportError(f"nstlib needs PyTorch, which cannot be imported here: {error}. Install it anew (pip install --force-reinstall torch); "
                      "on Windows, Microsoft's Visual C++ Redistributable too.") from error

from nstlib.images import fetch_picture, load_image, picture_info, picture_names, resize_image, save_image
from nstlib.losses import (
    content_loss,
    content_loss_gradient,
    gram_matrix,
    layer_style_loss,
    style_loss,
    style_loss_gradient,
    total_variation,
)
from nstlib.networks import FeatureNetwork, load_network, normalize_activations
from nstlib.objectives import PAPER, gatys_objective
from nstlib.optimize import Result, optimize_image, reconstruct_content, style_transfer, synthesize_texture
from nstlib.sweep import sweep

__version__ = "0.1.0"
__all__ = [
    "PAPER",
    "FeatureNetwork",
    "Result",
    "content_loss",
    "content_loss_gradient",
    "fetch_picture",
    "gatys_objective",
    "gram_matrix",
    "layer_style_loss",
    "load_image",
    "load_network",
    "normalize_activations",
    "optimize_image",
    "picture_info",
    "picture_names",
    "reconstruct_content",
    "resize_image",
    "save_image",
    "style_loss",
    "style_loss_gradient",
    "style_transfer",
    "sweep",
    "synthesize_texture",
    "total_variation",
]

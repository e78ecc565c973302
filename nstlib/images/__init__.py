"""Pictures: files and bytes to tensors and back, and pictures by name.

One convention everywhere: an *image* is a tensor of shape (1, 3, H, W), float32, sRGB values in [0, 1].
"""

from nstlib.images.reading import Picture, load_image
from nstlib.images.registry import DATA, fetch_picture, find_picture, picture_info, picture_names
from nstlib.images.sizes import resize_image, resized_shape, tell_enlarged
from nstlib.images.writing import save_image

__all__ = [
    "DATA",
    "Picture",
    "fetch_picture",
    "find_picture",
    "load_image",
    "picture_info",
    "picture_names",
    "resize_image",
    "resized_shape",
    "save_image",
    "tell_enlarged",
]

"""The networks whose activations say what a picture shows and how it is painted."""

from nstlib.networks.devices import default_device, fast_precision
from nstlib.networks.layers import (
    CONVOLUTIONS,
    CONVOLUTIONS_PER_BLOCK,
    VGG19_WIDTHS,
    block_of,
    least_size,
    receptive_field,
)
from nstlib.networks.network import IMAGENET_MEAN, IMAGENET_STD, FeatureNetwork
from nstlib.networks.normalization import normalize_activations
from nstlib.networks.weights import load_network, vgg19_file

__all__ = [
    "CONVOLUTIONS",
    "CONVOLUTIONS_PER_BLOCK",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "VGG19_WIDTHS",
    "FeatureNetwork",
    "block_of",
    "default_device",
    "fast_precision",
    "least_size",
    "load_network",
    "normalize_activations",
    "receptive_field",
    "vgg19_file",
]

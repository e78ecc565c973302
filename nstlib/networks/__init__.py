"""The networks whose activations say what a picture shows and how it is painted."""

from nstlib.networks.devices import default_device, fast_precision
from nstlib.networks.layers import (
    CONVOLUTIONS,
    CONVOLUTIONS_PER_BLOCK,
    LAYERS,
    VGG19_WIDTHS,
    block_of,
    check_shapes,
    check_size,
    layer_names,
    least_size,
    receptive_field,
    scaled_size,
)
from nstlib.networks.network import IMAGENET_MEAN, IMAGENET_STD, FeatureNetwork, check_network
from nstlib.networks.normalization import normalize_activations
from nstlib.networks.weights import as_network, load_network, transfer_network, vgg19_file

__all__ = [
    "CONVOLUTIONS",
    "CONVOLUTIONS_PER_BLOCK",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "LAYERS",
    "VGG19_WIDTHS",
    "FeatureNetwork",
    "as_network",
    "block_of",
    "check_network",
    "check_shapes",
    "check_size",
    "default_device",
    "fast_precision",
    "layer_names",
    "least_size",
    "load_network",
    "normalize_activations",
    "receptive_field",
    "scaled_size",
    "transfer_network",
    "vgg19_file",
]

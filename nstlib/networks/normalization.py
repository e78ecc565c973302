"""The paper's rescaling of a network."""

from collections.abc import Iterable

import torch
from torch import Tensor

from nstlib.networks.network import FeatureNetwork


@torch.no_grad()
def normalize_activations(network: FeatureNetwork, images: Iterable[Tensor]) -> FeatureNetwork:
    """The paper's rescaling: the same network with every filter's mean activation over images and positions equal to
    one.

    With μᵢ the mean of filter i of layer l after its ReLU, W′ᵢⱼ = Wᵢⱼ μⱼ⁽ˡ⁻¹⁾ / μᵢ⁽ˡ⁾ and b′ᵢ = bᵢ / μᵢ⁽ˡ⁾ (Gatys et
    al. 2016, section 2). A ReLU network's activations only scale along, F′ᵢ = Fᵢ / μᵢ: nothing else changes, for either
    kind of pooling.

    Parameters
    ----------
    network : FeatureNetwork
    images : Tensors (B, 3, H, W) in [0, 1], any sizes, at least one

    Returns
    -------
    FeatureNetwork: a new one. A filter that no image excites (mean zero) keeps its scale.
    """
    relus = [name for name in network.layers if name.startswith("relu")]
    total, positions = dict.fromkeys(relus, 0.0), dict.fromkeys(relus, 0)
    for image in images:
        for name, features in network(image, relus).items():
            total[name] = total[name] + features.cpu().double().sum((0, 2, 3))  # Apple's MPS has no double
            positions[name] += features.shape[0] * features.shape[2] * features.shape[3]
    if not positions["relu1_1"]:
        raise ValueError("normalize_activations needs at least one image, and `images` is empty.")
    weights, before = {}, None
    for name in relus:
        mean = total[name] / positions[name]
        mean = torch.where(mean > 0, mean, 1.0).to(network.mean)
        convolution = network.get_submodule(name.replace("relu", "conv"))
        weight = convolution.weight / mean.view(-1, 1, 1, 1)
        weights[name.replace("relu", "conv") + ".weight"] = (
            weight if before is None else weight * before.view(1, -1, 1, 1)
        )
        weights[name.replace("relu", "conv") + ".bias"] = convolution.bias / mean
        before = mean
    return FeatureNetwork(
        weights,
        mean=network.mean.flatten().tolist(),
        std=network.std.flatten().tolist(),
        pooling=network.pooling,
        edges=network.edges,
        name=network.name,
    ).to(network.device)

"""Objectives with one of the two losses alone, and what each loss of an objective pulls at."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nstlib.losses import content_loss
from nstlib.networks import FeatureNetwork
from nstlib.objectives.arguments import Objective
from nstlib.objectives.gatys import gatys_objective


def content_objective(image: Tensor, layer: str, network: FeatureNetwork) -> Objective:
    """The activations of `image` at one layer: what `reconstruct_content` looks for.

        L_content(p, x, l) / L_content(p, 0, l)        equation 1, as a share of what it is for activations of zero;
        notebooks/03_content

    Parameters
    ----------
    image : Tensor (1, 3, H, W) in [0, 1]
    layer : name of an activation
    network : FeatureNetwork

    Returns
    -------
    Objective: image (1, 3, H, W) -> {"content": …}

    >>> from nstlib import load_network
    >>> white = torch.ones(1, 3, 32, 32)
    >>> content_objective(white, "relu2_1", load_network(device="cpu"))(white)["content"].item()
    0.0
    """
    with torch.no_grad():
        target = network(image, [layer])[layer]  # P
    whole = content_loss(torch.zeros_like(target), target)
    return lambda x: {"content": content_loss(network(x, [layer])[layer], target) / whole}


def texture_objective(
    style: Tensor,
    layers: Sequence[str],
    network: FeatureNetwork,
    *,
    layer_weights: Sequence[float] | None = None,
    relative: bool = True,
) -> Objective:
    """The Gram matrices of `style`, at one size of the picture: what `synthesize_texture` looks for.

        Σₗ wₗ Eₗ(G, A) / Eₗ(0, A)        equation 5, each layer relative to its own Gram matrix;
        notebooks/04_gram_matrices_and_style

    Parameters as for `gatys_objective`. The picture may have any size.

    >>> from nstlib import load_network
    >>> white = torch.ones(1, 3, 32, 32)
    >>> texture_objective(white, ["relu1_1"], load_network(device="cpu"))(white)["style"].item()
    0.0
    """
    return gatys_objective(
        style,
        style,
        network,
        content_layers=(),
        style_layers=layers,
        layer_weights=layer_weights,
        content_weight=0,
        scales=1,
        relative=relative,
    )


def gradient_shares(image: Tensor, objective: Objective) -> dict[str, float]:
    """How much of the pull on the pixels comes from each loss: lengths of their gradients, as shares of the sum of all
    lengths.

    >>> gradient_shares(torch.ones(1, 1), lambda x: {"one": x.sum(), "three": 3 * x.sum()})
    {'one': 0.25, 'three': 0.75}
    """
    image = image.detach().requires_grad_(True)
    losses = objective(image)
    lengths = {
        name: torch.autograd.grad(loss, image, retain_graph=True)[0].norm().item() for name, loss in losses.items()
    }
    return {name: length / (sum(lengths.values()) or 1) for name, length in lengths.items()}

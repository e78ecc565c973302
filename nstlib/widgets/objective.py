"""What the live transfer minimises, layer by layer, and how hard each layer pulls."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.losses import content_loss, gram_matrix, layer_style_loss
from nstlib.networks import FeatureNetwork
from nstlib.optimize import _paper_scale


def live_objective(content: Tensor, style: Tensor, network: FeatureNetwork, *, content_layers: tuple[str, ...], style_layers: tuple[str, ...],
                   content_weight: float, style_weight: float) -> Callable[[Tensor], dict[str, Tensor]]:
    """The objective of `style_transfer`, layer by layer: image -> {"content relu4_2": …, "style relu1_1": …, …}, already weighted.

    `content` and `style` are image tensors at the size of the result.
    """
    with torch.no_grad():
        targets, painted = network(content, content_layers), network(style, style_layers)
        grams = {name: gram_matrix(f) for name, f in painted.items()}
        counts = {name: f.shape[2] * f.shape[3] for name, f in painted.items()}
    scale = {name: content_weight * _paper_scale(name, target, content) for name, target in targets.items()}
    layers = [*content_layers, *style_layers]

    def objective(image: Tensor) -> dict[str, Tensor]:
        features = network(image, layers)
        losses = {f"content {q}": scale[q] * content_loss(features[q], targets[q]) for q in targets}
        for q in grams:
            losses[f"style {q}"] = style_weight / len(grams) * layer_style_loss(features[q], grams[q], target_positions=counts[q])
        return losses

    return objective


def gradient_shares(image: Tensor, objective: Callable[[Tensor], dict[str, Tensor]]) -> dict[str, float]:
    """How much of the pull on the pixels comes from each loss: lengths of their gradients, as shares of the sum of all lengths."""
    image = image.detach().requires_grad_(True)
    losses = objective(image)
    lengths = {name: torch.autograd.grad(loss, image, retain_graph=True)[0].norm().item() for name, loss in losses.items()}
    return {name: length / (sum(lengths.values()) or 1) for name, length in lengths.items()}

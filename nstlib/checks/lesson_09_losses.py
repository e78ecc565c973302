"""Three broken losses of lesson 09: bugs 8, 9 and 10.

The source of each broken version is what the lesson shows (tests/course/test_bugs.py holds the two together). Right
versions may differ by one factor for all, as public programs do.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nstlib.checks.lesson_09_judge import Bug

Layers = Mapping[str, Tensor]


# Bug 8: equation 4 for each layer, up to one factor for all layers


def style_terms(features, grams, size):  # equation 4 for each layer; size = (H, W) of the picture
    N, M = 3, size[0] * size[1]
    terms = {}
    for layer, maps in features.items():
        rows = maps[0].flatten(1)
        terms[layer] = (rows @ rows.T - grams[layer]).square().sum() / (4 * N**2 * M**2)
    return terms


def _terms_equation_4(features: Layers, grams: Layers, size: tuple[int, int]) -> dict[str, Tensor]:
    terms = {}
    for layer, maps in features.items():
        rows = maps[0].flatten(1)
        N, M = rows.shape
        terms[layer] = (rows @ rows.T - grams[layer]).square().sum() / (4 * N**2 * M**2)
    return terms


def _terms_mean(features: Layers, grams: Layers, size: tuple[int, int]) -> dict[str, Tensor]:
    rows = {layer: maps.flatten(2)[0] for layer, maps in features.items()}
    return {
        layer: torch.nn.functional.mse_loss(F @ F.T / F.shape[1], grams[layer] / F.shape[1])
        for layer, F in rows.items()
    }


def _terms_scaled(features: Layers, grams: Layers, size: tuple[int, int]) -> dict[str, Tensor]:
    """Activations divided by the root of the number of positions first."""
    terms = {}
    for layer, maps in features.items():
        M = maps[0, 0].numel()
        F = maps / M**0.5
        difference = torch.einsum("ihw,jhw->ij", F[0], F[0]) - grams[layer] / M
        terms[layer] = 0.5 * (difference / len(difference)).square().sum()
    return terms


def _blind_8(calls: Sequence[Mapping]) -> str:
    shapes = [{(maps.shape[1], maps[0, 0].numel()) for maps in call["features"].values()} for call in calls]
    if len(set().union(*shapes)) == 1:
        return "All your layers have as many filters and as many positions. With one constant for all, nothing can be wrong."
    if max(map(len, shapes)) == 1 and len({tuple(call["size"]) for call in calls}) > 1:
        return "You changed `size` together with the layer. Hand over both layers in one call, with one `size`."
    return ""


BUG_8 = Bug(
    told="One normaliser for all layers: 3 channels and the picture's size, where each layer has its own N and M.",
    broken=style_terms,
    right=_terms_equation_4,
    others=(
        (_terms_mean, "leaves out the factor ¼ in all layers (one factor for all is allowed)"),
        (_terms_scaled, "has ½ in place of ¼ in all layers (one factor for all is allowed)"),
    ),
    blind=_blind_8,
    hints=(
        "Each E is a mean. What happens to a mean, if everything is there twice?",
        "Make two layers out of the same activations, in one call, with one `size`: once as they are, and once with a "
        "copy beside them (torch.cat([F, F], 3)). The Gram matrix and its target double.",
        "Both terms must be equal, because each is divided by its own M². Compare the two layers with each other; a "
        "number from equation 4 would refuse right versions with another factor.",
    ),
)


# Bug 9: the mean, over the pictures of a batch, of each one's style loss, up to one factor


def style_loss(features, painting):  # the mean over a batch; both (B, N, h, w)
    B, N, h, w = features.shape

    def gram(maps):
        rows = maps.reshape(B * N, h * w)
        return rows @ rows.T / (B * N * h * w)

    return (gram(features) - gram(painting)).square().sum()


def _batch_gram(maps: Tensor) -> Tensor:
    return maps.flatten(2) @ maps.flatten(2).mT / maps[0].numel()


def _batch_mean(features: Tensor, painting: Tensor) -> Tensor:
    return (_batch_gram(features) - _batch_gram(painting)).square().sum((1, 2)).mean()


def _batch_loop(features: Tensor, painting: Tensor) -> Tensor:
    losses = []
    for maps, wanted in zip(features, painting, strict=True):
        F, S = maps.flatten(1), wanted.flatten(1)
        losses.append((F @ F.T - S @ S.T).square().sum() / (4 * maps.numel() ** 2))
    return sum(losses) / len(losses)


def _batch_einsum(features: Tensor, painting: Tensor) -> Tensor:
    G, A = (torch.einsum("bihw,bjhw->bij", maps, maps) for maps in (features, painting))
    return ((G - A) / (features.shape[2] * features.shape[3])).square().mean()


def _blind_9(calls: Sequence[Mapping]) -> str:
    batches = [call["features"] for call in calls if len(call["features"]) > 1]
    if not batches:
        return "Your batches hold one picture each. With one there is nothing to mix."
    if all(bool((batch == batch[:1]).all()) for batch in batches):
        return "The pictures of your batch are all the same, and then the mixed matrix has the right loss by chance."
    return ""


BUG_9 = Bug(
    told="One Gram matrix was taken over the whole batch, so pictures were compared with each other.",
    broken=style_loss,
    right=_batch_mean,
    others=(
        (_batch_loop, "has a factor ¼ (one factor for all is allowed)"),
        (_batch_einsum, "divides by another constant (one factor for all is allowed)"),
    ),
    blind=_blind_9,
    hints=(
        "What should the loss of a picture care about the other pictures of its batch?",
        "Take two different pictures. You know what the loss of both must be from the loss of each alone.",
        "Assert that the loss of torch.cat([x, y]) is the mean of the losses of x and of y, within rounding.",
    ),
)


# Bug 10: weight × distance, for any mean or sum of squares


def content_loss(features, target, weight):  # weight times the distance
    features, target = features * weight, target.detach() * weight
    return torch.nn.functional.mse_loss(features, target)


def _weighted_mean(features: Tensor, target: Tensor, weight: float) -> Tensor:
    return weight * torch.nn.functional.mse_loss(features, target.detach())


def _weighted_sum(features: Tensor, target: Tensor, weight: float) -> Tensor:
    return weight * 0.5 * (features - target.detach()).square().sum()


def _weighted_root(features: Tensor, target: Tensor, weight: float) -> Tensor:
    """The root of the weight inside the square."""
    return ((features - target.detach()) * weight**0.5).square().sum() / len(features)


def _blind_10(calls: Sequence[Mapping]) -> str:
    if all(call["weight"] in (0, 1) for call in calls):
        return "The square of 1 is 1, and the square of 0 is 0. Take another weight."
    if all(torch.equal(call["features"], call["target"]) for call in calls):
        return "Your activations are equal to their target, so the loss is 0 for any weight."
    return ""


BUG_10 = Bug(
    told="The weight stood inside the square: ten times the weight was a hundred times the loss.",
    broken=content_loss,
    right=_weighted_mean,
    others=(
        (_weighted_sum, "takes half the sum in place of the mean"),
        (_weighted_root, "takes a sum and has no ½"),
    ),
    blind=_blind_10,
    hints=(
        "What should happen to the loss when the weight is doubled?",
        "Compare two weights with each other, not with a number: some right versions take a mean, others a sum.",
        "Assert that the loss with weight 6 is twice the loss with weight 3, and that neither is 0.",
    ),
)

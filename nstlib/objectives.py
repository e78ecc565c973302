"""What is minimised: a function from the picture to its weighted losses, made of a photograph, a painting and a
network.

An *objective* is any function `image -> {"content": tensor, "style": tensor, ...}` of already weighted scalars;
    `nstlib.optimize_image`
adds them up. Here losses, layers, weights and sizes of the picture meet, and nowhere else. Lessons:
notebooks/04_gram_matrices_and_style, section 10, and notebooks/05_style_transfer.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from nstlib.arguments import WEIGHTS, check_weight, whole_number
from nstlib.losses import content_loss, gram_matrix, layer_style_loss, total_variation
from nstlib.networks import FeatureNetwork, check_network, check_size, layer_names
from nstlib.pyramid import count_scales, halve

Objective = Callable[[Tensor], dict[str, Tensor]]  # image -> weighted losses, by name

#: The layers of the paper's figure 3, one for each block.
PAPER_CONTENT_LAYERS, PAPER_STYLE_LAYERS = ("relu4_2",), ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
#: The paper's objective, as keywords of `gatys_objective` and `style_transfer`: equations 1, 4, 5 and 7 as they stand.
#: Its α depends on painting, size and network; this one is for `mini` at 256 pixels and a painting such as night_swirls
#: (notebooks/05_style_transfer).
PAPER = {
    "content_layers": PAPER_CONTENT_LAYERS,
    "style_layers": PAPER_STYLE_LAYERS,
    "relative": False,
    "scales": 1,
    "content_weight": 5e-7,
}
#: Ours, chosen by eye and by a judge (data/README.md).
CONTENT_LAYERS, STYLE_LAYERS = ("relu3_2",), ("relu1_1", "relu2_1", "relu3_1", "relu3_2", "relu3_4")
CONTENT_WEIGHT = 0.005

EPSILON = 1e-12  # no division by zero where a picture excites no filter of a layer
CONTENT_SIDE = 192  # contents are compared at the copy whose longer side is nearest to this


def gatys_objective(
    content: Tensor,
    style: Tensor,
    network: FeatureNetwork,
    *,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    layer_weights: Sequence[float] | Mapping[str, float] | None = None,
    content_weight: float = CONTENT_WEIGHT,
    style_weight: float = 1,
    tv_weight: float = 0,
    scales: int | None = None,
    relative: bool = True,
    by_layer: bool = False,
) -> Objective:
    """Content, style and roughness of a picture, weighted, as a function of its pixels.

        L_total = α L_content + β L_style + γ TV        equation 7; notebooks/05_style_transfer

    With `relative=False` the losses are the paper's: L_content of equation 1, and L_style = Σₗ wₗ Eₗ with E of equation
    4. There a layer with large Gram matrices outweighs the others, and α must follow the picture's size and the
    network. So with `relative=True` each loss is divided by what it would be for activations of zero, for a picture in
    which the network sees nothing:

        L_content = ‖F − P‖² / ‖P‖²        L_style = Σₗ wₗ ‖Gₗ − Aₗ‖² / ‖Aₗ‖²
        notebooks/04_gram_matrices_and_style, section 10

    Parameters
    ----------
    content, style : Tensor (1, 3, H, W) in [0, 1]
        Photograph and painting. The picture is as large as the photograph; the painting may have another size, its A
        counts per position.
    network : FeatureNetwork
    content_layers, style_layers : names of activations; the content loss is the mean over its layers
    layer_weights : wₗ, one for each style layer, in their order or by name; 1 / (number of layers) where None
    content_weight, style_weight, tv_weight : α, β, and γ of `total_variation`, which is not in the paper
    scales : int, optional
        At how many sizes styles are compared: at the picture itself, its half, its quarter and so on; L_style is the
        mean over them. In a copy of half the size a filter sees twice as much of the picture. None: down to a longer
        side of 60 pixels or a little more. Contents are compared at one of these sizes, the one whose longer side is
        nearest to 192 pixels.
    relative : bool
    by_layer : bool
        Name each layer's loss by itself: "content relu3_2", "style relu1_1", … They add up to the same.

    Returns
    -------
    Objective: image (1, 3, H, W) -> {"content": …, "style": …, "tv": …}, without those of weight 0

    Raises
    ------
    ValueError: an unknown layer or one twice, a weight that is negative, not finite or beyond float32, not one for each
    layer, nothing to paint for, or a picture too small for a layer.

    Examples
    --------
    >>> from nstlib import load_network
    >>> black, white = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    >>> objective = gatys_objective(black, white, load_network(device="cpu"))
    >>> objective(black)["content"].item(), objective(white)["style"].item()  # at the photograph, at the painting
    (0.0, 0.0)
    """
    (content_layers, style_layers, layer_weights, content_weight, style_weight, tv_weight, scales, _) = check_objective(
        content_layers, style_layers, layer_weights, content_weight, style_weight, tv_weight, scales, relative
    ).values()
    check_network(network)
    w = dict.fromkeys(style_layers, 1 / max(1, len(style_layers)))
    w |= dict(zip(style_layers, layer_weights or (), strict=False))
    content_layers, style_layers = content_layers if content_weight else (), style_layers if style_weight else ()
    check_size("The photograph", content.shape[-2:], [*content_layers, *style_layers])
    check_size("The painting", style.shape[-2:], style_layers)
    halvings = range(count_scales(content, style, [*content_layers, *style_layers], scales))
    content_at = min(halvings, key=lambda k: abs(math.log2(max(content.shape[-2:]) / CONTENT_SIDE) - k))
    layers = [{*style_layers, *(content_layers if k == content_at else ())} for k in halvings]

    # k -> layer -> target, its positions, and what its loss is multiplied by
    A, M_a, style_factor = ([{} for _ in halvings] for _ in range(3))
    with torch.no_grad():
        P = network(halve(content, content_at), content_layers)
        content_factor = {
            l: content_weight / len(P) / (content_loss(torch.zeros_like(p), p) + EPSILON if relative else 1)
            for l, p in P.items()
        }
        for k in halvings:
            for l, features in network.activations(halve(style, k), style_layers):
                A[k][l], M_a[k][l] = gram_matrix(features), features[0, 0].numel()
                unit = layer_style_loss(torch.zeros_like(features), A[k][l]) + EPSILON if relative else 1
                style_factor[k][l] = style_weight * w[l] / len(halvings) / unit

    def objective(image: Tensor) -> dict[str, Tensor]:
        losses = {}

        def add(kind: str, l: str, loss: Tensor) -> None:
            name = f"{kind} {l}" if by_layer else kind
            losses[name] = losses.get(name, 0) + loss

        for k in halvings:
            for l, features in network.activations(
                halve(image, k), layers[k]
            ):  # each loss as soon as its layer is there: less memory
                if k == content_at and l in P:
                    add("content", l, content_factor[l] * content_loss(features, P[l]))
                if l in A[k]:
                    add(
                        "style", l, style_factor[k][l] * layer_style_loss(features, A[k][l], target_positions=M_a[k][l])
                    )
        if tv_weight:
            losses["tv"] = tv_weight * total_variation(image)
        return dict(sorted(losses.items()))  # content, style, tv

    return objective


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


def check_objective(
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    layer_weights: Sequence[float] | Mapping[str, float] | None,
    content_weight: float,
    style_weight: float,
    tv_weight: float,
    scales: int | None,
    relative: bool = True,
) -> dict:
    """These arguments of `gatys_objective` in their plainest form: tuples of names, weights as floats, those of the
    layers in the order of `style_layers`. ValueError, as `gatys_objective` raises it, where one is impossible whatever
    the pictures are.
    """
    layers = {"content_layers": layer_names(content_layers), "style_layers": layer_names(style_layers)}
    for name, names in layers.items():
        if twice := [l for l in names if names.count(l) > 1]:
            raise ValueError(
                f"{name} has {twice[0]!r} twice; leave it out once. (layer_weights can make it count more.)"
            )
    weights = {"content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight}
    weights = {name: check_weight(name, weight) for name, weight in weights.items()}
    w = _layer_weights(layer_weights, layers["style_layers"])
    content = weights["content_weight"] if layers["content_layers"] else 0
    style = weights["style_weight"] * max(w or (1,)) if layers["style_layers"] else 0
    if not (content or style):
        raise ValueError(
            "content_weight and style_weight are both 0 (or there are no layers), so there is nothing to paint for."
        )
    if max(content, style) < WEIGHTS[0]:
        raise ValueError(
            f"content_weight is {content_weight!r} and style_weight {style_weight!r}: so little is 0 in float32. Only "
            "their ratio counts; multiply both by the same number, so that one of them is about 1."
        )
    if scales is not None and (whole_number(scales) or 0) < 1:
        raise ValueError(f"scales is {scales!r}; it must be a whole number of at least 1, or None.")
    scales = None if scales is None else whole_number(scales)
    return {**layers, "layer_weights": w, **weights, "scales": scales, "relative": relative}


def _layer_weights(given: Sequence[float] | Mapping[str, float] | None, layers: tuple[str, ...]) -> tuple | None:
    """One weight for each of `layers`, in their order."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        if others := [l for l in layer_names(given) if l not in layers]:
            raise ValueError(
                f"layer_weights has a weight for {others[0]!r}, which is not among the style layers "
                f"({', '.join(layers)}); add it to style_layers, or leave it out."
            )
        if missing := [l for l in layers if l not in given]:
            raise ValueError(f"layer_weights has no weight for the style layer {missing[0]!r}; give one for each.")
        given = [given[l] for l in layers]
    try:
        given = list(given)
    except TypeError:
        raise ValueError(
            f"layer_weights is {given!r}; wanted a list with one number for each style layer, or a dictionary "
            '{"relu1_1": 0.5, …}.'
        ) from None
    if len(given) != len(layers):
        raise ValueError(f"There are {len(given)} layer weights for {len(layers)} style layers; give one for each.")
    return tuple(check_weight(f"The layer weight of {l}", weight) for l, weight in zip(layers, given, strict=True))

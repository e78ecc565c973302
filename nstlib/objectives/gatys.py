"""The objective of style transfer: content, style and roughness, weighted."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nstlib.distances import DISTANCES
from nstlib.losses import content_loss, total_variation
from nstlib.networks import FeatureNetwork, check_network, check_size
from nstlib.objectives.arguments import CONTENT_LAYERS, CONTENT_WEIGHT, STYLE_LAYERS, Objective, check_objective
from nstlib.objectives.styles import EPSILON, as_styles, check_mix, style_views
from nstlib.pyramid import count_scales, halve

CONTENT_SIDE = 192  # contents are compared at the copy whose longer side is nearest to this


def gatys_objective(
    content: Tensor,
    style: Tensor | Sequence[Tensor],
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
    style_loss: str = "gram",
    style_weights: Sequence[float] | None = None,
    style_mix: str = "losses",
    mask: Tensor | Sequence[Tensor] | None = None,
    style_masks: Tensor | Sequence[Tensor | None] | None = None,
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
        counts per position. `style` may also be a list of paintings.
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
    style_loss : name of another distance in the place of Eₗ, out of `nstlib.distances.DISTANCES`
    style_weights : how much each painting counts; only their ratio does. None: all alike
    style_mix : how several paintings are mixed, p their share of the style weights
        - "losses": Σ p ‖G − A‖² / ‖A‖². The picture lies between the paintings, and no statistic of it is theirs.
        - "statistics": ‖G − Σ p A‖² / ‖Σ p A‖², one loss with the statistic between theirs: as if of one painting.
        - "layers": each layer has one painting, from shallow to deep in their order. The first gives the strokes.
        - "scales": each size of the picture has one painting, from fine to coarse in their order.
    mask : Tensor (1, C, h, w) in [0, 1], of the photograph's proportions, or a list with one for each painting
        Where in the picture a painting counts: white. What no mask covers is not seen. With two
        paintings, one mask will do: white for the first, black for the second. Each region is painted as if all around
        it were the photograph, so that it does not depend on what is painted beside it:

            L(x) = Σ_r L_r(m_r x + (1 − m_r) p)        L_r: content, and the style of one painting

        and for its style only positions count that see mostly the region (`nstlib.masks.position_weights`). A region's
        style weighs as much as its part of the picture, so that α means the same in all. The time grows with the number
        of regions.
    style_masks : likewise, of the paintings' proportions; an entry may be None
        Which part of a painting counts. (The same painting may be given twice, with two masks.)

    Returns
    -------
    Objective: image (1, 3, H, W) -> {"content": …, "style": …, "tv": …}, without those of weight 0

    Raises
    ------
    ValueError: an unknown layer or one twice, a weight that is negative, not finite or beyond float32, not one for each
    layer or painting, nothing to paint for, a picture too small for a layer, an unknown distance or way to mix; a mask
    too many or too few, black, of other proportions, or with no position of any layer inside. A region too small for
    some layers only is left out there, with a warning.

    Examples
    --------
    >>> from nstlib import load_network
    >>> black, white = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    >>> objective = gatys_objective(black, white, load_network(device="cpu"))
    >>> objective(black)["content"].item(), objective(white)["style"].item()  # at the photograph, at the painting
    (0.0, 0.0)
    """
    (content_layers, style_layers, layer_weights, content_weight, style_weight, tv_weight, scales, *_) = (
        check_objective(
            content_layers,
            style_layers,
            layer_weights,
            content_weight,
            style_weight,
            tv_weight,
            scales,
            relative,
            style_loss,
        ).values()
    )
    check_network(network)
    styles, distance = as_styles(style, style_weights, mask, style_masks, content.shape[-2:]), DISTANCES[style_loss]
    check_mix(style_mix, style_loss, styles)
    w = dict.fromkeys(style_layers, 1 / max(1, len(style_layers)))
    w |= dict(zip(style_layers, layer_weights or (), strict=False))
    content_layers, style_layers = content_layers if content_weight else (), style_layers if style_weight else ()
    check_size("The photograph", content.shape[-2:], [*content_layers, *style_layers])
    for painting, *_ in styles:
        check_size("The painting", painting.shape[-2:], style_layers)
    layers = [*content_layers, *style_layers]
    sizes = range(min(count_scales(content, painting, layers, scales) for painting, *_ in styles))
    content_at = min(sizes, key=lambda k: abs(math.log2(max(content.shape[-2:]) / CONTENT_SIDE) - k))
    layers = [{*style_layers, *(content_layers if k == content_at else ())} for k in sizes]

    with torch.no_grad():
        P = network(halve(content, content_at), content_layers)
        content_factor = {
            l: content_weight / len(P) / (content_loss(torch.zeros_like(p), p) + EPSILON if relative else 1)
            for l, p in P.items()
        }
        strengths = {l: style_weight * w[l] / len(sizes) for l in style_layers}
        views = style_views(styles, network, strengths, sizes, distance, style_mix, relative)

    def objective(image: Tensor) -> dict[str, Tensor]:
        losses = {}

        def add(kind: str, l: str, loss: Tensor) -> None:
            name = f"{kind} {l}" if by_layer else kind
            losses[name] = losses.get(name, 0) + loss

        for region, terms in views:
            seen = image if region is None else content.lerp(image, region)  # elsewhere it is the photograph
            for k in sizes:
                # each loss as soon as its layer is there: less memory
                for l, features in network.activations(halve(seen, k), layers[k]):
                    if k == content_at and l in P:
                        add("content", l, content_factor[l] * content_loss(features, P[l]))
                    for target, factor, weights in terms[k].get(l, ()):
                        add("style", l, factor * distance.loss(features, target, weights))
        if tv_weight:
            losses["tv"] = tv_weight * total_variation(image)
        return dict(sorted(losses.items()))  # content, style, tv

    return objective

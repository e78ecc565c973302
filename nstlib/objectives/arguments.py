"""The arguments of an objective: their defaults, the paper's, and what they may be."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from nstlib.arguments import WEIGHTS, check_weight, whole_number
from nstlib.distances import check_distance
from nstlib.networks import layer_names

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


def check_objective(
    content_layers: Sequence[str],
    style_layers: Sequence[str],
    layer_weights: Sequence[float] | Mapping[str, float] | None,
    content_weight: float,
    style_weight: float,
    tv_weight: float,
    scales: int | None,
    relative: bool = True,
    style_loss: str = "gram",
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
    check_distance(style_loss)
    scales = None if scales is None else whole_number(scales)
    return {**layers, "layer_weights": w, **weights, "scales": scales, "relative": relative, "style_loss": style_loss}


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

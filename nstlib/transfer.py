"""Style transfer, reconstruction and texture: an objective and a run, put together."""

import os
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nstlib.arguments import check_seed, check_steps
from nstlib.color import check_keep_colors, transfer_luminance
from nstlib.images import Picture, resize_image, resized_shape, tell_enlarged
from nstlib.networks import FeatureNetwork, as_network, check_shapes, layer_names
from nstlib.objectives import (
    CONTENT_LAYERS,
    CONTENT_WEIGHT,
    PAPER_STYLE_LAYERS,
    STYLE_LAYERS,
    Objective,
    check_objective,
    content_objective,
    gatys_objective,
    texture_objective,
)
from nstlib.objectives.styles import Style
from nstlib.optimize import Checkpoint, Result, optimize_image
from nstlib.optimize import coarse_to_fine as run_stages
from nstlib.optimize.checkpoint import fingerprint
from nstlib.optimize.loop import check_method
from nstlib.optimize.memory import check_memory, copied_layers
from nstlib.optimize.run import OnStep
from nstlib.preparation import (
    check_split,
    check_style_scale,
    first_image,
    for_pictures,
    in_colors_of,
    named_shapes,
    narrowest,
    one_picture,
    precision_of,
    read_styles,
    stages_for,
    styles_at,
    tensors_of,
)
from nstlib.regions import check_one_run, count_runs, paint_regions

STEPS = 140  # evaluations of the objective by default
OBJECTIVE_KEYWORDS = (
    "content_layers",
    "style_layers",
    "layer_weights",
    "content_weight",
    "style_weight",
    "tv_weight",
    "scales",
    "relative",
    "style_loss",
)
# Parameters that stand in a result's settings as they were given
SETTINGS = (
    *OBJECTIVE_KEYWORDS,
    "init",
    "seed",
    "steps",
    "method",
    "learning_rate",
    "coarse_to_fine",
    "edges",
    "style_mix",
    "keep_colors",
)


def style_transfer(
    content: Picture,
    style: Picture | Sequence[Picture],
    *,
    network: FeatureNetwork | str | None = None,
    content_layers: Sequence[str] = CONTENT_LAYERS,
    style_layers: Sequence[str] = STYLE_LAYERS,
    layer_weights: Sequence[float] | Mapping[str, float] | None = None,
    content_weight: float = CONTENT_WEIGHT,
    style_weight: float = 1,
    tv_weight: float = 0,
    scales: int | None = None,
    relative: bool = True,
    style_loss: str = "gram",
    style_weights: Sequence[float] | None = None,
    style_mix: str = "losses",
    style_scale: float = 1,
    mask: Picture | Sequence[Picture] | None = None,
    style_masks: Picture | Sequence[Picture | None] | None = None,
    keep_colors: str | None = None,
    size: int | tuple[int, int] | None = 384,
    init: str | Tensor = "content",
    seed: int = 0,
    steps: int = STEPS,
    method: str = "lbfgs",
    learning_rate: float | None = None,
    coarse_to_fine: bool = True,
    edges: str = "mirror",
    precision: str = "auto",
    progress: bool = True,
    on_step: OnStep | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> Result:
    """Paint the photograph `content` in the manner of the painting `style`.

        L_total = α L_content + β L_style + γ TV        equation 7; notebooks/05_style_transfer

    Parameters
    ----------
    content, style : anything that `load_image` reads; for `style` also a list of paintings
    network : FeatureNetwork, or the name of one; "mini" where None
    content_layers, style_layers, layer_weights, style_weight, tv_weight, scales, relative, style_loss, style_weights,
        style_mix, mask, style_masks : what is minimised; see `gatys_objective`. `**nstlib.PAPER` gives the paper's
        objective. Masks are pictures: white where a painting counts.
    content_weight : α, a plain number that means the same for every size and network. A tenth of the default leaves
        little of the photograph but its large forms; with ten times as much the painting lends colours and small
        strokes. README.md shows five.
    style_scale : longer side of the paintings as a multiple of the result's, 0.1 to 10. With 2 strokes are twice as
        large, with 0.5 half. (In two passes a large picture gets coarse strokes: `init=` the result of a first one.)
    keep_colors : "histogram", "meanstd" or "covariance" gives the painting the photograph's colours before it begins
        (`nstlib.color.match_color`); "luminance" gives the result those of the photograph when it is painted
        (`transfer_luminance`); None keeps the painting's.
    size : longer side of the result in pixels, or (H, W), as for `resize_image`; None: as large as `content`. A picture
        that is enlarged is reported in a warning.
    init : "content", "noise", "style" or a Tensor (1, 3, h, w): the picture to start from
    seed : for the noise. The same seed on the same machine with as many threads gives the same picture (nearly, on a
        GPU: it adds up in any order).
    steps : evaluations of the two losses, over all sizes; with masks, for each region
    method, learning_rate, progress, on_step : as for `optimize_image`
    coarse_to_fine : bool
        A quarter of the steps at a third of the size, a quarter at two thirds, half at full size, but not more than 100
        there (`plan_stages`). Large shapes settle while pixels are few. False: all steps at full size, as in the paper.
    edges, precision : of the convolutions; see `FeatureNetwork.for_optimization`. Pixels, Gram matrices, losses and the
        curvature that L-BFGS learns are float32 in any case.
    checkpoint : file, optional
        The state of the run is written there every 30 s, and a run that finds the file goes on from it: to the very
        same picture as without the interruption, on the same processor with as many threads, and in the precision that
        "auto" came to when it began. One run at a time has the file. Delete it when the picture is saved.

    Returns
    -------
    Result

    Raises
    ------
    ValueError: an unknown layer, init or method, a weight that is negative or not finite, a picture too small or too
        narrow for a layer (the message names a size that works), a mask that does not fit, or a checkpoint of other
        settings.
    MemoryError: the picture is too large; the message names a size that fits.
    BlockingIOError: another run has the checkpoint; the message names its process.

    Notes
    -----
    What differs from the paper. (1) The start is the photograph and sizes grow, for speed; `init="noise",
    coarse_to_fine=False` gives the paper's. (2) Each loss is a share of what it is for activations of zero, so layers
    count alike and α keeps its meaning; styles are compared at several sizes of the picture, and on layers of blocks 1
    to 3 (`gatys_objective`). (3) The painting keeps its proportions, its longer side as long as the result's; its Gram
    matrices count per position. (4) The picture goes on as its mirror image beyond its edges (`edges`).
    """
    settings = {name: value for name, value in locals().items() if name in SETTINGS}
    wanted = check_objective(**{name: settings[name] for name in OBJECTIVE_KEYWORDS})
    steps, learning_rate, seed = check_steps(steps), check_method(method, learning_rate), check_seed(seed)
    settings |= {**wanted, "steps": steps, "learning_rate": learning_rate, "seed": seed}
    check_keep_colors(keep_colors)
    settings["style_scale"] = style_scale = check_style_scale(style_scale)
    layers, given = [*wanted["content_layers"], *wanted["style_layers"]], as_network(network)
    content = one_picture("content", content).to(given.device)
    shape = resized_shape(content.shape[-2:], max(content.shape[-2:]) if size is None else size)
    styles = read_styles(style, style_weights, mask, style_masks, content)
    styles = in_colors_of(resize_image(content, shape), styles, keep_colors)
    network = for_pictures(given, precision, edges, shape, styles, style_scale)
    copied = copied_layers(style_loss, wanted["style_layers"])
    check_memory(network, layers, *shape, scales=wanted["scales"], copied=copied)
    check_shapes(named_shapes(content, styles), shape, layers, style_scale=style_scale)
    check_split(styles, style_mix, shape, wanted, style_scale)
    narrow = narrowest(styles, style_scale)
    stages = stages_for(shape, layers, steps, method, coarse_to_fine, narrowest=narrow)
    settings |= {"network": network.name, "size": max(shape), "precision": precision}
    settings |= {"init": init if isinstance(init, str) else "tensor", "style_weights": [each.share for each in styles]}

    start = first_image(init, resize_image(content, stages[0].size), styles[0].painting, seed)
    check_one_run(styles, checkpoint)
    saved = None
    if checkpoint:
        inputs = {"content": content, "init": start, "network": given, **tensors_of(styles)}
        hashes = {f"{name}_sha256": fingerprint(value) for name, value in inputs.items()}
        saved = Checkpoint(checkpoint, {**settings, "stages": stages, **hashes}, {"precision": precision_of(network)})
        network = for_pictures(given, saved.chosen["precision"], edges, shape, styles, style_scale)  # as it began
    tell_enlarged(content.shape[-2:], shape)

    def paint(styles: Sequence[Style], on_step: OnStep | None) -> Result:
        def objective_at(shape: tuple[int, int]) -> Objective:
            pictures = {"content": resize_image(content, shape), **styles_at(styles, shape, style_scale)}
            return gatys_objective(**pictures, network=network, style_mix=style_mix, **wanted)

        how = {"method": method, "learning_rate": learning_rate, "progress": progress, "on_step": on_step}
        return run_stages(start, objective_at, stages, saved=saved, **how)

    result = paint_regions(styles, content, paint, on_step)
    result.settings = settings | {"precision": precision_of(network), "steps": count_runs(styles) * steps}
    if keep_colors == "luminance":
        result.image = transfer_luminance(result.image, content)
    return result


def reconstruct_content(
    content: Picture,
    layer: str = "relu4_2",
    *,
    network: FeatureNetwork | str | None = None,
    size: int | tuple[int, int] | None = 256,
    init: str | Tensor = "noise",
    seed: int = 0,
    steps: int = 300,
    method: str = "lbfgs",
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Result:
    """A picture with the same activations as `content` at one layer, found from noise: what that layer knows of it.

        x ← argmin L_content(p, x, l) / L_content(p, 0, l)        equation 1, as a share of what there is; figure 1

    Parameters as for `style_transfer`; lesson: notebooks/03_content. The loss, "content", is 1 for activations of zero.
    """
    layer_names([layer])
    steps, seed = check_steps(steps), check_seed(seed)
    network = as_network(network).for_optimization()
    content = one_picture("content", content).to(network.device)
    shape = resized_shape(content.shape[-2:], max(content.shape[-2:]) if size is None else size)
    check_memory(network, [layer], *shape, scales=1)
    check_shapes({"photograph": content.shape[-2:]}, shape, [layer])
    tell_enlarged(content.shape[-2:], shape)
    content = resize_image(content, shape)
    start = first_image(init, content, content, seed)
    result = optimize_image(
        start,
        content_objective(content, layer, network),
        steps=steps,
        method=method,
        progress=progress,
        on_step=on_step,
    )
    result.settings |= {"network": network.name, "layer": layer, "seed": seed, "precision": precision_of(network)}
    return result


def synthesize_texture(
    style: Picture,
    layers: Sequence[str] = PAPER_STYLE_LAYERS,
    *,
    network: FeatureNetwork | str | None = None,
    relative: bool = True,
    size: int | tuple[int, int] = 256,
    init: str | Tensor = "noise",
    seed: int = 0,
    steps: int = 300,
    method: str = "lbfgs",
    coarse_to_fine: bool = True,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Result:
    """A square picture with the same Gram matrices as `style` and nothing else in common: its texture.

        x ← argmin Σₗ wₗ Eₗ(G, A) / Eₗ(0, A)        equation 5, each layer relative to its own Gram matrix; figure 1

    At one size of the picture, so that what a layer sees is what shows. Parameters as for `style_transfer`, with the
    content left out. Lesson: notebooks/04_gram_matrices_and_style.
    """
    layers, steps, seed = layer_names(layers), check_steps(steps), check_seed(seed)
    given, shape = as_network(network), resized_shape((1, 1), size)
    style = one_picture("style", style).to(given.device)
    check_shapes({"painting": style.shape[-2:]}, shape, layers)
    network = for_pictures(given, "auto", "mirror", shape, [Style(style)])
    check_memory(network, layers, *shape, scales=1)
    narrow = narrowest([Style(style)])
    stages = stages_for(shape, layers, steps, method, coarse_to_fine, narrowest=narrow)

    def objective_at(shape: tuple[int, int]) -> Objective:
        return texture_objective(resize_image(style, max(shape)), layers, network, relative=relative)

    start = first_image(init, torch.zeros(1, 3, *stages[0].size, device=given.device), style, seed)
    result = run_stages(start, objective_at, stages, method=method, progress=progress, on_step=on_step)
    result.settings |= {"network": network.name, "layers": layers, "relative": relative, "size": size, "seed": seed}
    result.settings["precision"] = precision_of(network)
    return result

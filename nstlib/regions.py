"""Regions with paintings of their own: one run for each, and the pictures put together.

With masks the objective is a sum in which each term sees the pixels of one region alone (`gatys_objective`). So its
minimum is that of each term by itself, and to look for them one by one takes as long. It also keeps them apart on the
way: L-BFGS learns one curvature for all pixels that it changes, and another painting on the ground would lead to
another sky.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nstlib.images import resize_image
from nstlib.objectives.styles import Style
from nstlib.optimize import Result
from nstlib.optimize.run import OnStep


def count_runs(styles: Sequence[Style]) -> int:
    """One for all paintings, or one for each region."""
    return 1 if styles[0].region is None else len(styles)


def check_one_run(styles: Sequence[Style], checkpoint: object) -> None:
    """ValueError where a checkpoint would have to keep several runs."""
    if checkpoint and count_runs(styles) > 1:
        raise ValueError(
            "A checkpoint keeps one run, and with masks each of the paintings has its own. Paint without it, or paint "
            "one region, save it, and paint the next one on the result."
        )


def paint_regions(
    styles: Sequence[Style],
    content: Tensor,
    paint: Callable[[Sequence[Style], OnStep | None], Result],
    on_step: OnStep | None,
) -> Result:
    """`paint(styles, on_step)`; where they have regions, that for each of them, and one `Result` of all: its picture is
    the photograph where no region is, its losses are the sums, its history one after the other.
    """
    if styles[0].region is None:
        return paint(styles, on_step)
    results = []

    def numbered(step: int, image: Tensor, losses: dict[str, float]) -> bool | None:
        before = [result.image for result in results]
        return on_step(
            step + sum(len(r.history) for r in results), put_together(styles, [*before, image], content), losses
        )

    for style in styles:
        results.append(paint([style], on_step and numbered))
        if results[-1].stopped:
            break
    image = put_together(styles, [result.image for result in results], content)
    losses = {name: sum(result.losses.get(name, 0) for result in results) for name in results[0].losses}
    history, began = [], 0.0
    for result in results:
        history += [{**r, "step": len(history) + n, "time": began + r["time"]} for n, r in enumerate(result.history, 1)]
        began = history[-1]["time"] if history else 0.0
    return Result(image, losses, history, dict(results[-1].settings), results[-1].stopped)


def put_together(styles: Sequence[Style], images: Sequence[Tensor], content: Tensor) -> Tensor:
    """The pictures of the first few regions, each in its own, at the size of the last; the photograph elsewhere."""
    shape, last = tuple(images[-1].shape[-2:]), images[-1]
    whole, covered = resize_image(images[0].to(last), shape), torch.zeros_like(last[:, :1])
    for style, image in zip(styles, images, strict=False):
        region = resize_image(style.region, shape).to(last)
        covered = covered + region
        whole = whole.lerp(resize_image(image.to(last), shape), region / covered.clamp(min=1e-6))
    return resize_image(content, shape).to(last).lerp(whole, covered.clamp(max=1))

"""A run from its first picture to its result: one size after another, with a bar, a checkpoint, and an end that loses
nothing.
"""

import contextlib
import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor
from tqdm.auto import tqdm

from nstlib.arguments import check_steps
from nstlib.files import sole_use
from nstlib.images import resize_image
from nstlib.machine import is_out_of_memory
from nstlib.objectives import Objective
from nstlib.optimize.checkpoint import Checkpoint
from nstlib.optimize.loop import Descent, begin, check_method, descend
from nstlib.optimize.memory import out_of_memory
from nstlib.optimize.result import Result, RunState, Stopped
from nstlib.optimize.stages import Stage

OnStep = Callable[[int, Tensor, dict[str, float]], bool | None]


def optimize_image(
    image: Tensor,
    objective: Objective,
    *,
    steps: int = 300,
    method: str = "lbfgs",
    learning_rate: float | None = None,
    preconditioning: float = 0,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Result:
    """Change the pixels of `image` until the objective is small.

        x ← argmin Σ objective(x)        notebooks/05_style_transfer

    Parameters
    ----------
    image : Tensor (1, 3, H, W)
        Where to start; not changed itself.
    objective : image -> dict of name -> Tensor ()
        Weighted losses; their sum is minimised.
    steps : int
        Evaluations of the objective, each with its gradient.
    method : "lbfgs" or "adam"
        L-BFGS, as in the paper: it learns the curvature from its last 20 steps (from fewer where a picture is beyond a
        megapixel). A step that would change the pixels by more than 0.05 (root mean square) is shortened to that. Adam
        scales each pixel by itself.
    learning_rate : float, optional
        1 for L-BFGS, 0.02 (of the range of a pixel) for Adam.
    preconditioning : float
        Which frequencies move first, until L-BFGS has learned the curvature: x = image + T y, where T multiplies the
        frequency f (in cycles per pixel) by (f + 0.02)^(−preconditioning), and y is what changes. Positive: large
        shapes and colours move first; negative: fine detail; 0: all alike. The minimum is the same, only the way to it
        differs.
    progress : bool
        Show a bar with the losses.
    on_step : function of (step, image in [0, 1], losses), optional
        Called after each evaluation. The run ends when it returns False. Any other exception than KeyboardInterrupt is
        passed on.

    Returns
    -------
    Result: the picture with the smallest sum. `stopped` says why a run ended early: by `on_step`, by KeyboardInterrupt
        (■ in Jupyter, Ctrl-C in a terminal), by a lack of memory, or by a loss that was not finite (with a warning).

    Raises
    ------
    ValueError: `method`, `steps` or `learning_rate` is something else, the picture's values are far from [0, 1], or the
        loss is not finite at the very start.
    MemoryError, KeyboardInterrupt: before there was a picture to return.

    Examples
    --------
    >>> import torch
    >>> grey = torch.full((1, 3, 2, 2), 0.5)
    >>> darker = optimize_image(grey, lambda x: {"light": (x - 0.25).square().sum()}, steps=10, progress=False)
    >>> round(darker.image.mean().item(), 3)
    0.25
    """
    stage = Stage(tuple(image.shape[-2:]), check_steps(steps), preconditioning)
    return coarse_to_fine(
        image,
        lambda size: objective,
        [stage],
        method=method,
        learning_rate=learning_rate,
        progress=progress,
        on_step=on_step,
    )


def coarse_to_fine(
    start: Tensor,
    objective_at: Callable[[int | tuple[int, int]], Objective],
    stages: Sequence[Stage],
    *,
    method: str = "lbfgs",
    learning_rate: float | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
    saved: Checkpoint | None = None,
) -> Result:
    """Minimise an objective at several sizes, each from the best picture of the size before, as one run with one
    history.

    Parameters
    ----------
    start : Tensor (1, 3, H, W), of any size
    objective_at : size of a stage -> objective for pictures of that size
    stages : sequence of Stage, from coarse to fine (`plan_stages` makes one)
    method, learning_rate, progress, on_step : as for `optimize_image`, which is this with a single stage
    saved : Checkpoint, optional
        Keeps the state of the run in a file, and begins with what is there (`style_transfer` makes one).

    Returns
    -------
    Result: at the size of the last stage, even where the run ended before it. Notes and errors as for `optimize_image`;
        also BlockingIOError, where another run has the checkpoint.

    Examples
    --------
    >>> import torch
    >>> grey = torch.full((1, 3, 4, 4), 0.5)
    >>> objective_at = lambda size: lambda x: {"light": (x - 0.25).square().sum()}
    >>> result = coarse_to_fine(grey, objective_at, [Stage(4, 10), Stage(8, 10)], progress=False)
    >>> result.image.shape, [record["size"] for record in result.history[8:12]]
    (torch.Size([1, 3, 8, 8]), [4, 4, 8, 8])
    """
    learning_rate = check_method(method, learning_rate)
    _check_start(start)

    def begin_at(index: int, image: Tensor) -> Descent:
        image = resize_image(image, stages[index].size).to(start.device)
        return begin(image, method=method, learning_rate=learning_rate, preconditioning=stages[index].preconditioning)

    steps, stopped = sum(stage.steps for stage in stages), None
    with sole_use(saved.file) if saved else contextlib.nullcontext():
        state = saved.restore(begin_at) if saved and saved.found else RunState(start)
        bar = tqdm(total=steps, initial=len(state.history), disable=not progress, unit="step")
        try:
            for image, losses in walk(state, objective_at, stages, begin_at):
                if saved:
                    saved.save(state)
                bar.update()
                shown = {name: f"{value:.3g}" for name, value in losses.items() if name != "total"}
                bar.set_postfix(shown, refresh=False)
                if on_step and on_step(len(state.history), image, losses) is False:
                    stopped = Stopped.REQUESTED
                    break
            else:
                stopped = None if len(state.history) == steps else Stopped.NOT_FINITE
        except (KeyboardInterrupt, RuntimeError, MemoryError) as error:
            stopped = _reason(error, state)
        finally:
            bar.close()
    image = resize_image(state.image.cpu(), stages[-1].size)
    result = Result(image, state.losses, state.history, {"method": method, "steps": steps}, stopped)
    if stopped is Stopped.NOT_FINITE:
        _warn_not_finite(result)
    return result


def walk(
    state: RunState,
    objective_at: Callable[[int | tuple[int, int]], Objective],
    stages: Sequence[Stage],
    begin_at: Callable[[int, Tensor], Descent],
) -> Iterator[tuple[Tensor, dict[str, float]]]:
    """The steps of all stages, one by one: after each, `state` is up to date, and the picture and its losses are
    yielded.

    It ends after the last step, or at a loss that is not finite, which leaves no trace in `state`.
    """
    began = time.perf_counter() - (state.history[-1]["time"] if state.history else 0)
    while state.stage < len(stages):
        objective = objective_at(stages[state.stage].size)
        if state.descent is None:  # not just restored
            state.descent, state.least = begin_at(state.stage, state.image), math.inf
        left = sum(s.steps for s in stages[: state.stage + 1]) - len(state.history)
        for image, losses in itertools.islice(descend(state.descent, objective), left):
            if not math.isfinite(losses["total"]):
                return
            seconds, size = time.perf_counter() - began, max(image.shape[-2:])
            state.history.append({"step": len(state.history) + 1, "time": seconds, "size": size, **losses})
            if losses["total"] < state.least:
                state.image, state.losses, state.least = image, losses, losses["total"]
            yield image, losses
        state.stage, state.descent = state.stage + 1, None


def _check_start(start: Tensor) -> None:
    """ValueError for what is no picture, but one of 0 to 255 or a normalised one; a little noise around may be."""
    low, high = start.min().item(), start.max().item()
    if low < -1 or high > 2:
        raise ValueError(
            f"The picture to start from holds values from {low:.4g} to {high:.4g}, wanted 0 to 1; load_image makes "
            "such pictures (divide by 255 if that is white)."
        )


def _reason(error: BaseException, state: RunState) -> Stopped:
    """Why a run was stopped by `error`; raises where there is nothing to show yet, and any other error."""
    if isinstance(error, KeyboardInterrupt) and state.history:
        return Stopped.INTERRUPTED
    if not is_out_of_memory(error):
        raise error
    sentence = out_of_memory(*(state.descent.start if state.descent else state.image).shape[-2:])
    if not state.history:
        raise sentence from None
    warnings.warn(f"{sentence} Here is the best picture so far.", stacklevel=3)
    return Stopped.OUT_OF_MEMORY


def _warn_not_finite(result: Result) -> None:
    if not result.history:
        raise ValueError(
            "The loss is not a finite number for the very first picture. Are its pixels in [0, 1], and are "
            "all weights finite?"
        )
    best = "the best picture before that" if result.fell else "the picture that the run began with, nothing was better"
    warnings.warn(
        f"The loss of step {len(result.history) + 1} is not finite. Here is {best}. "
        'Use smaller weights, a smaller learning_rate or method="adam".',
        stacklevel=3,
    )

"""How far a run has come, and what it gives in the end."""

import base64
import enum
import html
import io
import math
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from nstlib.optimize.loop import Descent

NOT_LOSSES = ("step", "time", "size", "total")  # in a record of the history
FEW, HARDLY = 10, 0.01  # steps in which a loss need not fall; a share of the first loss


class Stopped(str, enum.Enum):
    """Why a run ended before its last step."""

    INTERRUPTED = "stopped by the user"  # KeyboardInterrupt: ■ in Jupyter, Ctrl-C in a terminal
    REQUESTED = "stopped by on_step"  # it returned False
    OUT_OF_MEMORY = "out of memory"
    NOT_FINITE = "the loss was not finite"


@dataclass
class RunState:
    """How far a run has come: what a checkpoint keeps.

    Attributes
    ----------
    image : Tensor (1, 3, H, W), the best picture of the present stage, or of the one before where there is none yet
    losses : dict of name -> float, its losses
    history : list of dict, as in `Result`
    stage : int, the index of the present stage
    descent : Descent of the present stage; None before it begins
    least : float, the smallest sum of losses in the present stage
    """

    image: Tensor
    losses: dict[str, float] = field(default_factory=dict)
    history: list[dict] = field(default_factory=list)
    stage: int = 0
    descent: Descent | None = None
    least: float = math.inf


@dataclass
class Result:
    """A finished optimisation; the last cell of a notebook shows its picture.

    Attributes
    ----------
    image : Tensor (1, 3, H, W) in [0, 1], on the CPU
        The picture with the smallest sum of losses, at the largest size reached.
    losses : dict of name -> float
        Its losses, weighted, and their sum, "total".
    history : list of dict
        One record for each evaluation of the objective: "step", "time" (in s), "size" (longer side) and the losses, as
        above.
    settings : dict
        What was asked for, and what "auto" came to.
    stopped : Stopped or None
        Why it ended early.
    """

    image: Tensor
    losses: dict[str, float]
    history: list[dict]
    settings: dict = field(default_factory=dict)
    stopped: Stopped | None = None

    @property
    def fell(self) -> float:
        """By how much the sum of losses fell, as a share of what it was at first: at the size at which it fell most. 0
        where the picture is still the one that the run began with.
        """
        by_size = {}
        for record in self.history:
            by_size.setdefault(record["size"], []).append(record["total"])
        return max(((sums[0] - min(sums)) / (abs(sums[0]) or 1) for sums in by_size.values()), default=0.0)

    @property
    def note(self) -> str:
        """Why it ended early, in words, or that the loss hardly fell, or ""."""
        if self.stopped:
            return f"{self.stopped.value} after {len(self.history)} of {self.settings['steps']} steps"
        if len(self.history) < FEW or self.fell >= HARDLY or not self.history[0]["total"]:
            return ""
        return f"the loss hardly fell, from {self.history[0]['total']:.5g} to {self.losses['total']:.5g}"

    def __repr__(self) -> str:
        height, width = self.image.shape[-2:]
        losses = ", ".join(f"{name} {value:.3g}" for name, value in self.losses.items() if name != "total")
        return f"{width} × {height} picture after {len(self.history)} steps: {losses}" + (
            f" ({self.note})" if self.note else ""
        )

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        pixels = self.image[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        data = base64.b64encode(file.getvalue()).decode()
        return f'<img src="data:image/jpeg;base64,{data}" alt="the picture"><br>{html.escape(repr(self))}'

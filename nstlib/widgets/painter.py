"""Style transfer in a thread of its own: it can be paused, stopped and changed while it runs. It knows nothing of
widgets.
"""

import atexit
import contextlib
import math
import threading
import time
import warnings
from collections.abc import Callable

from torch import Tensor

from nstlib.images import resize_image
from nstlib.networks import FeatureNetwork
from nstlib.objectives import Objective, gatys_objective
from nstlib.optimize import Stopped, optimize_image

ENDS = {
    Stopped.OUT_OF_MEMORY: ("Memory ran out", "choose a smaller size"),
    Stopped.NOT_FINITE: ("The loss was not finite", "lower α"),
}
_active: list["Painter"] = []  # the painter whose thread runs: one at a time, two would only slow each other down


class Painter:
    """A run of `optimize_image` that begins anew, at the picture so far, whenever what is wanted changes.

    Parameters
    ----------
    network : FeatureNetwork, for optimisation
    settings : function without arguments -> dict, what is set now
    wanted : settings -> keywords of `gatys_objective` ("content", "style", …); ValueError or MemoryError where it
        cannot be
    steps : function without arguments -> evaluations in all
    on_step : called in the thread after each evaluation, with True where the run now stands still
    on_end : called in the thread with a sentence that says what went wrong, or ""

    Attributes
    ----------
    image : Tensor or None, the best picture of its objective
    objective, settings_of_image : those that `image` was painted for, which are not the present ones until these have
        a picture; the objective is by layer
    mixed : bool, settings have changed on the way to `image`
    history : list of dict, one for each evaluation: "step", "size", and "content" and "style" of `image`
    pace : float, seconds for a step and a pixel since the last change; 0 before the first step
    """

    def __init__(
        self,
        network: FeatureNetwork,
        settings: Callable[[], dict],
        wanted: Callable[[dict], dict],
        steps: Callable[[], int],
        on_step: Callable[[bool], None],
        on_end: Callable[[str], None],
    ):
        self.network, self.settings, self.wanted, self.steps = network, settings, wanted, steps
        self.on_step, self.on_end = on_step, on_end
        self._reset()
        self.last: dict = {}  # what was wanted last and could be done
        self.settings_of_last: dict = {}
        self._thread: threading.Thread | None = None
        self._stop, self._go, self._changed = threading.Event(), threading.Event(), threading.Event()
        self._go.set()
        self._ended = threading.Event()
        self._ended.set()

    def start(self) -> None:
        """Begin, from the photograph."""
        stop_all()
        self.wait(5)  # for the thread of the last run, which may have a line to go
        self._stop.clear()
        self._changed.clear()
        self._go.set()
        self._reset()
        self._ended.clear()
        self._thread = threading.Thread(target=self._work, name="nstlib live transfer", daemon=True)
        _active.append(self)
        self._thread.start()

    def _reset(self) -> None:
        self.image: Tensor | None = None
        self.objective: Objective | None = None
        self.settings_of_image: dict = {}
        self.history, self.pace, self.mixed = [], 0.0, False

    def pause(self) -> None:
        """Stand still after the present step."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def stop(self, timeout: float = 5) -> None:
        """End after the present step, and wait for that `timeout` seconds at most."""
        self._stop.set()
        self._go.set()
        self.wait(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Return when the run has ended, or after `timeout` seconds."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        while self.running and self._thread is not threading.current_thread() and (left := end - time.monotonic()) > 0:
            self._ended.wait(min(left, 0.2))  # on Windows, nothing can interrupt a longer wait
        if self._thread and not self.running:
            self._thread.join(5)

    def change(self) -> None:
        """Ask anew what is wanted, after the present step."""
        self._changed.set()

    @property
    def running(self) -> bool:
        # Not `is_alive`, which says no after an interrupted `join` (Python up to 3.12)
        return not self._ended.is_set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def _work(self) -> None:
        trouble = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what they say, `trouble` says
                while not self._stop.is_set() and len(self.history) < self.steps():
                    if (stopped := self._segment()) in ENDS:
                        why, remedy = ENDS[stopped]
                        trouble = f"{why} after {len(self.history)} steps, so the run has ended; {remedy}."
                        break
        except Exception as error:  # a thread has nobody to raise to
            trouble = f"The run has ended: {str(error)[:300] or type(error).__name__}"
        finally:
            if self in _active:
                _active.remove(self)
            try:
                self.on_end(trouble)
            finally:
                self._ended.set()

    def _segment(self) -> Stopped | None:
        """`optimize_image` until something changes: at the picture so far, with the objective asked for."""
        self._changed.clear()
        settings = self.settings()
        with contextlib.suppress(ValueError, MemoryError):  # whoever changed it was told; the last good one goes on
            self.last, self.settings_of_last = self.wanted(settings), settings
        content, settings, self.pace = self.last["content"], self.settings_of_last, 0.0
        objective = gatys_objective(**self.last, network=self.network, by_layer=True)
        image = content if self.image is None else self.image
        image = resize_image(image.to(self.network.device), tuple(content.shape[-2:]))
        least = math.inf  # another objective: what was best before says nothing now
        before, began = len(self.history), time.perf_counter()

        def on_step(step: int, candidate: Tensor, losses: dict[str, float]) -> bool:
            nonlocal least, began
            took = (time.perf_counter() - began) / candidate[0, 0].numel()
            self.pace += max(0.2, 1 / (len(self.history) + 1 - before)) * (took - self.pace)
            if losses["total"] < least:  # L-BFGS overshoots in its first steps
                least, self.image, self.objective = losses["total"], candidate, objective
                self.mixed = self.mixed or (self.settings_of_image or settings) != settings
                self.settings_of_image = settings
                self._sums = {
                    kind: sum(value for name, value in losses.items() if name.startswith(kind))
                    for kind in ("content", "style")
                }
            self.history.append({"step": len(self.history) + 1, "size": max(candidate.shape[-2:]), **self._sums})
            paused = self.paused  # asked once, so that no pause goes by without `on_step` having heard of it
            self.on_step(paused)
            if paused:
                self._go.wait()
            began = time.perf_counter()
            return not (self._stop.is_set() or self._changed.is_set() or len(self.history) >= self.steps())

        steps = max(1, self.steps() - len(self.history))
        return optimize_image(image, objective, steps=steps, progress=False, on_step=on_step).stopped


def stop_all(timeout: float = 5) -> None:
    """End the run of every painter, and wait for that `timeout` seconds at most; also when the kernel ends."""
    for painter in list(_active):
        painter.stop(timeout)


atexit.register(stop_all)

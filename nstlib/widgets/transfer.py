"""Style transfer while it runs, in a thread of its own: the kernel stays free, and what the reader changes takes effect at once."""

import atexit
import html
import math
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
from torch import Tensor

from nstlib.images import load_image, resize_image, save_image
from nstlib.memory import check_memory, memory_needed
from nstlib.networks import FeatureNetwork, fast_precision, least_size, load_network
from nstlib.objectives import (
    CONTENT_LAYERS,
    CONTENT_WEIGHT,
    PAPER_CONTENT_LAYERS,
    PAPER_STYLE_LAYERS,
    STYLE_LAYERS,
    gatys_objective,
    gradient_shares,
)
from nstlib.optimize import optimize_image
from nstlib.widgets.charts import loss_chart, share_bars
from nstlib.widgets.common import Explorer, encode, message, offline_names, picture, say, shrink, text, told, untaken, upload
from nstlib.widgets.comparison import compare

BOX = (390, 520)  # height and width of the picture on the page
THUMB = (96, 128)
KEPT = 6  # runs kept for comparison
SHOW, EXPLAIN = 0.25, 1.5  # seconds between two pictures, and between two charts
LARGEST = 1024  # longer side that a picture is kept at
CONTENT_CHOICE = ("relu2_2", *CONTENT_LAYERS, *PAPER_CONTENT_LAYERS)
STYLE_CHOICE = tuple(sorted({*STYLE_LAYERS, *PAPER_STYLE_LAYERS}))
_active: list["TransferPanel"] = []  # the panel whose thread runs: one at a time, two would only slow each other down


def live_style_transfer(content="riverside_town", style="night_swirls", network: FeatureNetwork | None = None, *, size: int = 256,
                        steps: int = 200, folder: str | Path = "outputs") -> "TransferPanel":
    """A panel that paints while you watch: start, pause, resume, stop, save; change α, layers, size or pictures meanwhile.

        L_total = α L_content + β L_style        equation 7; notebooks/05_style_transfer

    Parameters
    ----------
    content, style : anything that `load_image` reads; others can be chosen or uploaded in the panel
    network : FeatureNetwork; `load_network("mini")` where None
    size, steps : where their sliders stand at first: longer side in pixels, and evaluations of the losses
    folder : where Save puts pictures, as seen from the notebook

    Returns
    -------
    TransferPanel: a widget, to be the last value of a cell. `start()`, `pause()`, `resume()`, `stop()` and `save()` do what the buttons
        do, `wait()` waits for the end of the run, `image` is the picture as it is now.

    The start is the photograph, all steps are at one size, the slider moves α. A change begins a new `optimize_image` at
    the picture as it is, since L-BFGS must not mix the gradients of two objectives. Only one panel paints at a time.
    """
    return TransferPanel(content, style, network or load_network(), size, steps, Path(folder))


class TransferPanel(Explorer):
    """See `live_style_transfer`. Its thread touches traits of widgets only: no print, no pyplot."""

    def __init__(self, content, style, network: FeatureNetwork, size: int, steps: int, folder: Path):
        stop_all()  # a cell that is run again leaves no thread of its first run
        self.network, self.folder = network.for_painting(fast_precision(network.mean.device)), folder
        self.image, self.history, self.runs = None, [], []
        self.pace = 0.0  # seconds for a step and a pixel
        self._thread, self._compared, self._over, self._lock = None, None, True, threading.Lock()
        self._stop, self._go, self._changed = threading.Event(), threading.Event(), threading.Event()
        self.pictures = dict.fromkeys(offline_names())
        names = [self._name(content, "photograph"), self._name(style, "painting")]
        self._controls(names, size, steps)
        super().__init__("Live style transfer", self._rows())
        self._show(self.content)
        self._estimate()
        self._buttons()

    # ---- the parts on the page

    def _controls(self, names: list[str], size: int, steps: int) -> None:
        wide = {"style": {"description_width": "64px"}, "layout": {"width": "340px"}}
        self.choice = [widgets.Dropdown(options=list(self.pictures), value=name, description=word, style={"description_width": "64px"},
                                        layout={"width": "224px"}) for word, name in zip(("content", "style"), names, strict=True)]
        self.weight = widgets.FloatLogSlider(CONTENT_WEIGHT, base=10, min=-5, max=0, step=0.05, description="content α",
                                             readout_format=".2g", **wide)
        self.size = widgets.IntSlider(size, min=96, max=max(640, size), step=32, description="size, px", continuous_update=False, **wide)
        self.steps = widgets.IntSlider(steps, min=10, max=max(1000, steps), step=10, description="steps", continuous_update=False, **wide)
        boxes = [("content", CONTENT_CHOICE, CONTENT_LAYERS), ("style", STYLE_CHOICE, STYLE_LAYERS)]
        self.layers = {kind: [widgets.Checkbox(name in chosen, description=name, indent=False, layout={"width": "92px", "margin": "0"})
                              for name in offered if name in self.network.layers] for kind, offered, chosen in boxes}
        self.button = {word: widgets.Button(description=word, layout={"width": "98px"}) for word in ("Start", "Pause", "Stop", "Save", "Compare")}
        for word, act in (("Start", self.start), ("Pause", self._pause_or_resume), ("Stop", lambda: self.stop(0)), ("Save", self.save),
                          ("Compare", self._compare)):
            self.button[word].add_class(f"nst-{word.lower()}")
            self.button[word].on_click(lambda _, act=act: act())
        self.weight.add_class("nst-weight")
        for control in (*self.choice, self.weight, self.size, self.steps, *self.layers["content"], *self.layers["style"]):
            control.observe(lambda _: self._change(), "value")

    def _rows(self) -> list[widgets.Widget]:
        self.line, self.state = message(), text("", "nst-state", min_height="24px")
        self.box = picture(BOX[1], BOX[0])
        self.chart, self.bars = text(loss_chart([]), width="350px", height="150px"), text(share_bars({}), width="350px", min_height="150px")
        self.uploads = uploads = [upload(self.line, lambda name, image, k=k: self._add(k, name, image), "Own") for k in range(2)]
        for button, name in zip(uploads, ("nst-upload", "nst-upload-style"), strict=True):
            button.add_class(name)
        checks = [widgets.HBox([text(f'<span class="nst-quiet">{kind}</span>', width="60px"),
                                widgets.Box(boxes, layout={"flex_flow": "row wrap", "width": "284px"})], layout={"margin": "4px 0 0 0"})
                  for kind, boxes in self.layers.items()]
        left = widgets.VBox([*(widgets.HBox([choice, button]) for choice, button in zip(self.choice, uploads, strict=True)),
                             self.weight, self.size, self.steps, *checks, self.chart, self.bars], layout={"width": "360px", "flex": "none"})
        self.slots = [picture(THUMB[1], THUMB[0]) for _ in range(KEPT)]
        self.captions = [text("", "nst-quiet", width=f"{THUMB[1] + 10}px") for _ in range(KEPT)]
        self.kept = widgets.HBox([widgets.VBox([slot, caption], layout={"display": "none", "margin": "4px 8px 0 0"})
                                  for slot, caption in zip(self.slots, self.captions, strict=True)])
        self.below = widgets.VBox([])
        right = widgets.VBox([self.box, widgets.HBox(list(self.button.values())), self.state, self.line], layout={"margin": "0 0 0 16px"})
        return [widgets.HBox([left, right]), self.kept, self.below]

    # ---- what a reader does

    def start(self) -> None:
        """Begin to paint, from the photograph."""
        if self.running:
            return
        with told(self.line):
            self._wanted()  # what is impossible is said here, before a thread begins
            stop_all()
            self._stop.clear()
            self._changed.clear()
            self._go.set()
            self.image, self.history, self._over = None, [], False
            say(self.line, "")
            self._thread = threading.Thread(target=self._work, name="nstlib live transfer", daemon=True)
            _active.append(self)
            self._buttons(True)
            self._thread.start()

    def pause(self) -> None:
        """Stand still after the current step."""
        with self._lock:
            if not self._over:
                self._go.clear()
                self._buttons(True)
                self._status()

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self._go.set()
            self._buttons(not self._over)

    def _pause_or_resume(self) -> None:
        (self.pause if self._go.is_set() else self.resume)()

    def stop(self, timeout: float = 5) -> None:
        """End the run after the current step, and wait for that `timeout` seconds at most; the picture so far is kept."""
        self._stop.set()
        self._go.set()
        self.wait(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Return when the run has ended."""
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def save(self) -> Path | None:
        """Write the picture as it is now; never over another file."""
        if self.image is None:
            say(self.line, "There is no picture yet; press Start first.", wrong=True)
            return None
        stem, number = "_".join(choice.value.replace(" ", "_") for choice in self.choice), 1
        while (path := self.folder / f"{stem}_{number}.png").exists():
            number += 1
        with told(self.line):
            save_image(self.image, path)
            say(self.line, f"Saved: {path.as_posix()}")
            return path
        return None

    def _change(self) -> None:
        with told(self.line):
            self._wanted()
            self._changed.set()
            if "nst-wrong" in self.line.value:
                say(self.line, "")
        if not self.running:
            self._estimate()

    def _compare(self) -> None:
        if self._compared:
            self._compared.close()
        self._compared = compare({f"run {number}: {words}": image for number, words, image in self.runs})
        self.below.children = [self._compared]

    # ---- pictures

    def _name(self, given, title: str) -> str:
        if isinstance(given, str) and given in self.pictures:
            return given
        title = untaken(Path(given).stem if isinstance(given, (str, Path)) else title, self.pictures)
        self.pictures[title] = shrink(load_image(given), LARGEST)
        return title

    def _add(self, which: int, name: str, image: Tensor) -> None:
        name = untaken(name, self.pictures)
        self.pictures[name] = shrink(image, LARGEST)
        for k, choice in enumerate(self.choice):
            now = name if k == which else choice.value
            choice.options = list(self.pictures)
            choice.value = now
        if which == 0 and not self.running:
            self._show(image)

    def _picture(self, which: int) -> Tensor:
        name = self.choice[which].value
        if self.pictures[name] is None:
            self.pictures[name] = shrink(load_image(name), LARGEST)
        return self.pictures[name].to(self.network.mean.device)

    @property
    def content(self) -> Tensor:
        return self._picture(0)

    # ---- the run, in its thread

    def _wanted(self) -> dict:
        """What the controls ask for; ValueError or MemoryError where it cannot be done."""
        layers = {f"{kind}_layers": tuple(box.description for box in boxes if box.value) for kind, boxes in self.layers.items()}
        if not any(layers.values()):
            raise ValueError("No layer is chosen, so there is nothing to paint for; tick one.")
        content, style = resize_image(self.content, self.size.value), resize_image(self._picture(1), self.size.value)
        least = max(least_size(name) for names in layers.values() for name in names)
        for name, image in zip((choice.value for choice in self.choice), (content, style), strict=True):
            if min(image.shape[-2:]) < least:
                raise ValueError(f"{name} is {image.shape[-1]} × {image.shape[-2]} pixels at this size, and the deepest layer needs {least}; "
                                 "choose a larger size.")
        check_memory(self.network, [name for names in layers.values() for name in names], *content.shape[-2:])
        return {"content": content, "style": style, "content_weight": self.weight.value, **layers}

    def _work(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what they say is said below
                while not self._stop.is_set() and len(self.history) < self.steps.value:
                    note = self._segment()
                    if note and not note.startswith("stopped by the user"):
                        why, remedy = (("Memory ran out", "choose a smaller size") if note.startswith("out of memory") else
                                       ("The loss was not finite", "lower α"))
                        say(self.line, f"{why} after {len(self.history)} steps, so the run has ended; {remedy}.", wrong=True)
                        break
        except Exception as error:  # a thread has nobody to raise to
            say(self.line, f"The run has ended: {str(error)[:300] or type(error).__name__}", wrong=True)
        finally:
            if self in _active:
                _active.remove(self)
            self._keep()
            with self._lock:  # a pause that comes now must not leave the buttons of a run that is over
                self._over = True
                self._buttons(False)
                self._status(ended=True)

    def _segment(self) -> str:
        """`optimize_image` until something changes: at the picture so far, with the objective asked for. Its note: why it ended early."""
        self._changed.clear()
        try:
            wanted = self._wanted()
        except (ValueError, MemoryError) as error:  # said already; the last good one goes on
            say(self.line, str(error), wrong=True)
            wanted = self._last
        self._last = wanted
        objective = gatys_objective(**wanted, network=self.network, by_layer=True)
        image = wanted["content"] if self.image is None else self.image
        image = resize_image(image.to(self.network.mean.device), tuple(wanted["content"].shape[-2:]))
        clock = {"shown": 0.0, "explain": time.perf_counter() + 0.5, "step": time.perf_counter()}
        self._least = math.inf  # another objective: what was best before says nothing now

        def on_step(step: int, now: Tensor, losses: dict[str, float]) -> None:
            self._step(now, losses, objective, clock)
            if not self._go.is_set():
                self._show(self.image)
                self._status()
                self._go.wait()
            clock["step"] = time.perf_counter()
            if self._stop.is_set() or self._changed.is_set() or len(self.history) >= self.steps.value:
                raise KeyboardInterrupt  # ends optimize_image politely

        return optimize_image(image, objective, steps=max(1, self.steps.value - len(self.history)), progress=False, on_step=on_step).note

    def _step(self, now: Tensor, losses: dict[str, float], objective: Callable, clock: dict) -> None:
        """Keep the best picture of this objective (L-BFGS overshoots in its first steps) and its losses; now and then, show them."""
        moment, better = time.perf_counter(), losses["total"] < self._least
        if better:
            self._least, self.image = losses["total"], now
        took = (moment - clock["step"]) / now[0, 0].numel()
        self.pace = 0.8 * self.pace + 0.2 * took if self.pace else took
        if better or not self.history:
            self._sums = {kind: sum(value for name, value in losses.items() if name.startswith(kind)) for kind in ("content", "style")}
        self.history.append({"step": len(self.history) + 1, "size": max(now.shape[-2:]), **self._sums})
        if moment - clock["shown"] > SHOW:
            clock["shown"] = moment
            self._show(self.image)
            self._status()
        if moment > clock["explain"]:
            self.chart.value = loss_chart(self.history)
            self.bars.value = share_bars(gradient_shares(self.image, objective))
            clock["explain"] = moment + max(EXPLAIN, 10 * (time.perf_counter() - moment))  # at most a tenth of the time

    # ---- what is shown

    def _show(self, image: Tensor) -> None:
        self.box.value = encode(image, photograph=True)

    def _status(self, ended: bool = False) -> None:
        done, steps = len(self.history), self.steps.value
        left = 0 if self.image is None else self.pace * self.image[0, 0].numel() * (steps - done)
        word = "stopped" if ended and done < steps else "done" if ended else "painting" if self._go.is_set() else "paused"
        rest = "" if ended else f" · about {left:.0f} s left"
        self.state.value = f'<b>{word}</b> · step <span class="nst-step">{done}</span> of {steps}{rest}'

    def _estimate(self) -> None:
        """Time and memory, before a run begins."""
        with told(self.line):
            wanted = self._wanted()
            pixels = wanted["content"][0, 0].numel()
            if not self.pace:
                self.pace = self._measure(wanted)
            need = memory_needed(self.network, [*wanted["content_layers"], *wanted["style_layers"]], *wanted["content"].shape[-2:])
            seconds = self.pace * pixels * self.steps.value
            spell = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
            self.state.value = f"{self.steps.value} steps: about {spell} on this machine, and {max(1, need / 1e6):,.0f} MB of memory"

    def _measure(self, wanted: dict) -> float:
        """Seconds for a pixel of one evaluation with its gradient, from a small picture."""
        small = [resize_image(wanted[kind], 128) for kind in ("content", "style")]
        objective = gatys_objective(*small, self.network, **{k: v for k, v in wanted.items() if "_" in k})
        times = []
        for _ in range(2):
            start = time.perf_counter()
            image = small[0].clone().requires_grad_(True)
            sum(objective(image).values()).backward()
            image.grad.sum().item()  # waits for a GPU
            times.append(time.perf_counter() - start)
        return min(times) / small[0][0, 0].numel()

    def _buttons(self, running: bool = False) -> None:
        self.button["Start"].disabled = running
        self.button["Pause"].disabled = self.button["Stop"].disabled = not running
        self.button["Pause"].description = "Pause" if self._go.is_set() or not running else "Resume"
        self.button["Save"].disabled = self.image is None and not running
        self.button["Compare"].disabled = len(self.runs) < 2

    def _keep(self) -> None:
        """The picture of the run that has ended, among the thumbnails."""
        if self.image is None:
            return
        self._show(self.image)
        self.chart.value = loss_chart(self.history)
        number = self.runs[-1][0] + 1 if self.runs else 1
        words = f"α {self.weight.value:.2g}, {len(self.history)} steps, {self.history[-1]['size']} px"
        self.runs = [*self.runs, (number, words, self.image.cpu())][-KEPT:]
        for k, (number, words, image) in enumerate(self.runs):
            self.slots[k].value = encode(resize_image(image, THUMB[1]), photograph=True)
            self.captions[k].value = f"<small>run {number}<br>{html.escape(words)}</small>"
            self.kept.children[k].layout.display = "flex"

    def still(self) -> dict[str, Tensor]:
        names = [choice.value for choice in self.choice]
        shown = {name: resize_image(self._picture(k).cpu(), 320) for k, name in enumerate(names)}
        return shown if self.image is None else {**shown, f"after {len(self.history)} steps": self.image.cpu()}


def stop_all() -> None:
    """End the run of every panel; also when the kernel ends."""
    for panel in list(_active):
        panel.stop()


atexit.register(stop_all)

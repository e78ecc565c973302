"""Style transfer while it runs: the kernel stays free, and what the reader changes takes effect at once."""

import threading
import time
from pathlib import Path

import ipywidgets as widgets
from torch import Tensor

from nstlib.images import Picture, resize_image, save_image
from nstlib.networks import FeatureNetwork, as_network
from nstlib.widgets.charts import Charts, loss_chart, share_bars
from nstlib.widgets.common import Explorer, encode, forget_error, message, picture, say, text, told
from nstlib.widgets.controls import TransferControls
from nstlib.widgets.gallery import Gallery
from nstlib.widgets.interrupt import heed_interrupt
from nstlib.widgets.pace import forecast, layers_of, measured_pace, spell
from nstlib.widgets.painter import Painter, stop_all

BOX = (390, 520)  # height and width of the picture on the page
SHOW, EXPLAIN = 0.25, 1.5  # seconds between two pictures, and between two charts


def live_style_transfer(
    content: Picture = "riverside_town",
    style: Picture = "night_swirls",
    network: FeatureNetwork | None = None,
    *,
    size: int = 256,
    steps: int = 200,
    folder: str | Path = "outputs",
) -> "TransferPanel":
    """A panel that paints while you watch: start, pause, resume, stop, save; change α, layers, size or pictures
    meanwhile.

        L_total = α L_content + β L_style        equation 7; notebooks/05_style_transfer

    Parameters
    ----------
    content, style : anything that `load_image` reads; others can be chosen or uploaded in the panel
    network : FeatureNetwork; `load_network("mini")` where None
    size, steps : where their sliders stand at first: longer side in pixels, and evaluations of the losses
    folder : where Save puts pictures, as seen from the notebook

    Returns
    -------
    TransferPanel: a widget, to be the last value of a cell. `start()`, `pause()`, `resume()`, `stop()` and `save()` do
        what the buttons do, `wait()` waits for the end of the run, `image` is the picture as it is now.

    The start is the photograph, all steps are at one size, the slider moves α. A change begins a new `optimize_image`
    at the picture as it is, since L-BFGS must not mix the gradients of two objectives. Only one panel paints at a time.
    Jupyter's Interrupt (■) stops a run, as Stop does.
    """
    return TransferPanel(content, style, as_network(network), size, steps, Path(folder).expanduser())


class TransferPanel(Explorer):
    """See `live_style_transfer`. Its thread touches traits of widgets only: no print, no pyplot."""

    def __init__(self, content, style, network: FeatureNetwork, size: int, steps: int, folder: Path):
        stop_all()  # a cell that is run again leaves no thread of its first run
        self.folder, self.gallery, self.paces = folder, Gallery(), {}
        self.network = network.for_optimization("auto")
        self._over, self._lock = True, threading.Lock()
        self._shown, self._explained = 0.0, 0.0  # when the picture is shown and the charts are drawn next
        self.line, self.state = message(), text("", "nst-state", min_height="24px")
        self.controls = TransferControls(self.network, content, style, size, steps, self.line, self._change)
        self.painter = Painter(
            self.network,
            self.controls.settings,
            self.controls.wanted,
            lambda: self.controls.steps.value,
            self._step,
            self._end,
        )
        super().__init__("Live style transfer", self._rows())
        self.charts = Charts(self.chart, self.bars)
        self._photograph = self.controls.choice[0].value
        self._clear()
        self._estimate()
        self._buttons()

    # ---- the parts on the page

    def _rows(self) -> list[widgets.Widget]:
        self.button = {}
        for word, act in (
            ("Start", self.start),
            ("Pause", self._pause_or_resume),
            ("Stop", lambda: self.stop(0)),
            ("Save", self.save),
            ("Compare", self.gallery.compare),
        ):
            self.button[word] = button = widgets.Button(description=word, layout={"width": "auto", "min_width": "84px"})
            button.add_class(f"nst-{word.lower()}")
            button.on_click(lambda _, act=act: act())
        self.box = picture(BOX[1], BOX[0])
        self.chart = text(loss_chart([]), width="350px", height="150px")
        self.bars = text(share_bars({}), width="350px", min_height="150px")
        left = widgets.VBox([self.controls.box, self.chart, self.bars], layout={"width": "360px"})
        left.add_class("nst-left")
        buttons = widgets.HBox(list(self.button.values()))
        right = widgets.VBox([self.box, buttons, self.state, self.line], layout={"flex": "1 1 270px"})
        return [widgets.HBox([left, right], layout={"grid_gap": "0 16px"}), self.gallery.row, self.gallery.below]

    # ---- what a reader does

    def start(self) -> None:
        """Begin to paint, from the photograph."""
        if self.running:
            return
        with told(self.line):
            self.controls.wanted()  # what is impossible is said here, before a thread begins
            stop_all()
            self._over, self._shown, self._explained = False, 0.0, time.perf_counter()
            say(self.line, "")
            self._clear()
            self._buttons(True)
            heed_interrupt()
            self.painter.start()
            self._now()

    def pause(self) -> None:
        """Stand still after the current step."""
        with self._lock:
            if not self._over:
                self.painter.pause()
                self._buttons(True)
                self._status()

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self.painter.resume()
            self._buttons(not self._over)
        self._now()

    def _pause_or_resume(self) -> None:
        (self.resume if self.painter.paused else self.pause)()

    def stop(self, timeout: float = 5) -> None:
        """End the run after the current step, and wait for that `timeout` seconds at most; the picture so far is
        kept.
        """
        self.painter.stop(0)
        self._now()
        self.painter.wait(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Return when the run has ended, or after `timeout` seconds; Interrupt (■) stops the run."""
        try:
            self.painter.wait(timeout)
        except KeyboardInterrupt:
            self.stop()

    @property
    def running(self) -> bool:
        """False as soon as the page says so; its thread may then take another moment."""
        return not self._over

    @property
    def image(self) -> Tensor | None:
        return self.painter.image

    @property
    def history(self) -> list[dict]:
        return self.painter.history

    def save(self) -> Path | None:
        """Write the picture as it is now; never over another file."""
        if self.image is None:
            say(self.line, "There is no picture yet; press Start first.", wrong=True)
            return None
        settings = self.painter.settings_of_image or self.controls.settings()  # menus may stand elsewhere by now
        stem, number = "_".join(settings[kind].replace(" ", "_") for kind in ("content", "style")), 1
        while (path := self.folder / f"{stem}_{number}.png").exists():
            number += 1
        with told(self.line):
            save_image(self.image, path)
            say(self.line, f"Saved: {path.as_posix()}")
            return path
        return None

    def _change(self) -> None:
        with told(self.line):
            self.controls.wanted()
            self.painter.change()
            forget_error(self.line)
        before, self._photograph = self._photograph, self.controls.choice[0].value
        if self._now():
            return
        if self._photograph != before:  # another one: show it
            self._clear()
        self._estimate()

    @property
    def content(self) -> Tensor:
        return self.controls.picture(0)

    # ---- the run, in its thread

    def _step(self, paused: bool) -> None:
        """Now and then, show where the run is; all of it when it pauses."""
        now = time.perf_counter()
        if paused or now - self._shown > SHOW:
            self._shown = now
            self._show(self.image)
            self._status()
        if paused or now > self._explained:
            self._explain()
            took = time.perf_counter() - now
            self._explained = now + max(EXPLAIN, 10 * took)  # at most a tenth of the time

    def _end(self, trouble: str) -> None:
        try:
            if trouble:
                say(self.line, trouble, wrong=True)
            if self.image is not None:
                self._keep()
        finally:
            with self._lock:  # a pause that comes now must not leave the buttons of a run that is over
                self._over = True
                self._buttons(False)
                self._status()

    def _keep(self) -> None:
        """The run that has ended: its last picture and charts, its pace, and its place among the thumbnails."""
        self._show(self.image)
        self._explain()
        settings, mixed = self.painter.settings_of_image, self.painter.mixed
        if self.painter.pace:
            self.paces[layers_of(settings)] = self.painter.pace
        self.gallery.add(settings, self.image, steps=len(self.history), mixed=mixed)

    # ---- what is shown

    def _show(self, image: Tensor) -> None:
        self.box.value = encode(image, photograph=True)
        names = [choice.value for choice in self.controls.choice]
        painted = f"{names[0]} in the style of {names[1]}, after {len(self.history)} steps"
        self.box.tooltip = names[0] if self.image is None else painted

    def _clear(self) -> None:
        """The photograph, and charts that say nothing."""
        self._show(self.content)
        self.charts.clear()

    def _explain(self) -> None:
        self.charts.draw(self.history, self.image, self.painter.objective)

    def _now(self) -> bool:
        """Where the run is; False, and nothing, where it is over."""
        with self._lock:
            if not self._over:
                self._status()
            return not self._over

    def _status(self) -> None:
        """Where the run is, or how it ended."""
        done, steps, pace, rest = len(self.history), self.controls.steps.value, self.painter.pace, ""
        if self._over:
            word = "stopped" if done < steps else "done"
        elif self.painter.stopping:
            word = "stopping"
        else:
            word = "paused" if self.painter.paused else "painting"
            if pace and self.image is not None:  # not while a change has not made a step yet
                rest = f" · about {spell(pace * self.image[0, 0].numel() * max(0, steps - done))} left"
        self.state.value = f'<b>{word}</b> · step <span class="nst-step">{done}</span> of {max(steps, done)}{rest}'

    def _estimate(self) -> None:
        """Time and memory, before a run begins."""
        self.state.value = "&nbsp;"  # where there is none, not that of other settings
        with told(self.line):
            wanted = self.controls.wanted()
            if (layers := layers_of(wanted)) not in self.paces:  # no run has told yet
                self.paces[layers] = measured_pace(self.network, wanted)
            self.state.value = forecast(self.network, wanted, self.paces[layers], self.controls.steps.value)

    def _buttons(self, running: bool = False) -> None:
        self.button["Start"].disabled = running
        self.button["Pause"].disabled = self.button["Stop"].disabled = not running
        self.button["Pause"].description = "Resume" if self.painter.paused and running else "Pause"
        self.button["Save"].disabled = self.image is None and not running
        self.button["Compare"].disabled = len(self.gallery.runs) < 2

    def still(self) -> dict[str, Tensor]:
        settings = self.painter.settings_of_image or self.controls.settings()
        titles = settings["content"], settings["style"]
        shown = {title: resize_image(self.controls.loaded(title).cpu(), 320) for title in titles}
        return shown if self.image is None else {**shown, f"after {len(self.history)} steps": self.image.cpu()}

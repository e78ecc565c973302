"""The controls of the live panel: two pictures, α, the size, the steps and the layers, and what they ask for
together.
"""

import math
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
from torch import Tensor

from nstlib.arguments import check_steps, whole_number
from nstlib.images import Picture, load_image, resize_image
from nstlib.networks import FeatureNetwork, least_size
from nstlib.objectives import CONTENT_LAYERS, CONTENT_WEIGHT, PAPER_CONTENT_LAYERS, PAPER_STYLE_LAYERS, STYLE_LAYERS
from nstlib.optimize.memory import check_memory
from nstlib.widgets.common import offline_names, shrink, text, untaken, upload

LARGEST = 1024  # longer side that a picture is kept at
CONTENT_CHOICE = ("relu2_2", *CONTENT_LAYERS, *PAPER_CONTENT_LAYERS)
OWN = ("Own photo", "Own painting")  # buttons for uploads
STYLE_CHOICE = tuple(sorted({*STYLE_LAYERS, *PAPER_STYLE_LAYERS}))
#: The values of α on its slider: twenty to a power of ten, about equally far apart, each exactly as it is shown.
_DECADE = (1, 1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9)
WEIGHTS = tuple(sorted({*(float(f"{n}e{power}") for power in range(-5, 0) for n in _DECADE), 1.0, CONTENT_WEIGHT}))


class TransferControls:
    """What a reader sets.

    Parameters
    ----------
    network : FeatureNetwork, for optimisation
    content, style : the first pictures
    size, steps : where their sliders stand at first
    line : where messages go
    on_change : called after each change of a control

    Attributes
    ----------
    choice : two menus of pictures, `weight`, `size`, `steps` : sliders, `layers` : "content" or "style" -> check boxes
    box : all of them, one below the other

    What a slider shows, in Python and in the browser, is the number that is used: α is one of `WEIGHTS` (the nearest
    one, where a program sets another), and size and steps may be any whole number in their range.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        content: Picture,
        style: Picture,
        size: int,
        steps: int,
        line: widgets.HTML,
        on_change: Callable[[], None],
    ):
        self.network, self.pictures, self._setting = network, dict.fromkeys(offline_names()), False
        names = {"content": self._name(content, "photograph"), "style": self._name(style, "painting")}
        look = {"style": {"description_width": "64px"}, "layout": {"width": "auto"}}
        self.choice = [
            widgets.Dropdown(options=list(self.pictures), value=name, description=word, **look)
            for word, name in names.items()
        ]
        self._sliders(size, steps)
        boxes = [("content", CONTENT_CHOICE, CONTENT_LAYERS), ("style", STYLE_CHOICE, STYLE_LAYERS)]
        tick = {"indent": False, "layout": {"width": "86px", "margin": "0"}}
        self.layers = {
            kind: [widgets.Checkbox(l in chosen, description=l, **tick) for l in offered if l in network.layers]
            for kind, offered, chosen in boxes
        }
        self.uploads = [
            upload(line, lambda name, image, k=k: self._add(k, name, image), word) for k, word in enumerate(OWN)
        ]
        for button, name in zip(self.uploads, ("nst-upload", "nst-upload-style"), strict=True):
            button.add_class(name)
        for control in (
            *self.choice,
            self.weight,
            self.size,
            self.steps,
            *self.layers["content"],
            *self.layers["style"],
        ):
            control.observe(lambda _: self._setting or on_change(), "value")
        self._on_change = on_change
        rows = [widgets.HBox(row) for row in zip(self.choice, self.uploads, strict=True)]
        ticks = [self._ticks(kind, boxes) for kind, boxes in self.layers.items()]
        self.box = widgets.VBox([*rows, self.weight, self.size, self.steps, *ticks])

    def settings(self) -> dict:
        """What the controls stand at, but for the steps: names of both pictures, α, size and layers."""
        layers = {
            f"{kind}_layers": tuple(box.description for box in boxes if box.value)
            for kind, boxes in self.layers.items()
        }
        pictures = {kind: choice.value for kind, choice in zip(self.layers, self.choice, strict=True)}
        return {**pictures, "content_weight": self.weight.value, "size": self.size.value, **layers}

    def wanted(self, settings: dict | None = None) -> dict:
        """Keywords of `gatys_objective` for these settings, or for the present ones; ValueError or MemoryError where it
        cannot be done.
        """
        settings = settings or self.settings()
        layers = {name: settings[name] for name in ("content_layers", "style_layers")}
        names = sum(layers.values(), ())
        if not names:
            raise ValueError("No layer is chosen, so there is nothing to paint for; tick one.")
        titles = [settings[kind] for kind in self.layers]
        content, style = (resize_image(self.loaded(title), settings["size"]) for title in titles)
        least = max(map(least_size, names))
        for title, image in zip(titles, (content, style), strict=True):
            height, width = image.shape[-2:]
            if min(height, width) < least:
                raise ValueError(
                    f"{title} is {width} × {height} pixels at this size, and the deepest layer needs {least}; "
                    "choose a larger size."
                )
        check_memory(self.network, names, *content.shape[-2:])
        return {"content": content, "style": style, "content_weight": settings["content_weight"], **layers}

    def picture(self, which: int) -> Tensor:
        """The photograph (0) or the painting (1) that is chosen."""
        return self.loaded(self.choice[which].value)

    def loaded(self, title: str) -> Tensor:
        """The picture of this name."""
        if self.pictures[title] is None:
            self.pictures[title] = shrink(load_image(title), LARGEST)
        return self.pictures[title].to(self.network.device)

    def _sliders(self, size: int, steps: int) -> None:
        steps, side = check_steps(steps), whole_number(size)
        if side is None or side < 1:
            raise ValueError(f"size is {size!r}; wanted the longer side in pixels, for example 256.")
        wide = {"style": {"description_width": "64px"}, "layout": {"width": "340px"}}
        calm = {"continuous_update": False, **wide}
        self.weight = widgets.SelectionSlider(
            options=[(f"{weight:.2g}", weight) for weight in WEIGHTS],
            value=CONTENT_WEIGHT,
            equals=lambda option, weight: option == _nearest(weight),
            description="content α",
            **wide,
        )
        self.weight.tooltip = "weight of the content loss; that of the style loss is 1"
        self.weight.add_class("nst-weight")
        self.size = widgets.IntSlider(
            side, min=min(96, side), max=max(640, side), step=32, description="size, px", **calm
        )
        self.steps = widgets.IntSlider(
            steps, min=min(10, steps), max=max(1000, steps), step=10, description="steps", **calm
        )
        self.size.tooltip = "longer side of the picture, in pixels"
        self.steps.tooltip = "how often the losses are computed"
        for slider in (self.size, self.steps):
            _keep_on_grid(slider)

    def _ticks(self, kind: str, boxes: list[widgets.Checkbox]) -> widgets.HBox:
        title = text(f'<span class="nst-quiet">{kind}</span>', width="60px")
        wrapped = widgets.Box(boxes, layout={"flex_flow": "row wrap", "flex": "1 1 180px"})
        group = widgets.HBox([title, wrapped], layout={"margin": "4px 0 0 0"})
        return group.add_class("nst-group")  # both kinds have boxes of the same names

    def _name(self, given: Picture, title: str) -> str:
        """The name under which a picture is in the menus; it is added where it is not."""
        if isinstance(given, str) and given in self.pictures:
            return given
        title = untaken(Path(given).stem if isinstance(given, (str, Path)) else title, self.pictures)
        self.pictures[title] = shrink(load_image(given), LARGEST)
        return title

    def _add(self, which: int, name: str, image: Tensor) -> None:
        name = untaken(name, self.pictures)
        self.pictures[name] = shrink(image, LARGEST)
        self._setting = True  # new options select the first picture for a moment: nothing to answer
        for k, choice in enumerate(self.choice):
            now = name if k == which else choice.value
            choice.options = list(self.pictures)
            choice.value = now
        self._setting = False
        self._on_change()


def _nearest(weight: float) -> float:
    """The one of `WEIGHTS` that is nearest, by ratio."""
    return min(WEIGHTS, key=lambda known: abs(math.log(known / max(weight, WEIGHTS[0] / 2))))


def _keep_on_grid(slider: widgets.IntSlider) -> None:
    """The browser puts the handle at `min` and a whole number of steps: so `min` follows a value that is between two
    of them, downwards by less than a step.
    """
    least = slider.min

    def follow(_=None) -> None:
        slider.min = least - (least - slider.value) % slider.step

    slider.observe(follow, "value")
    follow()

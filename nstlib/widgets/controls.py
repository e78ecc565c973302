"""The controls of the live panel: two pictures, α, the size, the steps and the layers, and what they ask for
together.
"""

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
from torch import Tensor

from nstlib.images import Picture, load_image, resize_image
from nstlib.networks import FeatureNetwork, least_size
from nstlib.objectives import CONTENT_LAYERS, CONTENT_WEIGHT, PAPER_CONTENT_LAYERS, PAPER_STYLE_LAYERS, STYLE_LAYERS
from nstlib.optimize.memory import check_memory
from nstlib.widgets.common import offline_names, shrink, text, untaken, upload

LARGEST = 1024  # longer side that a picture is kept at
CONTENT_CHOICE = ("relu2_2", *CONTENT_LAYERS, *PAPER_CONTENT_LAYERS)
OWN = ("Own photo", "Own painting")  # buttons for uploads
STYLE_CHOICE = tuple(sorted({*STYLE_LAYERS, *PAPER_STYLE_LAYERS}))


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
        self.network, self.pictures = network, dict.fromkeys(offline_names())
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
            control.observe(lambda _: on_change(), "value")
        rows = [widgets.HBox(row) for row in zip(self.choice, self.uploads, strict=True)]
        ticks = [self._ticks(kind, boxes) for kind, boxes in self.layers.items()]
        self.box = widgets.VBox([*rows, self.weight, self.size, self.steps, *ticks])

    def wanted(self) -> dict:
        """Keywords of `gatys_objective`; ValueError or MemoryError where it cannot be done."""
        layers = {
            f"{kind}_layers": tuple(box.description for box in boxes if box.value)
            for kind, boxes in self.layers.items()
        }
        names = sum(layers.values(), ())
        if not names:
            raise ValueError("No layer is chosen, so there is nothing to paint for; tick one.")
        content, style = (resize_image(self.picture(k), self.size.value) for k in range(2))
        least = max(map(least_size, names))
        for choice, image in zip(self.choice, (content, style), strict=True):
            height, width = image.shape[-2:]
            if min(height, width) < least:
                raise ValueError(
                    f"{choice.value} is {width} × {height} pixels at this size, and the deepest layer needs {least}; "
                    "choose a larger size."
                )
        check_memory(self.network, names, *content.shape[-2:])
        return {"content": content, "style": style, "content_weight": self.weight.value, **layers}

    def picture(self, which: int) -> Tensor:
        """The photograph (0) or the painting (1) that is chosen."""
        name = self.choice[which].value
        if self.pictures[name] is None:
            self.pictures[name] = shrink(load_image(name), LARGEST)
        return self.pictures[name].to(self.network.device)

    def _sliders(self, size: int, steps: int) -> None:
        wide = {"style": {"description_width": "64px"}, "layout": {"width": "340px"}}
        calm = {"continuous_update": False, **wide}
        self.weight = widgets.FloatLogSlider(
            CONTENT_WEIGHT, base=10, min=-5, max=0, step=0.05, description="content α", readout_format=".2g", **wide
        )
        self.weight.tooltip = "weight of the content loss; that of the style loss is 1"
        self.weight.add_class("nst-weight")
        self.size = widgets.IntSlider(size, min=96, max=max(640, size), step=32, description="size, px", **calm)
        self.size.tooltip = "longer side of the picture, in pixels"
        self.steps = widgets.IntSlider(steps, min=10, max=max(1000, steps), step=10, description="steps", **calm)
        self.steps.tooltip = "how often the losses are computed"

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
        for k, choice in enumerate(self.choice):
            now = name if k == which else choice.value
            choice.options = list(self.pictures)
            choice.value = now

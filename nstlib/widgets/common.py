"""What the explorers share: a picture that answers to clicks and arrow keys, uploads, messages, bytes of pictures."""

import base64
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from PIL import Image
from torch import Tensor

from nstlib.images import load_image, picture_info, picture_names
from nstlib.plots import show_images
from nstlib.widgets.page import STYLE

# The kernel hears of the pad through a hidden text field. Its text is the whole story since the last click, so a
# message that is overtaken by the next one loses nothing. JupyterLab's own shortcuts for arrow keys are kept out by
# data-lm-suppress-shortcuts.
_OVER = """<div class="nst-over" tabindex="0" role="application" aria-label="{label}" title="{label}" data-lm-suppress-shortcuts="true"
 onclick="const r = this.getBoundingClientRect(); this.focus();
  this.nst = {{since: Date.now(), x: (event.clientX - r.left) / r.width, y: (event.clientY - r.top) / r.height, right: 0, down: 0}};
  const t = this.closest('.nst-pad').querySelector('.nst-wire input');
  t.value = JSON.stringify(this.nst); t.dispatchEvent(new Event('input', {{bubbles: true}}));"
 onkeydown="const step = {{ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}}[event.key];
  if (!step) return; event.preventDefault(); event.stopPropagation();
  this.nst = this.nst || {{since: Date.now(), x: null, y: null, right: 0, down: 0}};
  this.nst.right += step[0]; this.nst.down += step[1];
  const t = this.closest('.nst-pad').querySelector('.nst-wire input');
  t.value = JSON.stringify(this.nst); t.dispatchEvent(new Event('input', {{bubbles: true}}));"></div>"""


class Explorer(widgets.VBox):
    """A box of widgets which is stored as a picture, so that a notebook without a kernel shows something.

    `still()` gives the panels of that picture, title -> image tensor; `columns` and `height` are as in `show_images`.
    """

    columns, height = None, 2.3

    def __init__(self, title: str, rows: Sequence[widgets.Widget]):
        super().__init__([widgets.HTML(STYLE, layout={"display": "none"}), *rows])
        self.called = title
        self.add_class("nst-explorer")

    def still(self) -> dict[str, Tensor]:
        return {}

    def __repr__(self) -> str:
        return f"{self.called} (to use it, run this cell)"

    def _repr_mimebundle_(self, **options) -> dict:
        bundle = super()._repr_mimebundle_(**options)
        if panels := self.still():
            bundle["image/jpeg"] = base64.b64encode(
                show_images(panels, columns=self.columns, height=self.height)._repr_jpeg_()
            ).decode()
        return bundle


class Picture(widgets.Image):
    """An Image whose `tooltip` is its text for screen readers. The page of ipywidgets 8 reads the description first, and an
    Image has none.
    """

    description = traitlets.Unicode("").tag(sync=True)


def pad(
    label: str,
    width: int,
    height: int,
    *,
    on_click: Callable[[float, float], None],
    on_move: Callable[[int, int], None],
) -> tuple[widgets.Box, Picture]:
    """A picture under the reader's hand, and the Image in it.

    `on_click(x, y)` gets the place as shares of width and height; `on_move(right, down)` how often which arrow key was
    pressed.
    """
    shown = picture(width, height)
    wire = widgets.Text(layout={"display": "none"})
    wire.add_class("nst-wire")
    seen = {"since": None, "right": 0, "down": 0}

    def hear(change: dict) -> None:
        news = json.loads(change["new"])
        if news["since"] != seen["since"]:
            seen.update(since=news["since"], right=0, down=0)
            if news["x"] is not None:
                on_click(min(max(news["x"], 0), 1 - 1e-9), min(max(news["y"], 0), 1 - 1e-9))
        right, down = news["right"] - seen["right"], news["down"] - seen["down"]
        seen.update(right=news["right"], down=news["down"])
        if right or down:
            on_move(right, down)

    wire.observe(hear, "value")
    box = widgets.Box(
        [shown, widgets.HTML(_OVER.format(label=html.escape(label))), wire],
        layout={"width": f"{width}px", "flex": "none", "margin": "2px"},
    )
    box.add_class("nst-pad")
    return box, shown


def picture(width: int, height: int) -> Picture:
    """A Picture `width` pixels wide, or as wide as the page. Of 4 by 3, it keeps its shape, so that nothing jumps when
    its bytes change; others have the shape of their bytes.
    """
    layout = {"width": f"{width}px", "flex": "none", "margin": "0"}
    shown = Picture(value=encode(torch.full((1, 3, 1, 1), 0.5)), layout=layout)
    if 3 * width == 4 * height:
        shown.add_class("nst-4x3")
    return shown


def text(value: str = "", *classes: str, **layout: str) -> widgets.HTML:
    found = widgets.HTML(value, layout={"margin": "0", **layout})
    for name in classes:
        found.add_class(name)
    return found


def message() -> widgets.HTML:
    """A line for what the reader should know; it keeps its place while it is empty."""
    return text("&nbsp;", "nst-message", "nst-live", min_height="24px")


def say(line: widgets.HTML, sentence: str, wrong: bool = False) -> None:
    line.value = f'<span class="{"nst-wrong" if wrong else "nst-quiet"}">{html.escape(sentence) or "&nbsp;"}</span>'


def forget_error(line: widgets.HTML) -> None:
    """What was wrong is right again; other messages stay."""
    if "nst-wrong" in line.value:
        say(line, "")


@contextmanager
def told(line: widgets.HTML) -> Iterator[None]:
    """Errors of the library, which say what to do, become the line; a callback's traceback would land in a log."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        say(line, str(error).replace("\n", " ")[:400] or type(error).__name__, wrong=True)


def upload(
    line: widgets.HTML, on_image: Callable[[str, Tensor], None], label: str = "Own picture"
) -> widgets.FileUpload:
    """A button for the reader's own picture: `on_image(name, image)`; a file that is no picture becomes a sentence in
    `line`.
    """
    tip = "a picture of your own, from a file"
    button = widgets.FileUpload(
        accept="image/*", multiple=False, description=label, tooltip=tip, layout={"width": "auto", "flex": "none"}
    )

    def read(change: dict) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        say(line, f"{file['name']}: reading…")
        button.value = ()  # empty again, so that the same file can be chosen twice
        try:
            image = load_image(bytes(file["content"]))
        except ValueError as error:
            say(line, str(error).replace("this picture (bytes)", repr(file["name"])), wrong=True)
            return
        say(line, f"{file['name']}: {image.shape[-1]} × {image.shape[-2]} pixels.")
        with told(line):
            on_image(Path(file["name"]).stem, image)

    button.observe(read, "value")
    return button


def encode(image: Tensor, *, photograph: bool = False) -> bytes:
    """Bytes of an image (1, 3, H, W): JPEG for photographs, else PNG."""
    file = io.BytesIO()
    pixels = image[0].detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    if photograph:
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
    else:
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def enlarge(image: Tensor, width: int) -> Tensor:
    """Each pixel as a square, a whole number of times as large: at least `width` across."""
    factor = max(1, -(-width // image.shape[-1]))
    return image.repeat_interleave(factor, -1).repeat_interleave(factor, -2)


def fit(image: Tensor, height: int, width: int, fill: float = 1.0) -> Tensor:
    """The image (1, 3, h, w) as large as it can be inside `height` × `width`, in the middle of a plain ground."""
    scale = min(height / image.shape[-2], width / image.shape[-1])
    size = [
        max(1, min(limit, round(side * scale))) for side, limit in zip(image.shape[-2:], (height, width), strict=True)
    ]
    small = F.interpolate(image.cpu(), size, mode="nearest" if scale > 1 else "area")
    down, right = height - size[0], width - size[1]
    return F.pad(small, (right // 2, right - right // 2, down // 2, down - down // 2), value=fill)


def named(images: Mapping | Sequence, size: int | None) -> dict[str, Tensor]:
    """Pictures by title, no longer side above `size`. Titles are the names of what is given by name, else "picture 1",
    …
    """
    if not isinstance(images, Mapping):
        one = isinstance(images, (str, os.PathLike, bytes, Tensor, np.ndarray, Image.Image))
        given, images = [images] if one else list(images), {}
        for number, image in enumerate(given, 1):
            images[
                untaken(Path(image).stem if isinstance(image, (str, os.PathLike)) else f"picture {number}", images)
            ] = image
    if not images:
        raise ValueError('There is no picture to explore; give one or more, for example "riverside_town".')
    return {name: shrink(load_image(im), size) for name, im in images.items()}


def untaken(title: str, taken: Container[str]) -> str:
    """A title that no other picture has.

    >>> untaken("cat", {}), untaken("cat", {"cat", "cat 2"})
    ('cat', 'cat 3')
    """
    numbers = itertools.count(2)
    found = title
    while found in taken:
        found = f"{title} {next(numbers)}"
    return found


def shrink(image: Tensor, size: int | None) -> Tensor:
    return load_image(image, size=size) if size and max(image.shape[-2:]) > size else image


def offline_names(kind: str | None = None) -> list[str]:
    """The pictures that need no network."""
    return [name for name in picture_names(kind) if picture_info(name)["offline"]]

"""Pictures compared under a divider. All of it happens in the browser: no kernel is asked while the reader moves it."""

import base64
import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import torch.nn.functional as F
from torch import Tensor

from nstlib.images import resize_image
from nstlib.widgets.common import Explorer, encode, named, text

WIDTH, THUMB = 560, 168
# --cut: where the divider is; --zoom, --x, --y: how much, and around which place, in all pictures alike.
_CSS = """<style>
.nst-compare { --cut: 50%; --zoom: 1; --x: 50%; --y: 50%; }
.nst-stage, .nst-frame { position: relative; overflow: hidden; border-radius: 2px; }
.nst-stage { cursor: ew-resize; touch-action: none; user-select: none; }
.nst-compare .nst-stage img, .nst-frame img { width: 100%; height: 100%; max-width: none; display: block; object-fit: fill;
  transform: scale(var(--zoom)); transform-origin: var(--x) var(--y); }
.nst-upper { position: absolute; inset: 0; overflow: hidden; clip-path: inset(0 calc(100% - var(--cut)) 0 0); }
.nst-divider { position: absolute; top: 0; bottom: 0; left: var(--cut); width: 2px; margin-left: -1px; background: #fff;
  box-shadow: 0 0 3px #000; pointer-events: none; }
.nst-frame { cursor: zoom-in; }
.nst-compare label { white-space: nowrap; }
.nst-compare input[type=range] { width: 180px; vertical-align: middle; }
</style>"""
_ROOT = "const c = this.closest('.nst-compare');"
_DRAG = (
    f"if (event.type === 'pointermove' && !event.buttons) return; event.preventDefault(); {_ROOT} const r = this.getBoundingClientRect();"
    " const s = Math.min(100, Math.max(0, 100 * (event.clientX - r.left) / r.width)); c.style.setProperty('--cut', s + '%');"
    " c.querySelector('.nst-cut').value = s;"
)
_AIM = (
    f"{_ROOT} const r = this.getBoundingClientRect(); c.style.setProperty('--x', 100 * (event.clientX - r.left) / r.width + '%');"
    " c.style.setProperty('--y', 100 * (event.clientY - r.top) / r.height + '%'); const z = c.querySelector('.nst-zoom');"
    " if (z.value == 1) { z.value = 3; c.style.setProperty('--zoom', 3); }"
)


def compare(images: Mapping | Sequence, *, width: int = WIDTH) -> Explorer:
    """Two of several pictures under a divider that can be moved, and all of them magnified at the same place.

    Parameters
    ----------
    images : title -> picture, or pictures; each is anything that `load_image` reads. At least two. The first
        gives the frame; the others are as large in it as their proportions let them be.
    width : of the two under the divider, in pixels

    Returns
    -------
    Explorer: a widget, to be the last value of a cell. Drag the divider or use its slider; click a small picture to
    zoom there in all.
    """
    pictures = named(images, 1024)
    if len(pictures) < 2:
        raise ValueError(f"compare got {len(pictures)} picture; give two or more.")
    shape = tuple(next(iter(pictures.values())).shape[-2:])
    pictures = {name: _framed(image, shape) for name, image in pictures.items()}
    names = list(pictures)
    choice = [
        widgets.Dropdown(
            options=names, value=name, description=word, style={"description_width": "auto"}, layout={"width": "auto"}
        )
        for word, name in (("left", names[0]), ("right", names[-1]))
    ]
    sources = {
        name: "data:image/jpeg;base64," + base64.b64encode(encode(image, photograph=True)).decode()
        for name, image in pictures.items()
    }
    stage = text()

    def draw(_=None) -> None:
        stage.value = _page(sources, choice[0].value, choice[1].value, width, shape)

    for box in choice:
        box.observe(draw, "value")
    draw()
    explorer = Explorer("Pictures compared", [widgets.HBox(choice), stage])
    explorer.still = lambda: _halves(pictures, names)
    return explorer


def _page(sources: Mapping[str, str], left: str, right: str, width: int, shape: tuple[int, int]) -> str:
    small = round(THUMB * shape[0] / shape[1])
    frames = "".join(
        f'<div style="margin: 8px 8px 0 0; width: {THUMB}px"><div class="nst-frame" style="height: {small}px" onclick="{_AIM}">'
        f'<img src="{source}" alt="{html.escape(name)}"></div><small>{html.escape(name)}</small></div>'
        for name, source in sources.items()
    )
    return f"""{_CSS}<div class="nst-compare" data-lm-suppress-shortcuts="true">
<div class="nst-stage" style="width: {width}px; max-width: 100%; aspect-ratio: {shape[1]} / {shape[0]}" onpointerdown="{_DRAG}" onpointermove="{_DRAG}">
<img src="{sources[right]}" alt="{html.escape(right)}" draggable="false">
<div class="nst-upper"><img src="{sources[left]}" alt="{html.escape(left)}" draggable="false"></div><div class="nst-divider"></div></div>
<div style="margin-top: 6px"><label>divider <input class="nst-cut" type="range" min="0" max="100" step="0.5" value="50"
 oninput="{_ROOT} c.style.setProperty('--cut', this.value + '%')"></label> &nbsp; <label>zoom <input class="nst-zoom" type="range" min="1"
 max="8" step="0.1" value="1" oninput="{_ROOT} c.style.setProperty('--zoom', this.value)"></label>
 <span class="nst-quiet">&nbsp; click a small picture to look there in all</span></div>
<div style="display: flex; flex-wrap: wrap">{frames}</div></div>"""


def _framed(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """The picture with its proportions, as large as it can be in `shape`, in the middle of a white ground."""
    own = tuple(image.shape[-2:])
    scale = min(new / side for new, side in zip(shape, own, strict=True))
    size = shape if _alike(own, shape) else [max(1, round(side * scale)) for side in own]
    down, right = (new - side for new, side in zip(shape, size, strict=True))
    inside = resize_image(image, tuple(size))
    return F.pad(inside, (right // 2, right - right // 2, down // 2, down - down // 2), value=1.0)


def _alike(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether both can be copies of one picture, with the shorter side rounded to whole pixels.

    >>> _alike((65, 97), (681, 1023)), _alike((65, 97), (1023, 681))
    (True, False)
    """
    k = int(first[0] > first[1])
    (short, long), (other_short, other_long) = ((shape[k], shape[1 - k]) for shape in (first, second))
    return other_short <= other_long and abs(short * other_long - other_short * long) <= (long + other_long) / 2


def _halves(pictures: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Left half of the first, right half of the last, with the divider between; then all."""
    both, middle = pictures[names[-1]].clone(), pictures[names[0]].shape[-1] // 2
    both[..., :middle] = pictures[names[0]][..., :middle]
    both[..., middle - 1 : middle + 1] = 1
    return {f"{names[0]} | {names[-1]}": both, **{name: pictures[name] for name in names}}

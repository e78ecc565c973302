"""The finished runs of a panel: thumbnails, and a comparison of two of them under a divider."""

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
from torch import Tensor

from nstlib.images import resize_image
from nstlib.widgets.common import encode, picture, text
from nstlib.widgets.comparison import compare

THUMB = (96, 128)  # height and width on the page
KEPT = 6  # runs
USUAL = ("weight", "steps", "size")  # facts that are said of runs that do not differ


class Gallery:
    """The last six runs.

    Attributes
    ----------
    runs : list of (number, words, image); the words say in what it differs from the other runs
    row, below : widgets, the thumbnails and the comparison
    """

    def __init__(self):
        self.runs: list[tuple[int, str, Tensor]] = []
        self._facts: list[dict[str, str]] = []  # of each run, in words
        self._slots = [picture(THUMB[1], THUMB[0]) for _ in range(KEPT)]
        self._captions = [text("", "nst-quiet", width=f"{THUMB[1] + 10}px") for _ in range(KEPT)]
        cards = zip(self._slots, self._captions, strict=True)
        layout = {"display": "none", "margin": "4px 8px 0 0"}
        self.row = widgets.HBox([widgets.VBox(card, layout=dict(layout)) for card in cards])
        self.below = widgets.VBox([])

    def add(self, settings: dict, image: Tensor, *, steps: int, mixed: bool) -> None:
        """One more run, last in the row: its picture, what it was painted for, in how many steps, and whether that was
        changed on the way.
        """
        number = self.runs[-1][0] + 1 if self.runs else 1
        self._facts = [*self._facts, facts(settings, max(image.shape[-2:]), steps, mixed)][-KEPT:]
        kept = [*self.runs, (number, "", image.cpu())][-KEPT:]
        self.runs = [(run[0], words, run[2]) for run, words in zip(kept, captions(self._facts), strict=True)]
        for slot, caption, card, run in zip(self._slots, self._captions, self.row.children, self.runs, strict=False):
            slot.value = encode(resize_image(run[2], THUMB[1]), photograph=True)
            slot.tooltip = f"run {run[0]}: {run[1]}"
            caption.value = f"<small>run {run[0]}<br>{html.escape(run[1])}</small>"
            card.layout.display = "flex"

    def compare(self) -> None:
        """All runs under a divider, in place of an earlier comparison."""
        for earlier in self.below.children:
            earlier.close()
        self.below.children = [compare({f"run {number}: {words}": image for number, words, image in self.runs})]


def facts(settings: dict, side: int, steps: int, mixed: bool) -> dict[str, str]:
    """All that can differ between two runs, in words."""
    layers = {kind: ", ".join(settings[f"{kind}_layers"]) or "no layer" for kind in ("content", "style")}
    return {
        "photograph": settings["content"],
        "painting": settings["style"],
        "weight": f"α {settings['content_weight']:.2g}",
        "steps": f"{steps} steps",
        "size": f"{side} px",
        **{f"{kind} layers": f"{kind}: {names}" for kind, names in layers.items()},
        "mixed": "changed on the way" if mixed else "",
    }


def captions(runs: Sequence[Mapping[str, str]]) -> list[str]:
    """For each run those of its `facts` in which the runs differ; α, steps and size where they do not.

    >>> run = {"weight": "α 0.1", "steps": "40 steps", "size": "96 px", "style layers": "style: relu1_1"}
    >>> captions([run]), captions([run, {**run, "style layers": "style: relu3_1"}])
    (['α 0.1, 40 steps, 96 px'], ['style: relu1_1', 'style: relu3_1'])
    """
    differing = [name for name in runs[0] if len({run[name] for run in runs}) > 1]
    found = [", ".join(run[name] for name in differing if run[name]) for run in runs]
    return [words or ", ".join(run[name] for name in USUAL) for words, run in zip(found, runs, strict=True)]

"""The finished runs of a panel: thumbnails, and a comparison of two of them under a divider."""

import html

import ipywidgets as widgets
from torch import Tensor

from nstlib.images import resize_image
from nstlib.widgets.common import encode, picture, text
from nstlib.widgets.comparison import compare

THUMB = (96, 128)  # height and width on the page
KEPT = 6  # runs


class Gallery:
    """The last six runs.

    Attributes
    ----------
    runs : list of (number, words, image)
    row, below : widgets, the thumbnails and the comparison
    """

    def __init__(self):
        self.runs: list[tuple[int, str, Tensor]] = []
        self._slots = [picture(THUMB[1], THUMB[0]) for _ in range(KEPT)]
        self._captions = [text("", "nst-quiet", width=f"{THUMB[1] + 10}px") for _ in range(KEPT)]
        cards = zip(self._slots, self._captions, strict=True)
        layout = {"display": "none", "margin": "4px 8px 0 0"}
        self.row = widgets.HBox([widgets.VBox(card, layout=dict(layout)) for card in cards])
        self.below = widgets.VBox([])

    def add(self, words: str, image: Tensor) -> None:
        """One more run, last in the row."""
        number = self.runs[-1][0] + 1 if self.runs else 1
        self.runs = [*self.runs, (number, words, image.cpu())][-KEPT:]
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

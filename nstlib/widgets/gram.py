"""Gram matrices to touch: an entry, the two maps behind it, and their product, whose sum it is."""

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import torch
from torch import Tensor

from nstlib.losses import gram_matrix
from nstlib.networks import FeatureNetwork, as_network
from nstlib.plots import cluster_order
from nstlib.widgets.common import (
    Explorer,
    encode,
    enlarge,
    forget_error,
    message,
    named,
    pad,
    picture,
    say,
    shrink,
    text,
    told,
    untaken,
    upload,
)
from nstlib.widgets.gram_parts import (
    describe,
    equation,
    marked,
    meaning,
    panels,
    shuffled,
    squares,
    strongest,
    sum_words,
    unchanged,
)

SIDE = 252  # of a Gram matrix on the page, in pixels
MAP = (126, 168)  # height and width of a map on the page


def explore_gram(
    images: Mapping | Sequence = ("riverside_town", "night_swirls"),
    network: FeatureNetwork | None = None,
    *,
    layer: str = "relu3_1",
    size: int | None = 256,
) -> "GramExplorer":
    """Gram matrices of two pictures and their difference; click an entry, or walk with the arrow keys, to see where it
    comes from.

        Gᵢⱼ = Σₖ Fᵢₖ Fⱼₖ        equation 3; notebooks/04_gram_matrices_and_style

    Parameters
    ----------
    images : title -> picture, or pictures; each is anything that `load_image` reads. The first two are shown first.
    network : FeatureNetwork; `load_network("mini")` where None
    layer : the first layer shown
    size : longer side of the pictures in pixels, where they are larger; None leaves them as they are

    Returns
    -------
    GramExplorer: a widget, to be the last value of a cell. `select(i, j)` does what a click does; `number()` is the
    entry shown.

    Filters are drawn in an order that puts those which fire together side by side (`cluster_order`). Colours show √(Gᵢⱼ
    / M), per position, so that pictures of different sizes can be compared.
    """
    network = as_network(network)
    return GramExplorer(named(images, size), network, layer, size)


class GramExplorer(Explorer):
    """See `explore_gram`."""

    columns, height = 3, 2.6

    def __init__(self, pictures: dict[str, Tensor], network: FeatureNetwork, layer: str, size: int | None):
        self.network, self.pictures, self.size = network, pictures, size
        self.i = self.j = 0
        self._setting = False
        self.line = message()
        self._controls(layer)
        how, act = "click an entry, or walk with the arrow keys", {"on_click": self._click, "on_move": self._move}
        words = ("first picture", "second picture", "difference")
        pads, self.squares = zip(*(pad(f"{what}: {how}", SIDE, SIDE, **act) for what in words), strict=True)
        self.heads = [text("", "nst-head") for _ in range(3)]
        column = {"flex": f"1 1 {SIDE - 22}px", "max_width": f"{SIDE + 4}px"}
        columns = [widgets.VBox([head, box], layout=column) for head, box in zip(self.heads, pads, strict=True)]
        right = widgets.VBox([self.of, self.top], layout={**column, "flex": "1 1 136px"})
        self.maps = [[picture(MAP[1], MAP[0]) for _ in range(3)] for _ in range(2)]
        for shown in (*self.maps[0], *self.maps[1]):
            shown.add_class("nst-crisp")
        self.captions = [text("", "nst-head") for _ in range(3)]
        self.sums = [text("", f"nst-sum-{k}", flex="1 1 220px") for k in range(2)]
        self.meaning, self.spoken = text("", "nst-quiet"), text("", "nst-live", "nst-unseen")
        head = equation(self.captions, MAP[1])
        rows = [
            widgets.HBox([equation(maps, MAP[1]), total], layout={"margin": "0 0 6px 0", "grid_gap": "0 12px"})
            for maps, total in zip(self.maps, self.sums, strict=True)
        ]
        super().__init__(
            "Gram matrices explorer",
            [
                widgets.HBox([self.layer, widgets.HBox(self.choice)]),
                widgets.HBox([self.at[0], self.at[1], self.shuffle, self.upload]),
                self.line,
                widgets.HBox([*columns, right], layout={"grid_gap": "4px 6px", "align_items": "flex-end"}),
                self.meaning,
                self.spoken,
                head,
                *rows,
            ],
        )
        self._take()

    def _controls(self, layer: str) -> None:
        relus = [name for name in self.network.layers if name.startswith("relu")]
        if layer not in relus:
            raise ValueError(f"layer is {layer!r}; wanted one of {', '.join(relus)}.")
        narrow = {"description_width": "auto"}
        self.layer = widgets.SelectionSlider(
            options=relus,
            value=layer,
            description="layer",
            style=narrow,
            continuous_update=False,
            tooltip="layer of the network",
            layout={"width": "300px"},
        )
        names, menu = list(self.pictures), {"style": narrow, "layout": {"width": "auto", "min_width": "230px"}}
        self.choice = [
            widgets.Dropdown(options=names, value=names[min(k, len(names) - 1)], description=word, **menu)
            for k, word in enumerate(("first", "second"))
        ]
        number = {"min": 0, "max": 0, "tooltip": "number of a filter", "style": narrow, "layout": {"width": "120px"}}
        self.at = [widgets.BoundedIntText(0, description=f"filter {word}", **number) for word in "ij"]
        scramble = {"tooltip": "scramble all maps in the same way", "layout": {"width": "auto", "min_width": "150px"}}
        self.shuffle = widgets.ToggleButton(False, description="Shuffle positions", **scramble)
        self.upload = upload(self.line, self.add)
        which = [("first", 0), ("second", 1), ("difference", 2)]
        above = {"width": "auto", "margin": "0 0 4px 0"}
        self.of = widgets.Dropdown(options=which, description="top of", style=narrow, layout=above)
        below = {"width": "auto", "height": f"{SIDE - 8}px", "margin": "0"}
        self.top = widgets.Select(options=[], rows=10, tooltip="largest entries off the diagonal", layout=below)
        for control, name in (
            (self.layer, "nst-layer"),
            (self.shuffle, "nst-shuffle"),
            (self.top, "nst-top"),
            (self.upload, "nst-upload"),
            (self.at[0], "nst-i"),
            (self.at[1], "nst-j"),
        ):
            control.add_class(name)
        for control in (self.layer, *self.choice):
            control.observe(lambda _: self._setting or self._look(), "value")
        self.shuffle.observe(lambda _: self._scramble(), "value")
        self.of.observe(lambda _: self._list(), "value")
        self.top.observe(lambda change: change["new"] and self.select(*change["new"]), "value")
        for box in self.at:
            box.observe(lambda _: self._typed(), "value")

    # ---- what a reader does

    def add(self, name: str, image: Tensor) -> None:
        """One more picture, shown second."""
        name = untaken(name, self.pictures)
        self.pictures[name] = shrink(image, self.size)
        self._setting = True
        for choice, now in zip(self.choice, (self.choice[0].value, name), strict=True):
            choice.options = list(self.pictures)
            choice.value = now
        self._setting = False
        self._look()

    def select(self, i: int, j: int) -> None:
        """Show the entry of filters i and j."""
        if (i, j) != (self.i, self.j):
            self.i, self.j = i, j
            self._draw()

    def _typed(self) -> None:
        if not self._setting:
            self.select(self.at[0].value, self.at[1].value)

    def number(self, which: int = 0) -> float:
        """The entry (i, j) of the Gram matrix of the first picture (0) or the second (1), in double precision."""
        return self.grams[which][self.i, self.j].item()

    def _click(self, x: float, y: float) -> None:
        self.select(self.order[int(y * len(self.order))], self.order[int(x * len(self.order))])

    def _move(self, right: int, down: int) -> None:
        rank = {filter_: place for place, filter_ in enumerate(self.order)}
        last = len(self.order) - 1
        i, j = (min(max(rank[old] + by, 0), last) for old, by in ((self.i, down), (self.j, right)))
        self.select(self.order[i], self.order[j])

    # ---- what is computed

    def _look(self) -> None:
        """New pictures or another layer; where a picture is too small for it, a sentence, and all stays as it was."""
        with told(self.line):
            self._take()
            forget_error(self.line)
            return
        self._setting = True
        for control, value in zip((self.layer, *self.choice), self.taken, strict=True):
            control.value = value
        self._setting = False

    @torch.no_grad()
    def _take(self) -> None:
        shown = [self.pictures[choice.value] for choice in self.choice]
        self.shapes = [self.network(image, [self.layer.value])[self.layer.value].cpu().double() for image in shown]
        self.images, self.taken = shown, [control.value for control in (self.layer, *self.choice)]
        filters = self.shapes[0].shape[1]
        self.order = cluster_order(sum(gram_matrix(f) / f[0, 0].numel() for f in self.shapes))
        self.i, self.j = (k if k < filters else 0 for k in (self.i, self.j))
        self._set_fields(filters)
        self._scramble(fresh=True)

    def _scramble(self, fresh: bool = False) -> None:
        """The maps as they are, or with their positions shuffled: one permutation for all filters of a picture."""
        self.features = [shuffled(f) if self.shuffle.value else f for f in self.shapes]
        before = None if fresh else self.grams
        self.grams = [gram_matrix(f)[0] for f in self.features]
        self.means = [gram / f[0, 0].numel() for gram, f in zip(self.grams, self.features, strict=True)]
        if self.shuffle.value and before:
            say(self.line, unchanged(before, self.grams))
        elif not fresh:
            say(self.line, "")
        self._paint()
        self._list()
        if fresh and self.i == self.j == 0:
            self.i, self.j = self.top.options[0][1]
        self._draw()

    def _list(self) -> None:
        """The ten strongest pairs off the diagonal."""
        matrix = [*self.means, self.means[0] - self.means[1]][self.of.value]
        self.top.value = None  # else the first of the new ones would be selected, and shown
        self.top.options = strongest(matrix)
        self._point()

    def _point(self) -> None:
        """In the list, to the pair that is shown, if it is there."""
        pair = (self.i, self.j)
        self.top.value = pair if pair in dict(self.top.options).values() else None

    # ---- what is drawn

    def _paint(self) -> None:
        """The three squares, without the mark."""
        first, second = (mean[self.order][:, self.order] for mean in self.means)
        self.painted = [enlarge(square, SIDE) for square in squares(first, second)]
        names = [choice.value for choice in self.choice]
        for head, title in zip(self.heads, (*names, f"{names[0]} − {names[1]}"), strict=True):
            head.value = html.escape(title)

    def _draw(self) -> None:
        """The mark, the maps and the sums of the entry chosen."""
        self._set_fields(len(self.order))
        self._point()
        row, column = self.order.index(self.i), self.order.index(self.j)
        for shown, square in zip(self.squares, self.painted, strict=True):
            shown.value = encode(marked(square, row, column, len(self.order)))
        for caption, words in zip(
            self.captions,
            (f"map of filter i = {self.i}", f"map of filter j = {self.j}", "product of the two"),
            strict=True,
        ):
            caption.value = words
        for which, maps in enumerate(panels(self.features, self.i, self.j)):
            for shown, panel in zip(self.maps[which], maps, strict=True):
                shown.value = encode(panel)  # the page enlarges it
            self.sums[which].value = sum_words(
                self.choice[which].value, self.features[which], self.i, self.j, self.number(which)
            )
        self.meaning.value = meaning(self.i, self.j)
        names, entries = [choice.value for choice in self.choice], [self.number(which) for which in range(2)]
        self.spoken.value = describe(self.squares, self.maps, self.layer.value, names, (self.i, self.j), entries)

    def _set_fields(self, filters: int) -> None:
        self._setting = True  # by program, not by the reader: nothing to answer
        for box, value in zip(self.at, (self.i, self.j), strict=True):
            box.max, box.value = filters - 1, value
        self._setting = False

    def still(self) -> dict[str, Tensor]:
        row, column = self.order.index(self.i), self.order.index(self.j)
        marks = [marked(square, row, column, len(self.order)) for square in self.painted]
        maps = [enlarge(shown, SIDE) for shown in panels(self.features, self.i, self.j)[0]]
        heads = (*(choice.value for choice in self.choice), "difference")
        words = (f"filter {self.i}", f"filter {self.j}", f"product: sum {self.number():,.1f}")
        return dict(zip((*heads, *words), (*marks, *maps), strict=True))

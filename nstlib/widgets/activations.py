"""Activations to walk through: every map of a layer, one of them over the picture, and the places where it is
strongest.
"""

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor

from nstlib.images import resize_image
from nstlib.networks import FeatureNetwork, as_network, receptive_field
from nstlib.plots import colored
from nstlib.widgets.common import (
    Explorer,
    encode,
    fit,
    forget_error,
    message,
    named,
    pad,
    picture,
    shrink,
    text,
    told,
    upload,
)

GRID = (360, 480)  # height and width of all maps together
BIG = (330, 440)
PATCH, PATCHES = 84, 5


def explore_activations(
    image="riverside_town", network: FeatureNetwork | None = None, *, layer: str = "relu2_1", size: int | None = 256
) -> "ActivationExplorer":
    """All activation maps of a layer; click one, or walk with the arrow keys, to lay it over the picture.

    The stronger the activation, the more the map covers the picture; where it is 0, the picture shows as it is.

        Fˡ, one row for each filter: (1, N, h, w)        notebooks/02_activations

    Parameters
    ----------
    image : anything that `load_image` reads
    network : FeatureNetwork; `load_network("mini")` where None
    layer : the first layer shown
    size : longer side of the picture in pixels, where it is larger; None leaves it as it is

    Returns
    -------
    ActivationExplorer: a widget, to be the last value of a cell. `select(channel)` does what a click does.
    """
    return ActivationExplorer(named([image], size), as_network(network), layer, size)


class ActivationExplorer(Explorer):
    """See `explore_activations`."""

    height = 3.6

    def __init__(self, images: dict[str, Tensor], network: FeatureNetwork, layer: str, size: int | None):
        if layer not in network.layers:
            raise ValueError(f"layer is {layer!r}; wanted one of {', '.join(network.layers)}.")
        self.network, self.size, self.chosen = network, size, None
        (image,) = images.values()
        self.line = message()
        narrow = {"description_width": "auto"}
        self.layer = widgets.SelectionSlider(
            options=network.layers,
            value=layer,
            description="layer",
            style=narrow,
            continuous_update=False,
            tooltip="layer of the network",
            layout={"width": "340px"},
        )
        self.channel = widgets.BoundedIntText(
            0, min=0, max=0, description="channel", tooltip="number of the map", style=narrow, layout={"width": "130px"}
        )
        self.opacity = widgets.FloatSlider(
            0.9,
            min=0,
            max=1,
            step=0.05,
            description="map over picture",
            style=narrow,
            readout_format=".0%",
            tooltip="how much of the picture the map covers",
            layout={"width": "340px"},
        )
        self.upload = upload(self.line, lambda name, image: self.show(image))
        for control, name in (
            (self.layer, "nst-layer"),
            (self.channel, "nst-channel"),
            (self.opacity, "nst-opacity"),
            (self.upload, "nst-upload"),
        ):
            control.add_class(name)
        grid, self.grid = pad(
            "all maps of the layer: click one, or walk with the arrow keys",
            GRID[1],
            GRID[0],
            on_click=self._click,
            on_move=self._move,
        )
        self.big = picture(BIG[1], BIG[0])
        self.big.add_class("nst-big")
        self.patches = picture(PATCHES * (PATCH + 4), PATCH)
        left = {"flex": "1 1 330px", "max_width": f"{GRID[1] + 4}px"}
        right, apart = {"flex": "1 1 300px", "max_width": f"{BIG[1]}px"}, {"grid_gap": "0 12px"}
        self.facts, self.title = text("", "nst-facts", "nst-live", min_height="48px", **right), text("", "nst-head")
        super().__init__(
            "Activations explorer",
            [
                widgets.HBox([self.layer, self.channel, self.upload]),
                self.line,
                widgets.HBox(
                    [
                        widgets.VBox([self.title, grid], layout=left),
                        widgets.VBox([text("&nbsp;"), self.big, self.opacity], layout=right),
                    ],
                    layout=apart,
                ),
                widgets.HBox(
                    [
                        widgets.VBox([text("where it is strongest", "nst-head"), self.patches], layout=left),
                        self.facts,
                    ],
                    layout=apart,
                ),
            ],
        )
        self.layer.observe(lambda _: self.layer.value != self.taken and self._look(), "value")
        self.channel.observe(lambda change: self.select(change["new"]), "value")
        self.opacity.observe(lambda _: self._lay_over(), "value")
        self._take(image)

    # ---- what a reader does

    def show(self, image: Tensor) -> None:
        """Another picture."""
        self._look(shrink(image, self.size))

    def select(self, channel: int) -> None:
        if channel != self.chosen:
            self.chosen = channel
            self._draw()

    def _click(self, x: float, y: float) -> None:
        place = int(y * GRID[0] / self.cell[0]) * self.columns + int(x * GRID[1] / self.cell[1])
        if place < self.features.shape[0]:
            self.select(place)

    def _move(self, right: int, down: int) -> None:
        self.select(min(max(self.chosen + right + down * self.columns, 0), self.features.shape[0] - 1))

    # ---- what is computed and drawn

    def _look(self, image: Tensor | None = None) -> None:
        """Another layer or picture; where the picture is too small for it, a sentence, and all stays as it was."""
        with told(self.line):
            self._take(self.image if image is None else image)
            forget_error(self.line)
            return
        self.layer.value = self.taken

    @torch.no_grad()
    def _take(self, image: Tensor) -> None:
        layer = self.layer.value
        self.features = self.network(image, [layer])[layer][0].cpu()
        self.image, self.taken = image, layer
        count = self.features.shape[0]
        if self.chosen is None:  # begin with the liveliest
            self.chosen = self.features.flatten(1).std(1).argmax().item()
        self.chosen = min(self.chosen, count - 1)
        self._lay_out()
        self.channel.max = count - 1  # this may move `channel`, to what is chosen already: nothing to draw
        self._draw()

    def _lay_out(self) -> None:
        """All maps in a grid, on one scale."""
        count, height, width = self.features.shape
        fits = {
            columns: min(GRID[1] / columns / width, GRID[0] / -(-count // columns) / height)
            for columns in range(1, count + 1)
        }
        self.columns = max(fits, key=fits.get)  # where the maps are largest
        rows = -(-count // self.columns)
        self.cell = (GRID[0] // rows, GRID[1] // self.columns)
        self.low = min(0.0, self.features.quantile(0.005).item()) if self.features.numel() < 1e7 else 0.0
        self.high = self.features.flatten()[:: max(1, self.features.numel() // 10**6)].quantile(0.995).item() or 1.0
        shade = [
            fit(colored(values, low=self.low, high=self.high), self.cell[0] - 2, self.cell[1] - 2, 0.5)
            for values in self.features
        ]
        tiles = F.pad(
            torch.cat([*shade, *[torch.full_like(shade[0], 0.5)] * (rows * self.columns - count)]),
            (1, 1, 1, 1),
            value=0.5,
        )
        sheet = (
            tiles.view(rows, self.columns, 3, *self.cell).permute(2, 0, 3, 1, 4).reshape(1, 3, rows * self.cell[0], -1)
        )
        self.sheet = F.pad(sheet, (0, GRID[1] - sheet.shape[-1], 0, GRID[0] - sheet.shape[-2]), value=0.5)
        self.grid.tooltip = f"{count} maps of {self.layer.value}, the activations of one picture"
        kind = (
            "before the ReLU"
            if self.taken.startswith("conv")
            else "after the ReLU"
            if self.taken.startswith("relu")
            else "pooled"
        )
        self.title.value = f"{self.taken}, {kind}: {count} maps of {height} × {width}"

    def _draw(self) -> None:
        self.channel.value = self.chosen
        self.grid.value = encode(self._framed())
        self._lay_over()
        values = self.features[self.chosen]
        self.patches.value = encode(self._strongest(values), photograph=True)
        self.patches.tooltip = f"the {PATCHES} windows of the picture where channel {self.chosen} is strongest"
        silent = (values <= 0).double().mean().item()
        self.facts.value = (
            f"<b>channel {self.chosen}</b><br>mean {values.mean():.3g}, largest {values.max():.3g}<br>"
            f'<span class="nst-quiet">not above zero at {silent:.0%} of {values.numel():,} positions (sparsity)</span>'
        )

    def _framed(self) -> Tensor:
        row, column = divmod(self.chosen, self.columns)
        frame, (height, width) = self.sheet.clone(), self.cell
        ring = torch.ones(height, width, dtype=torch.bool)
        ring[2:-2, 2:-2] = False
        part = frame[..., row * height : (row + 1) * height, column * width : (column + 1) * width]
        part[..., ring] = torch.tensor([1.0, 0.25, 0.2])[None, :, None]
        return frame

    def _lay_over(self) -> None:
        self.big.value = encode(self._blend(), photograph=True)
        row, column = divmod(int(self.features[self.chosen].argmax()), self.features.shape[2])
        across, down = (column + 0.5) / self.features.shape[2], (row + 0.5) / self.features.shape[1]
        self.big.tooltip = (
            f"channel {self.chosen} of {self.layer.value} over the picture; it is strongest at {across:.0%} of the width "
            f"and {down:.0%} of the height"
        )

    def _blend(self) -> Tensor:
        """The map over the picture. Opacity follows the activation: none where it is 0, full for the strongest 1 %."""
        values, size = self.features[self.chosen], tuple(self.image.shape[-2:])
        shade = colored(values, low=self.low, high=values.max().item() or 1)
        strength = values.abs()
        some = strength.flatten()[:: max(1, strength.numel() // 10**6)]
        strength = (strength / (some.quantile(0.99).item() or strength.max().item() or 1)).clamp(max=1)[None, None]
        shade, strength = (F.interpolate(part, size, mode="nearest") for part in (shade, strength))
        opacity = self.opacity.value * strength
        return (1 - opacity) * self.image + opacity * shade

    def _strongest(self, values: Tensor) -> Tensor:
        """What the channel sees at its strongest places: a window as large as its receptive field, at least 24
        pixels.
        """
        field, stride, _ = receptive_field(self.taken)
        half, left = max(field, 24) // 2, values.clone()
        half = min(half, min(self.image.shape[-2:]) // 2)
        near, sight, found = max(1, half // stride), F.pad(self.image, (half,) * 4, value=0.5), []
        for _ in range(PATCHES):
            row, column = divmod(int(left.argmax()), left.shape[1])
            # In `sight`, the window begins where its middle was
            top, side = (int((k + 0.5) * stride) for k in (row, column))
            patch = resize_image(sight[..., top : top + 2 * half, side : side + 2 * half], (PATCH, PATCH))
            found.append(F.pad(patch, (2, 2, 0, 0), value=0.5))
            left[
                max(0, row - near) : row + near + 1, max(0, column - near) : column + near + 1
            ] = -torch.inf  # not the same place again
        return torch.cat(found, -1)

    def still(self) -> dict[str, Tensor]:
        return {self.title.value: self._framed(), f"channel {self.chosen} over the picture": self._blend()}

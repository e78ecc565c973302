"""Pen and ink: a sheet that knows how dark each place is and which way its form runs, and hatching for it.

A scene is laid shape upon shape, from far to near. Each shape says how dark it is, which way its form runs,
and where it ends (maps `dark`, `angle`, `region`), and gets a contour; laying a shape wipes the contours
beneath it. Then `hatch` covers the dark places with lines. A line follows the form, stops at the edge of its
shape or where the light begins, and keeps its distance from its neighbours: wide apart in half-light, close
in shadow.
"""

from collections import deque

import numpy as np
from scipy import ndimage

from . import common as c


class Sheet:
    """The sheet: three maps of the scene, and the canvas that takes the ink (255 is black)."""

    def __init__(self, height, width, rng):
        self.rng = rng
        self.x, self.y = c.pixel_grid(height, width)
        self.dark, self.angle = np.zeros((2, height, width))
        self.region = np.zeros((height, width), dtype=int)
        self.image, self.ink = c.new_canvas(height, width, 0, mode="L")

    def pen(self, line, width, wobble=0.5):
        """Draw a line that trembles a little and swells and tapers with the pressure of the hand."""
        line = c.resample(np.asarray(line, dtype=float), 2.0)
        tremble = ndimage.gaussian_filter1d(self.rng.normal(0, 1, (len(line), 2)), 3, axis=0, mode="nearest")
        pressure = ndimage.gaussian_filter1d(self.rng.normal(0, 1, len(line)), 6, mode="nearest")
        widths = width * (0.35 + 0.75 * c.taper(len(line)) + 0.6 * pressure)
        line = line + 2 * wobble * tremble
        side = c.normals(line) * np.maximum(widths, 0.55)[:, None] / 2
        left, right = line + side, line - side
        for i in range(len(line) - 1):  # piece by piece: one long outline would cancel where it crosses itself
            c.fill_shape(self.ink, np.array([left[i], left[i + 1], right[i + 1], right[i]]), 255)

    def blot(self, outline):
        """Fill a shape with solid black."""
        c.fill_shape(self.ink, outline, 255)

    def lay(self, outline, dark, angle, line=1.4):
        """Lay a shape: darkness and direction are numbers or maps; `line` is the width of its contour."""
        outline = np.asarray(outline, dtype=float)
        mask = c.shape_mask(*self.dark.shape, outline)
        self.region[mask] = self.region.max() + 1
        self.dark[mask] = np.broadcast_to(dark, mask.shape)[mask]
        self.angle[mask] = np.broadcast_to(angle, mask.shape)[mask]
        c.fill_shape(self.ink, outline, 0)
        if line:
            self.pen(np.concatenate([outline, outline[:1]]), line)
        return mask


# Hatching ------------------------------------------------------------------------------------------------

def trace(start, direction, dark, region, taken, least, steps):
    """Follow the form from `start` both ways until the shape, the shadow or the free space ends."""
    height, width = dark.shape
    home, line = region[int(start[1]), int(start[0])], [start]
    for sign in (1, -1):
        x, y = start
        for _ in range(steps):
            dx, dy = direction[int(y), int(x)]
            x, y = x + 1.5 * sign * dx, y + 1.5 * sign * dy
            if not (0 <= x < width and 0 <= y < height) or taken[int(x * c.SCALE), int(y * c.SCALE)]:
                break
            if region[int(y), int(x)] != home or dark[int(y), int(x)] < least:
                break
            line.append((x, y)) if sign > 0 else line.insert(0, (x, y))
    return np.array(line)


def hatch(sheet, turn, least, spacing, rng):
    """Cover everything darker than `least` with lines at `turn` (radians) to the form."""
    height, width = sheet.dark.shape
    dark = sheet.dark + 0.16 * (c.fractal_noise(height, width, 26, rng, 3) - 0.5)  # hatching ends raggedly
    hand = 0.3 * (c.value_noise(height, width, 70, rng) - 0.5)  # the wrist turns from place to place
    direction = c.angle_field(sheet.angle + turn + hand)
    taken_image, taken_draw = c.new_canvas(height, width, 0, mode="L")
    taken = taken_image.load()
    for seed in c.jittered_points(height - 1, width - 1, 5, rng):
        # From each seed the hatching spreads sideways, line beside line, until its patch is full.
        waiting = deque([tuple(seed)])
        while waiting:
            x, y = start = waiting.popleft()
            if not (0 <= x < width and 0 <= y < height) or taken[int(x * c.SCALE), int(y * c.SCALE)]:
                continue
            tone = dark[int(y), int(x)]
            if tone < least:
                continue
            gap = spacing * (1 - 0.62 * min(1.0, (tone - least) / (1.02 - least)))
            line = trace(start, direction, dark, sheet.region, taken, least, int(rng.integers(8, 26)))
            c.draw_line(taken_draw, np.array([(x, y), (x + 0.6, y)]) if len(line) < 2 else line, 2 * gap - 1, 255)
            if len(line) < 4:
                continue
            across = c.normals(line)
            for place in (len(line) // 6, len(line) // 2, len(line) - 1 - len(line) // 6):
                for side in (-1, 1):
                    waiting.append(tuple(line[place] + side * across[place] * gap * rng.uniform(1.0, 1.2)))
            thick = (0.4 + 0.75 * tone) * rng.uniform(0.8, 1.2)
            bow = np.sin(np.linspace(0, np.pi, len(line))) * rng.normal(0, 0.35)
            c.fill_shape(sheet.ink, c.ribbon(line + across * bow[:, None], 0.4 + thick * c.taper(len(line))), 255)

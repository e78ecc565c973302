"""A leaded window: sun, mountains, a river and poppies in jewel-coloured glass.

How it is built
---------------
The design is a map of parts (sun, sky, hill, each petal ...), and each part is cut into panes as a glazier would: the
sky along rays and rings, hills along furrows, the river along waves. Every pane gets one sheet of glass: a colour,
streaks in a direction of its own, ripples, bubbles, and a glow that fades towards its edge. The distance to the
nearest cut gives the lead, thicker between parts than inside them, blobbed with solder where panes meet, and lit
from the upper left like the round bar that it is. All of it happens at twice the size and is then reduced.
"""

import numpy as np
from scipy import ndimage

from painting.common import (
    SCALE,
    colours,
    fractal_noise,
    jitter_colour,
    jittered_points,
    mix,
    pixel_grid,
    ribbon,
    shape_mask,
    sharpen,
    shrink,
    smooth_curve,
    smoothstep,
    to_uint8,
    value_noise,
)

WIDTH, HEIGHT = 640, 800
SUN = (405.0, 232.0)
BORDER = 36
PALETTES = {  # each part takes its panes from a few sheets of glass
    "sky": colours("#0b2a8f", "#1546b8", "#2a1a86", "#1c74c9", "#41208f", "#0f3fa0", "#3aa0d8"),
    "far sky": colours("#0a1560", "#1b1170", "#10308c", "#2b0f6b", "#0c2380"),
    "sun": colours("#fff2a0", "#ffd84a", "#ffe680"),
    "corona": colours("#ffb01e", "#ff8a12", "#ffc93c", "#f26a10"),
    "flame": colours("#e8301a", "#ffa01c", "#d61a2a", "#ffc22e"),
    "cloud": colours("#e8d6ee", "#f4c9c0", "#c9c4ee", "#f8e6d0", "#e2a9c0"),
    "peak": colours("#5b3aa8", "#3c56b4", "#7d4fb8", "#2f3f9a", "#8c6cc8"),
    "snow": colours("#e6ecff", "#c6d8f6", "#f2e6f2"),
    "hill": colours("#1d8a3c", "#46a82e", "#0f6b3a", "#86b826", "#17955e"),
    "meadow": colours("#0d5c34", "#2a7f2a", "#0a4a3c", "#5c9a1e", "#146b2a"),
    "river": colours("#35c3d8", "#8be4ea", "#1797c4", "#c8f4f0", "#20b2c0"),
    "poppy": colours("#d80f1e", "#f0351c", "#b00a2a", "#ff5a26", "#e0143c"),
    "heart": colours("#2a1238", "#f0c020"),
    "bud": colours("#f08ab8", "#d84a98", "#f8b4cc"),
    "leaf": colours("#3fae2a", "#0f7a34", "#7cc62a", "#1d9a4a"),
    "border": colours("#b5121f", "#123f9c", "#e2a11c", "#0e7046"),
    "fillet": colours("#f2cf6a", "#f7e3a2"),
}
SHEETS = list(PALETTES)


class Design:
    """Two maps at canvas size: which part a pixel belongs to (and its sheet of glass), and which cut inside the part."""

    def __init__(self):
        self.x, self.y = (a / SCALE for a in pixel_grid(HEIGHT * SCALE, WIDTH * SCALE))
        self.part = np.zeros(self.x.shape, np.int32)
        self.sheet, self.cut = np.zeros_like(self.part), np.zeros_like(self.part)
        self.parts = 0

    def lay(self, mask, sheet, cut=0):
        """Put a part on top of what is there; `cut` numbers the panes inside it."""
        self.parts += 1
        self.part[mask] = self.parts
        self.sheet[mask] = SHEETS.index(sheet)
        self.cut[mask] = np.broadcast_to(np.asarray(cut, dtype=np.int32), mask.shape)[mask]

    def outline(self, points):
        return shape_mask(HEIGHT * SCALE, WIDTH * SCALE, np.asarray(points) * SCALE)


def bands(value, widths):
    """Number of the band that `value` falls into, bands being `widths` wide one after the other."""
    return np.searchsorted(np.cumsum(widths), value)


def lay_sky(design, rng):
    dx, dy = design.x - SUN[0], design.y - SUN[1]
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    edges = np.sort((np.arange(22) + rng.uniform(-0.28, 0.28, 22)) / 22 * 2 * np.pi)
    swirl = (angle + 0.16 * np.sin(r / 75.0) + 2 * np.pi) % (2 * np.pi)
    sector = np.searchsorted(edges, swirl) % 22
    shift = rng.uniform(-26, 26, 22)[sector]
    ring = bands(r + shift + 8 * np.sin(3 * angle), [165, 75, 85, 95, 100, 110, 120])
    design.lay(r < 900, "far sky", sector * 10 + ring)
    near = ring < 3
    design.sheet[near] = SHEETS.index("sky")
    return r, angle


def lay_sun(design, r, angle):
    flames = 15
    wave = (angle * flames / (2 * np.pi) + 0.35 * np.sin(r / 20)) % 1
    tongue = 92 + 46 * (1 - np.abs(2 * wave - 1)) ** 0.8
    design.lay(r < tongue, "flame", np.floor(2 * (angle * flames / (2 * np.pi) + 0.35 * np.sin(r / 20)) + 0.0).astype(int) % (2 * flames))
    design.lay(r < 92, "corona", np.floor((angle + 0.004 * r) * 14 / (2 * np.pi)).astype(int))
    petal = 34 + 22 * np.abs(np.cos(4 * angle))
    design.lay(r < petal, "sun", np.floor(angle * 8 / (2 * np.pi) + 0.5).astype(int) % 8)
    design.lay(r < 21, "sun")


def lay_clouds(design):
    for line, width in (([(20, 330), (110, 296), (190, 318), (262, 290), (330, 330)], 44), ([(640, 372), (560, 350), (490, 378), (420, 372)], 34),
                        ([(10, 120), (90, 138), (170, 110), (235, 120)], 36)):
        path = smooth_curve(line, 30)
        t = np.linspace(0, 1, len(path))
        puffs = width * (0.35 + 0.65 * np.sin(np.pi * t) ** 0.6) * (1 + 0.25 * np.sin(17 * t))
        design.lay(design.outline(ribbon(path, puffs)), "cloud", bands(design.x + 14 * np.sin(design.y / 13), [50] * 14))


def lay_land(design):
    x, y = design.x, design.y
    ridge = 455 - 105 * np.exp(-(((x - 190) / 75) ** 2)) - 75 * np.exp(-(((x - 70) / 60) ** 2)) - 92 * np.exp(-(((x - 545) / 85) ** 2)) + 10 * np.sin(x / 21)
    zigzag = np.abs((x / 46) % 1 - 0.5)
    facet = np.floor((x + 0.45 * (y - ridge)) / 44) * 8 + np.floor((y - ridge + 24 * zigzag) / 62)
    design.lay(y > ridge, "peak", facet)
    design.lay((y > ridge) & (y < ridge + 20 + 34 * zigzag) & (ridge < 405), "snow", np.floor((x + 10) / 38))
    for base, tilt, height, period, sheet, step in ((492, -0.06, 26, 150, "hill", 30), (535, 0.10, 30, 190, "meadow", 36), (600, -0.12, 34, 230, "hill", 42)):
        crest = base + tilt * (x - 320) - height * np.sin(x / period * 3.1 + base)
        furrow = np.floor((y - crest) / step) * 20 + np.floor((x + (y - crest) * 0.9 + 22 * np.sin(y / 27)) / 96)
        design.lay(y > crest, sheet, furrow)
    t = ((y - 478) / 330).clip(0, 1)  # the river comes out of the hills and widens towards us
    middle = 330 + 120 * np.sin(4.6 * t + 0.3) * (0.25 + 0.75 * t) - 40 * t
    half = 8 + 78 * t**1.2
    u = (x - middle) / half
    wave = bands(y + 6 * np.sin(x / 15), np.r_[494, np.linspace(18, 38, 11)]) * 4 + np.floor(u * 0.9 + 0.35 * np.sin(y / 24) + 0.5)
    design.lay((y > 478) & (np.abs(u) < 1), "river", wave)


def petal(centre, angle, length, width):
    """Closed outline of a petal that starts at `centre` and broadens towards its rounded end."""
    along, across = np.array((np.cos(angle), np.sin(angle))), np.array((-np.sin(angle), np.cos(angle)))
    shape = [(0, 0), (0.35, 0.42), (0.75, 0.55), (1.0, 0.3), (0.95, 0), (1.02, -0.28), (0.75, -0.55), (0.35, -0.42)]
    return smooth_curve([np.asarray(centre) + a * length * along + b * width * across for a, b in shape], 10, closed=True)


def lay_flowers(design, rng):
    stems = [((96, 800), (122, 700), (118, 590), (133, 560)), ((205, 810), (188, 740), (214, 690), (226, 668)), ((540, 810), (528, 720), (548, 620), (526, 566)),
             ((455, 810), (470, 760), (452, 720), (446, 700)), ((30, 800), (52, 720), (44, 670), (52, 640)), ((600, 800), (585, 745), (600, 705), (596, 680))]
    blades = [((150, 812), (160, 730), (205, 610), (262, 560)), ((120, 812), (98, 730), (70, 660), (66, 560)), ((500, 812), (492, 720), (460, 640), (412, 590)),
              ((560, 812), (576, 730), (590, 640), (580, 540)), ((250, 812), (262, 770), (290, 735), (330, 716)), ((40, 812), (30, 780), (60, 740), (96, 730))]
    for path in blades:
        line = smooth_curve(path, 16)
        t = np.linspace(0, 1, len(line))
        width = 40 * np.sin(np.pi * (0.12 + 0.88 * t)) ** 0.8
        design.lay(design.outline(ribbon(line, width)), "leaf", bands(design.y, [560, 46, 52, 46, 50, 44, 50]))
        half = line + (ribbon(line, width)[: len(line)] - line) * 0.5
        design.lay(design.outline(ribbon(half, width / 2)), "leaf", bands(design.y, [580, 50, 46, 52, 44, 50, 46]))
    for path in stems:
        design.lay(design.outline(ribbon(smooth_curve(path, 14), 9.0)), "leaf")
    for centre, size in (((133, 556), 66), ((526, 562), 72), ((226, 664), 54), ((446, 700), 58)):
        turn = rng.uniform(0, 2 * np.pi)
        for k in (0, 2, 4, 1, 3, 5):
            outline = petal(centre, turn + k * np.pi / 3, size * rng.uniform(0.92, 1.08), size * 1.05)
            mask = design.outline(outline)
            design.lay(mask, "poppy", bands(np.hypot(design.x - centre[0], design.y - centre[1]) + 5 * np.sin(design.x / 7), [size * 0.6, 300]))
        design.lay(np.hypot(design.x - centre[0], design.y - centre[1]) < size * 0.27, "heart")
    for centre, size in (((52, 640), 34), ((596, 680), 36)):
        for lean in (-0.5, 0.5, 0.0):
            design.lay(design.outline(petal((centre[0], centre[1] + size * 0.6), -np.pi / 2 + lean, size * 1.6, size * 0.8)), "bud")


def lay_border(design):
    x, y = design.x, design.y
    inward = np.minimum(np.minimum(x, WIDTH - x), np.minimum(y, HEIGHT - y))
    side = np.where(np.minimum(x, WIDTH - x) < np.minimum(y, HEIGHT - y), np.floor(y / 50) + 100, np.floor((x + 10) / 55))
    design.lay(inward < BORDER + 15, "fillet", np.floor((x + y) / 70))
    design.lay(inward < BORDER, "border", side)
    for corner in ((18, 18), (WIDTH - 18, 18), (18, HEIGHT - 18), (WIDTH - 18, HEIGHT - 18)):
        dx, dy = x - corner[0], y - corner[1]
        design.lay((np.abs(dx) < 22) & (np.abs(dy) < 22), "border", 7)
        design.lay(np.hypot(dx, dy) < 12, "corona")


def differs(labels):
    """True where a pixel's right or lower neighbour has another label: the cuts."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def number_panes(design):
    """Label each connected pane 1..n (a sheet, a part and a cut together make a pane)."""
    key = (design.part * 400 + design.cut % 400).astype(np.int64)
    edge = differs(key)
    pane, count = ndimage.label(~edge)
    # Pixels on a cut belong to the nearest pane; so do slivers too small to be held by lead.
    small = np.bincount(pane.ravel(), minlength=count + 1) < 150
    nearest = ndimage.distance_transform_edt((pane == 0) | small[pane], return_distances=False, return_indices=True)
    return pane[tuple(nearest)], count


def streaks(shape, rng, kinds=6, cell=(230, 22)):
    """Textures of hand-made glass: pulled streaks in `kinds` directions, in -1..1."""
    side = int(np.hypot(*shape)) + 8
    y, x = np.mgrid[0:shape[0], 0:shape[1]] - np.array(shape).reshape(2, 1, 1) / 2
    pulled = fractal_noise(side, side, cell, rng, octaves=4)
    pulled = (pulled - pulled.mean()) / (2.2 * pulled.std())
    for k in range(kinds):
        angle = np.pi * (k + rng.uniform(-0.2, 0.2)) / kinds
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        yield ndimage.map_coordinates(pulled, [v + side / 2, u + side / 2], order=1, mode="mirror")


def glass(design, pane, count, depth, rng):
    """Colour (H, W, 3) of the glass: one sheet per pane, streaked, rippled, with bubbles, glowing in its middle."""
    shape = pane.shape
    first = np.zeros(count + 1, np.int64)
    first[pane.ravel()] = np.arange(pane.size)  # any pixel of the pane tells its sheet
    base, second = np.zeros((count + 1, 3)), np.zeros((count + 1, 3))
    for label, pixel in enumerate(first):
        sheet = PALETTES[SHEETS[design.sheet.ravel()[pixel]]]
        one, two = rng.integers(len(sheet)), rng.integers(len(sheet))
        base[label] = jitter_colour(sheet[one], rng, 0.012, 0.05, 0.07)
        second[label] = jitter_colour(sheet[two], rng, 0.02, 0.08, 0.10)
    kind = rng.integers(0, 6, count + 1)[pane]
    streak = np.zeros(shape)
    for k, texture in enumerate(streaks(shape, rng)):
        streak[kind == k] = texture[kind == k]
    colour = mix(base[pane], second[pane], 0.55 * smoothstep(0.1, 1.1, streak) + 0.12 * smoothstep(0, -1, streak))
    ripple = ndimage.gaussian_filter(value_noise(*shape, 9, rng), 1.5)
    slope = np.gradient(ripple, axis=0) + np.gradient(ripple, axis=1)
    light = 1.04 + 0.30 * streak + 0.75 * slope
    light *= 0.55 + 0.68 * (1 - np.exp(-depth / 16))  # soot gathers along the lead
    sun = np.hypot(design.x - SUN[0], design.y - SUN[1])
    light *= 0.92 + 0.50 * np.exp(-((sun / 190) ** 2)) + 0.10 * (value_noise(*shape, 300, rng) - 0.5)
    light *= rng.normal(1.0, 0.10, count + 1)[pane]
    light += bubbles(shape, rng)
    over = (light - 1).clip(0)[..., None]
    return colour * light.clip(0, 1)[..., None] + (255 - colour) * (0.75 * over).clip(0, 0.8)


def bubbles(shape, rng):
    """Small lenses of air: a bright spark inside a darker rim."""
    field = np.zeros(shape)
    for x, y in jittered_points(shape[0], shape[1], 34, rng):
        radius = rng.gamma(2.0, 1.1) + 1.2
        x0, y0 = int(x), int(y)
        if not (8 < x0 < shape[1] - 9 and 8 < y0 < shape[0] - 9) or rng.random() < 0.35:
            continue
        dy, dx = np.mgrid[-8:9, -8:9]
        d = np.hypot(dx, 0.75 * dy) / radius
        field[y0 - 8:y0 + 9, x0 - 8:x0 + 9] += 0.35 * np.exp(-((d * 1.6) ** 2)) - 0.22 * np.exp(-(((d - 1.1) / 0.3) ** 2))
    return field


def leading(design, pane, rng):
    """Height of the lead over the glass (> 0 on lead), in canvas pixels, and the distance from its edge (inside panes)."""
    structure = differs(design.part) & differs(pane)
    # Four neighbours that belong to three panes or more mark a joint.
    corners = [np.roll(pane, shift, (0, 1)) for shift in ((0, 0), (0, 2), (2, 0), (2, 2))]
    new = [np.all([corners[i] != corners[j] for j in range(i)], axis=0) for i in range(1, 4)]
    meeting = (np.sum(new, axis=0) >= 2).astype(float)
    solder = ndimage.gaussian_filter(meeting, 5.0) * 40
    wobble = 0.80 + 0.40 * value_noise(*pane.shape, 46, rng)
    thick = 6.4 * wobble * (1 + 0.35 * solder.clip(0, 1)) - ndimage.distance_transform_edt(~structure)
    thin = 3.9 * wobble * (1 + 0.55 * solder.clip(0, 1)) - ndimage.distance_transform_edt(~differs(pane))
    return np.maximum(thick, thin)


def paint(seed=12):
    """The window as an (800, 640, 3) uint8 array."""
    rng = np.random.default_rng(seed)
    design = Design()
    r, angle = lay_sky(design, rng)
    lay_clouds(design)
    lay_sun(design, r, angle)
    lay_land(design)
    lay_flowers(design, rng)
    lay_border(design)
    pane, count = number_panes(design)
    above = leading(design, pane, rng)
    colour = glass(design, pane, count, (-above).clip(0), rng)
    round_bar = np.sqrt(above.clip(0) * 2.0) + 0.25 * value_noise(*pane.shape, 3, rng)
    round_bar = ndimage.gaussian_filter(round_bar, 1.0)
    dy, dx = np.gradient(round_bar)
    shine = (0.75 * dy + 0.65 * dx).clip(0)  # light from the upper left
    lead = np.array((26, 25, 30)) * (0.8 + 0.5 * value_noise(*pane.shape, 9, rng))[..., None] + (150 * shine**1.3)[..., None] * np.array((0.95, 1.0, 1.1))
    cover = smoothstep(-0.7, 0.7, above)
    lit = colour * (1 - cover[..., None])
    halo = np.stack([ndimage.gaussian_filter(lit[..., c], 9) for c in range(3)], -1)  # bright glass bleeds over the lead
    picture = shrink(lit + lead * cover[..., None] + 0.22 * halo)
    return to_uint8(sharpen(picture, 0.35))

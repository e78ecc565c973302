"""A guitar, a bottle, a glass and a newspaper on a round table, taken apart in the cubist manner.

How it is built
---------------
Everything is one operation, repeated some five hundred times: lay a plane. A plane is a mask (a quadrilateral along
a few chosen directions, sometimes cut by an arc, or a slice of an object that has been pushed out of its place); its
colour runs from light at one edge to dark at the other, it may fade out there so that planes pass into one another,
it has a lit and a dark rim and throws a soft shadow, and it carries brush marks, wood grain, dabs or print.
First the ground is laid, large planes to small; then the things, slice by slice; then thin planes over all, and
last the lines that hold the picture together. All of it happens at twice the size and is then reduced.
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
from painting.stained_glass import streaks

WIDTH, HEIGHT = 640, 800
DIRECTIONS = np.deg2rad([-62, -58, 28, 33, 88, 92, -20, 4, 62])  # the guitar's, the table's and the wall's
BLACK, UMBER, SIENNA, OCHRE, SAND, CREAM, GREY, STEEL, PRUSSIAN, VIRIDIAN, VERMILION, ROSE = colours(
    "#16141a", "#3d2a1e", "#84451f", "#bd7c2c", "#dcb56c", "#f2e6c8", "#98a19c", "#557686", "#15405f", "#22624f", "#bf3522", "#d99a74")


class Painting:
    """The canvas, at twice the size, with the textures that every plane may take from."""

    def __init__(self, rng):
        self.rng = rng
        h, w = HEIGHT * SCALE, WIDTH * SCALE
        self.x, self.y = (a / SCALE for a in pixel_grid(h, w))
        self.picture = np.tile(UMBER, (h, w, 1))
        self.brush = np.array(list(streaks((h, w), rng, kinds=4, cell=(90, 7))), np.float32)
        self.cloud = fractal_noise(h, w, 160, rng)

    def lay(self, mask, light, dark, angle, fade=0.0, texture="brush", rim=1.0, shadow=0.45, window=None):
        """Lay a plane: `mask` of the whole canvas (or of `window`), colour from `light` to `dark` along `angle`.

        `fade` is how much of it has vanished at its dark edge.
        """
        window = window or (slice(None), slice(None))
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return
        pad = 26  # room for the shadow
        top, left = window[0].start or 0, window[1].start or 0
        y0, y1 = max(0, top + rows[0] - pad), min(self.y.shape[0], top + rows[-1] + pad)
        x0, x1 = max(0, left + columns[0] - pad), min(self.x.shape[1], left + columns[-1] + pad)
        inside = np.zeros((y1 - y0, x1 - x0), np.float32)
        part = mask[max(0, y0 - top):y1 - top, max(0, x0 - left):x1 - left]
        oy, ox = max(0, top - y0), max(0, left - x0)
        inside[oy:oy + part.shape[0], ox:ox + part.shape[1]] = part
        x, y = self.x[y0:y1, x0:x1], self.y[y0:y1, x0:x1]
        along = x * np.cos(angle) + y * np.sin(angle)
        low, high = along[inside > 0].min(), along[inside > 0].max()
        along = ((along - low) / (high - low + 1e-6)).clip(0, 1)
        colour = mix(light, dark, along**1.15)
        k = int(self.rng.integers(4))
        colour = colour * (1 + 0.09 * self.brush[k, y0:y1, x0:x1])[..., None]
        colour = self.mark(texture, colour, x, y, angle + self.rng.choice([0, np.pi / 2]))
        area = self.picture[y0:y1, x0:x1]
        throw = ndimage.gaussian_filter(np.roll(inside, (9, 7), (0, 1)), 8) * (1 - inside)
        area *= (1 - shadow * (1 - fade) * throw)[..., None]
        opaque = inside * (1 - fade * smoothstep(0.15, 1.0, along))
        area += (colour - area) * opaque[..., None]
        soft = ndimage.gaussian_filter(inside, 1.6)
        dy, dx = np.gradient(soft)
        lit = (dx + 1.2 * dy) * inside * 3.2  # inward slope: positive along the edges that face the light, upper left
        strength = rim * (1 - 0.8 * fade * along)
        area += (np.array((255, 246, 225)) - area) * (lit.clip(0, 0.6) * strength)[..., None]
        area *= (1 - 1.15 * (-lit).clip(0, 0.6) * strength)[..., None]

    def mark(self, texture, colour, x, y, angle):
        """Marks on a plane: dabs, wood grain, print, or only the brush."""
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        if texture == "dabs":  # short bricks of colour, as in 1914
            row = np.floor(v / 7.5)
            step = u / 15 + 0.5 * (row % 2)
            chance = (np.sin(np.floor(step) * 12.99 + row * 78.2) * 43758.5) % 1
            dab = smoothstep(0.5, 0.38, np.hypot((step % 1 - 0.5) * 1.05, (v / 7.5) % 1 - 0.5))
            return mix(colour, mix(colour * 0.55, np.minimum(colour * 1.25 + 45, 255), chance), 0.75 * dab * (chance > 0.12))
        if texture == "wood":
            grain = np.sin(v * 0.55 + 5.5 * np.sin(u / 75 + v / 60) + 2.4 * np.sin(u / 31))
            fine = np.sin(v * 2.1 + 2 * np.sin(u / 40))
            return colour * (1 - 0.30 * smoothstep(0.35, 0.95, grain) - 0.10 * smoothstep(0.3, 1, fine))[..., None]
        if texture == "print":
            row = np.floor(v / 6.2)
            word = np.floor(u / 11 + row * 3.7)
            chance = (np.sin(word * 7.3 + row * 31.7) * 43758.5) % 1
            ink = (chance > 0.22) * smoothstep(0.15, 0.30, (v / 6.2) % 1) * smoothstep(0.80, 0.65, (v / 6.2) % 1) * (np.sin(u * 1.9 + row) > -0.75)
            return mix(colour, BLACK, 0.62 * ink * ((u + 900) % 92 > 8))
        if texture == "hatch":
            return colour * (1 - 0.22 * smoothstep(0.2, 0.8, np.sin(v * 1.1)))[..., None]
        return colour

    def facet(self, centre, size, light, dark, **options):
        """Lay a quadrilateral plane about `centre`, its sides along the picture's directions; perhaps cut by an arc."""
        rng = self.rng
        reach = 1.6 * size
        y0, y1 = (int(max(0, (centre[1] - reach) * SCALE)), int(min(HEIGHT, centre[1] + reach) * SCALE))
        x0, x1 = (int(max(0, (centre[0] - reach) * SCALE)), int(min(WIDTH, centre[0] + reach) * SCALE))
        if y1 - y0 < 4 or x1 - x0 < 4:
            return
        dx, dy = self.x[y0:y1, x0:x1] - centre[0], self.y[y0:y1, x0:x1] - centre[1]
        one, two = rng.choice(DIRECTIONS, 2, replace=False)
        if abs(np.sin(one - two)) < 0.35:
            two = one + np.pi / 2 + rng.normal(0, 0.2)
        a, b = dy * np.cos(one) - dx * np.sin(one), dy * np.cos(two) - dx * np.sin(two)
        wide, narrow = size * rng.uniform(0.55, 1.0), size * rng.uniform(0.28, 0.7)
        mask = (np.abs(a) < narrow) & (np.abs(b + 0.25 * a) < wide)
        if rng.random() < 0.35:  # a third side makes it a kite or a triangle
            mask &= a + rng.choice([-1, 1]) * 0.8 * b < 0.35 * size
        if rng.random() < 0.28:
            side, far = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.7, 1.3)
            mask &= np.hypot(dx - far * np.cos(side), dy - far * np.sin(side)) < size * rng.uniform(1.0, 1.5)
        self.lay(mask, light, dark, rng.choice([one, two]) + np.pi / 2 * rng.choice([-1, 1]), window=(slice(y0, y1), slice(x0, x1)), **options)


def outline_mask(*outlines):
    return shape_mask(HEIGHT * SCALE, WIDTH * SCALE, *[np.asarray(o) * SCALE for o in outlines])


def ellipse(centre, rx, ry, tilt=0.0, start=0.0, stop=2 * np.pi):
    t = np.linspace(start, stop, 60)
    x, y = rx * np.cos(t), ry * np.sin(t)
    return np.stack([centre[0] + x * np.cos(tilt) - y * np.sin(tilt), centre[1] + x * np.sin(tilt) + y * np.cos(tilt)], 1)


def pushed(mask, dx, dy):
    return np.roll(mask, (round(dy * SCALE), round(dx * SCALE)), (0, 1))


def lay_slices(art, mask, angle, cuts, looks, push=14, texture=()):
    """Lay an object as slices between parallel cuts, each pushed along the cut and lit in its own way."""
    across = art.x * np.cos(angle) + art.y * np.sin(angle)
    lows = across[mask].min() + np.r_[-60, cuts]
    highs = np.r_[lows[1:], across[mask].max() + 60]
    order = art.rng.permutation(len(lows))
    for k in order:
        slide = art.rng.uniform(-push, push)
        own = pushed(mask, -np.sin(angle) * slide, np.cos(angle) * slide) & (across >= lows[k] - 5) & (across < highs[k])
        light, dark = looks[k % len(looks)]
        kind = texture[k % len(texture)] if len(texture) else "brush"
        art.lay(own, jitter_colour(light, art.rng, 0.01, 0.04, 0.03), dark, angle + art.rng.choice([0, np.pi, np.pi / 2]), texture=kind,
                fade=art.rng.choice([0, 0, 0.35]))


def ground(art):
    """Wall above, table below; planes get smaller and lighter towards the middle, as in an oval picture."""
    rng = art.rng
    wall = [(STEEL, BLACK), (GREY, STEEL), (SAND, SIENNA), (OCHRE, UMBER), (GREY, UMBER), (CREAM, GREY), (PRUSSIAN, BLACK), (ROSE, SIENNA), (VIRIDIAN, BLACK)]
    for spacing, size, fade in ((95, 165, 0.2), (66, 92, 0.45), (52, 56, 0.6)):
        for place in jittered_points(HEIGHT, WIDTH, spacing, rng, margin=30):
            middle = np.exp(-(((place[0] - 320) / 250) ** 2 + ((place[1] - 400) / 310) ** 2))
            if spacing < 95 and rng.random() > 0.15 + 0.6 * middle:
                continue  # the wall stays broad and quiet, the middle is broken small
            light, dark = wall[rng.choice(len(wall), p=np.array([16, 16, 10, 12, 14, 8, 12, 4, 8]) / 100)]
            light = mix(light * 0.62, light, middle * 0.9 + rng.uniform(0, 0.25))
            art.facet(place, size * rng.uniform(0.8, 1.25), jitter_colour(light, rng), dark * 0.9, fade=fade * rng.random(),
                      texture=rng.choice(["brush", "dabs", "hatch"], p=[0.82, 0.09, 0.09]))


def table(art):
    top = outline_mask(ellipse((322, 668), 272, 108))
    art.lay(pushed(top, 0, 20), UMBER, BLACK, np.pi / 2)
    lay_slices(art, top, np.deg2rad(24), [60, 150, 215, 300, 372, 440, 500], [(SAND, SIENNA), (OCHRE, UMBER), (CREAM, OCHRE), (SIENNA, BLACK), (OCHRE, SIENNA)],
               push=12, texture=["wood", "brush", "wood", "brush"])


def newspaper(art):
    sheet = outline_mask([(96, 610), (262, 566), (318, 712), (142, 770)])
    art.lay(sheet, CREAM, SAND, np.deg2rad(60), texture="print")
    art.lay(outline_mask([(70, 560), (182, 540), (205, 628), (98, 652)]), CREAM, GREY, np.deg2rad(150), texture="brush")
    strokes = []  # stencilled capitals A R T, as bars in a frame of 1 x 1
    letters = {"A": [(0, 1, .35, 0), (.35, 0, .7, 1), (.16, .62, .54, .62)], "R": [(0, 0, 0, 1), (0, .05, .5, .05), (.5, .05, .5, .5), (0, .5, .5, .5), (.15, .5, .6, 1)],
               "T": [(0, .05, .7, .05), (.35, 0, .35, 1)]}
    for k, letter in enumerate("ART"):
        for ax, ay, bx, by in letters[letter]:
            a, b = (np.array((78 + 36 * k + 38 * px - 4 * k + 12 * py, 572 - 7 * k - 8 * px + 48 * py)) for px, py in ((ax, ay), (bx, by)))
            strokes.append(ribbon(np.linspace(a, b, 4), 8.0))
    art.lay(outline_mask(*strokes), BLACK, UMBER, 0.5, shadow=0.0, rim=0.3)


def bottle(art):
    right = [(0, -300), (15, -300), (16, -285), (14, -262), (15, -205), (24, -170), (44, -140), (50, -100), (50, 60), (44, 74), (0, 78)]
    half = np.array(right, float)
    place = np.array((196, 492))
    body = outline_mask(np.concatenate([place + half, (place + half * (-1, 1))[::-1]]))
    lay_slices(art, body, np.deg2rad(4), [70, 108], [(VIRIDIAN * 1.3, BLACK), (GREY, VIRIDIAN), (VIRIDIAN, BLACK)], push=20)
    lay_slices(art, body & (art.y > 372), np.deg2rad(96), [52, 118, 150, 190], [(STEEL, BLACK), (VIRIDIAN * 1.25, BLACK), (CREAM, SAND), (VERMILION, UMBER), (VIRIDIAN, BLACK)],
               push=12, texture=["brush", "brush", "print", "dabs", "brush"])
    art.lay(outline_mask(place + half * (0.9, 1)) & (art.y < 380), CREAM, VIRIDIAN, np.pi * 0.05, fade=0.3)
    art.lay(outline_mask(ellipse(place + (0, -301), 17, 7)), CREAM, GREY, 0.8)
    art.lay(outline_mask(ellipse(place + (0, -301), 10, 4)), BLACK, UMBER, 0.8, shadow=0)


def guitar(art):
    axis = np.deg2rad(-57)
    along, across = np.array((np.cos(axis), np.sin(axis))), np.array((-np.sin(axis), np.cos(axis)))
    place = np.array((335.0, 535.0))
    at = lambda t, w: place + np.multiply.outer(t, along) + np.multiply.outer(w, across)
    half = [(-150, 0), (-146, 48), (-112, 98), (-62, 112), (-16, 88), (22, 66), (62, 76), (104, 84), (140, 58), (150, 0)]
    body = outline_mask(smooth_curve([at(t, w) for t, w in half] + [at(t, -w) for t, w in half[-2:0:-1]], 8, closed=True))
    looks = [(SIENNA, BLACK), (OCHRE, SIENNA), (SAND, OCHRE), (VERMILION, UMBER), (CREAM, SAND), (OCHRE, UMBER), (STEEL, BLACK), (ROSE, SIENNA), (SAND, SIENNA)]
    art.lay(pushed(body, 22, 12), PRUSSIAN, BLACK, 0.4)
    lay_slices(art, body, axis + 0.35, [110, 165, 215, 262, 318], looks, push=24, texture=["wood", "brush", "brush", "wood", "brush"])
    side = (art.x - place[0]) * across[0] + (art.y - place[1]) * across[1]
    lay_slices(art, pushed(body, -10, 14) & (side < -34), axis - 0.5, [70, 150, 200], [(CREAM, OCHRE), (SAND, SIENNA), (BLACK * 2, BLACK), (OCHRE, UMBER)], push=16)
    lay_slices(art, pushed(body, 16, -6) & (side > 52), axis + 0.1, [100, 170], [(UMBER * 1.4, BLACK), (VERMILION, UMBER), (GREY, PRUSSIAN)], push=12)
    hole = at(36, 0)
    for radius, light, dark in ((43, CREAM, OCHRE), (35, UMBER, BLACK), (29, BLACK, BLACK * 0.6)):
        art.lay(outline_mask(ellipse(hole, radius, radius * 0.9, axis)) & (side < 24 + 0.3 * radius), light, dark, axis + 1.2, shadow=0.2)
    art.lay(outline_mask(ellipse(hole + (26, -4), 40, 36, axis)) & (side > 20), SAND, SIENNA, axis, shadow=0.3)
    neck = lambda t0, t1, w0, w1: outline_mask([at(t0, -w0), at(t1, -w1), at(t1, w1), at(t0, w0)])
    art.lay(neck(52, 255, 21, 17), UMBER * 1.2, BLACK, axis + np.pi / 2)
    art.lay(neck(52, 190, 0, 0) | outline_mask([at(70, -21), at(235, -26), at(235, -4), at(70, 0)]), SAND, SIENNA, axis + np.pi / 2, texture="wood")
    art.lay(outline_mask([at(240, -16), at(250, 22), at(368, 12), at(372, -20)]), OCHRE, BLACK, axis, texture="brush")
    art.lay(outline_mask([at(262, -34), at(258, -8), at(376, -6), at(362, -40)]), CREAM, GREY, axis + np.pi, fade=0.2)
    head = outline_mask([at(362, -26), at(430, -34), at(446, 8), at(426, 34), at(360, 22)])
    lay_slices(art, head, axis + 0.6, [34, 62], [(SIENNA, BLACK), (SAND, SIENNA), (VERMILION, UMBER)], push=6)
    for t in (376, 398, 420):
        for w in (-40, 40):
            art.lay(outline_mask(ellipse(at(t, w), 8, 6)), CREAM, UMBER, 0.8)
    for t in range(80, 360, 27):
        art.lay(outline_mask(ribbon(np.array([at(t, -19), at(t, 19)]), 2.6)), SAND, OCHRE, 0, shadow=0.3, rim=0.4)
    art.lay(outline_mask([at(-84, -44), at(-70, -44), at(-70, 44), at(-84, 44)]), UMBER, BLACK, axis)
    for k in range(6):
        w = (k - 2.5) * 6.0
        broken = [(-78, 40 + 14 * k), (30 + 12 * k, 364)]
        for (t0, t1), shift in zip(broken, (0, 4)):
            art.lay(outline_mask(ribbon(np.array([at(t0, w * 1.15 + shift), at(t1, w * 0.85 + shift)]), 1.5)), CREAM, SAND, axis, shadow=0.5, rim=0)


def glass(art):
    place = np.array((500, 600))
    cup = np.array([(-44, -110), (44, -110), (34, -30), (10, -4), (8, 48), (40, 62), (-40, 62), (-8, 48), (-10, -4), (-34, -30)], float)
    mask = outline_mask(place + cup)
    lay_slices(art, mask, np.deg2rad(10), [95, 118], [(CREAM, STEEL), (GREY, PRUSSIAN), (CREAM * 0.95, GREY)], push=14)
    art.lay(outline_mask(ellipse(place + (0, -110), 44, 15)), CREAM, STEEL, 0.3, fade=0.2)
    art.lay(outline_mask(ellipse(place + (4, -108), 33, 9, 0, 0, np.pi)), PRUSSIAN, BLACK, 0.3)
    art.lay(outline_mask(ellipse(place + (0, 60), 46, 13)), GREY, PRUSSIAN, 0.3, fade=0.2)
    for fruit, (light, dark) in (((420, 690), (VERMILION * 1.1, UMBER)), ((468, 704), (OCHRE * 1.15, SIENNA))):
        disc = outline_mask(ellipse(fruit, 31, 29))
        lay_slices(art, disc, 0.5, [78, 95], [(light, dark), (ROSE, light), (light, BLACK)], push=7, texture=["brush", "dabs", "hatch"])


def passages(art):
    """Small thin planes over everything: they tie the things to the ground and to each other."""
    rng = art.rng
    looks = [(CREAM, GREY), (SAND, OCHRE), (GREY, STEEL), (BLACK * 1.5, BLACK), (OCHRE, SIENNA), (PRUSSIAN * 1.2, BLACK), (CREAM, SAND), (VERMILION, SIENNA)]
    for _ in range(48):
        place = np.array((320, 430)) + rng.normal(0, 1, 2) * (165, 215)
        light, dark = looks[rng.choice(len(looks), p=[.2, .16, .16, .1, .13, .1, .1, .05])]
        art.facet(place, rng.uniform(20, 50), light, dark, fade=rng.uniform(0.75, 1.0), texture=rng.choice(["brush", "dabs", "hatch"], p=[0.7, 0.2, 0.1]),
                  rim=0.8, shadow=0.3)


def lines(art):
    """Long straight lines and arcs, dark, some with a light companion; each runs thin towards its end."""
    rng = art.rng
    for k in range(34):
        angle = rng.choice(DIRECTIONS)
        middle = np.array((320, 410)) + rng.normal(0, 1, 2) * (170, 220)
        length = rng.uniform(60, 210)
        path = middle + np.linspace(-length, length, 30)[:, None] * np.array((np.cos(angle), np.sin(angle))) / 2
        if k % 4 == 0:
            radius = rng.uniform(40, 110)
            start = rng.uniform(0, 2 * np.pi)
            path = ellipse(middle, radius, radius, 0, start, start + rng.uniform(0.8, 1.8))
        width = 3.4 * np.linspace(1, 0.25, len(path))
        art.lay(outline_mask(ribbon(path, width)), BLACK, UMBER, angle, shadow=0, rim=0)
        if k % 3 == 0:
            art.lay(outline_mask(ribbon(path + (2.6, 2.6), width * 0.6)), CREAM, SAND, angle, shadow=0, rim=0)


def paint(seed=7):
    """The still life as an (800, 640, 3) uint8 array."""
    rng = np.random.default_rng(seed)
    art = Painting(rng)
    for step in (ground, table, newspaper, bottle, glass, guitar, passages, lines):
        step(art)
    h, w = art.picture.shape[:2]
    weave = np.sin(art.x * np.pi / 1.6) * np.sin(art.y * np.pi / 1.6)
    scrub = value_noise(h, w, 5, rng) - 0.5
    corner = np.hypot((art.x - WIDTH / 2) / WIDTH, (art.y - HEIGHT / 2) / HEIGHT)
    tone = (1 + 0.025 * weave + 0.07 * scrub) * (1.05 - 0.28 * smoothstep(0.42, 0.72, corner)) * (0.94 + 0.12 * art.cloud)
    return to_uint8(sharpen(shrink(art.picture.clip(0, 255) * tone[..., None]), 0.4))

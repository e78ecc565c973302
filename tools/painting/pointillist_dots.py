"""Evening sun over a river with boats, trees and strollers, in the manner of the pointillists.

How it is built: first a plain scene is composed in flat colours and soft gradients (it is never shown).
Then it is painted with dots alone, on a light ground that stays visible between them. Each dot takes one
pure colour of a small palette without black or earth: the scene's colour there is pushed away at random,
and the nearest palette colour wins, so that neighbouring dots differ but mix to the right colour in the
eye (divisionism). Shadows and contours get dots of the complementary colour. Dots are small on figures
and boats, larger in the open, and lie flat on the water.
"""

import numpy as np
from scipy import ndimage

from . import common as c

HEIGHT, WIDTH = 600, 800
HORIZON = 246
SUN = (286, 178)

PALETTE = c.colours(
    "#d4202c", "#ea5a48", "#f6a49a", "#ee7416", "#f8ad58", "#f7cf18", "#fbe580", "#fdf4d4",
    "#b6cc2a", "#7ab436", "#2c9448", "#0d6848", "#38b0a4", "#98d8ce", "#2a7acc", "#1c46a4",
    "#84b6e8", "#18246c", "#5838a0", "#8e68c2", "#c8a6de", "#b43684", "#e486b4", "#281848",
)  # fmt: skip
GROUND = c.colours("#f8eed6")[0]


# The scene, in flat colour ---------------------------------------------------------------------------

def lay(scene, mask, colour):
    """Put a colour (one, or one per pixel) on the scene; `mask` is boolean or a weight 0..1."""
    scene[:] = c.mix(scene, np.broadcast_to(colour, scene.shape), np.asarray(mask, dtype=float))


def blot(scene, outline, colour):
    """Put a flat shape with the given outline (n, 2) on the scene."""
    lay(scene, c.shape_mask(HEIGHT, WIDTH, np.asarray(outline, dtype=float)), colour)


def lay_sky(scene, x, y, rng):
    """Rings of colour spread from the sun: yellow, orange, pink, violet, blue."""
    rings = c.colours("#fff4b0", "#ffe060", "#ffc24e", "#fba45e", "#f6a68e", "#e9a4bc", "#b9a3da", "#86a6e2", "#5a8cd8", "#3f6cc4")
    distance = np.hypot(x - SUN[0], (y - SUN[1]) * 1.25) / 470
    waves = 0.10 * (c.fractal_noise(HEIGHT, WIDTH, (190, 46), rng, 3) - 0.5) + 0.05 * np.sin(distance * 40)
    lay(scene, y >= 0, c.ramp(rings, distance**0.8 + 1.6 * waves))
    clouds = c.fractal_noise(HEIGHT, WIDTH, (240, 34), rng, 3)
    lay(scene, 0.75 * c.smoothstep(0.56, 0.68, clouds) * c.smoothstep(0.12, 0.5, distance), c.colours("#f7c2b4"))
    lay(scene, np.hypot(x - SUN[0], y - SUN[1]) < 25, c.colours("#fffbe0"))


def lay_far_shore(scene, x, y, rng):
    """Blue hills, and a strip of trees and roofs at the water's edge."""
    hills = HORIZON - 26 - 20 * np.sin(x / 140 + 0.4) - 9 * np.sin(x / 47)
    lay(scene, (y > hills) & (y < HORIZON), c.mix(c.colours("#6a70c4"), c.colours("#b08ccc"), c.smoothstep(520, 150, x)))
    trees = HORIZON - 8 - 13 * c.value_noise(HEIGHT, WIDTH, (26, 4000), rng)
    lay(scene, (y > trees) & (y < HORIZON + 2), c.colours("#2f6a6c"))
    for left in (78, 120, 396, 440, 470, 596):
        blot(scene, [(left, HORIZON), (left, HORIZON - 15), (left + 24, HORIZON - 15), (left + 24, HORIZON)], c.colours("#f6d6b0"))
        blot(scene, [(left - 3, HORIZON - 14), (left + 12, HORIZON - 26), (left + 27, HORIZON - 14)], c.colours("#e0583e"))


def lay_water(scene, x, y, rng):
    """The sky upside down, darker towards us, cut by ripples, with the sun's broken path on it."""
    mirror = np.clip(2 * HORIZON - y * 0.9 - 20, 0, HEIGHT - 1).astype(int)
    below = y >= HORIZON
    lay(scene, below, c.mix(scene[mirror, x.astype(int)], c.colours("#3a78c4"), 0.30 + 0.3 * c.smoothstep(HORIZON, 520, y)))
    ripples = c.fractal_noise(HEIGHT, WIDTH, (120, 9), rng, 3)
    lay(scene, below * 0.6 * c.smoothstep(0.52, 0.62, ripples), c.colours("#2858b4"))
    lay(scene, below * 0.6 * c.smoothstep(0.46, 0.36, ripples), c.colours("#a6d8dc"))
    path = np.exp(-(((x - SUN[0]) / (16 + 0.22 * (y - HORIZON))) ** 2))
    glint = c.fractal_noise(HEIGHT, WIDTH, (54, 7), rng, 2)
    lay(scene, below * c.smoothstep(0.42, 0.62, path * (0.45 + glint)), c.colours("#ffdf5a"))
    lay(scene, below * c.smoothstep(0.7, 0.9, path * (0.45 + glint)), c.colours("#fff6cc"))


def lay_boat(scene, x, y, size, sail, hull):
    """A boat under sail, and its reflection below it, blurred by the ripples."""
    def shapes(flip):
        def at(points):
            return [(x + px * size, y + py * size * flip) for px, py in points]

        return [
            (at([(0.04, -0.12), (0.04, -1.5), (0.72, -0.2)]), sail),
            (at([(-0.04, -0.12), (-0.04, -1.3), (-0.5, -0.18)]), c.mix(sail, c.colours("#8a62b4")[0], 0.4)),
            (at([(-0.7, -0.1), (0.8, -0.1), (0.58, 0.14), (-0.5, 0.14)]), hull),
        ]

    mirrored = scene.copy()
    for outline, colour in shapes(-0.8):
        blot(mirrored, outline, colour)
    lay(scene, np.full((HEIGHT, WIDTH), 0.6), mirrored)
    for outline, colour in shapes(1):
        blot(scene, outline, colour)


def bank(x):
    """y of the edge of the near bank, which rises to the right."""
    return 548 - 142 * c.smoothstep(60, 760, x) + 7 * np.sin(x / 33)


def lay_bank(scene, x, y, rng):
    """Sunlit grass with long violet shadows falling towards us."""
    grass = y > bank(x)
    patches = c.fractal_noise(HEIGHT, WIDTH, (70, 18), rng, 3)
    lay(scene, grass, c.ramp(c.colours("#5aa43c", "#9cc23a", "#d2d446", "#f0d450"), 1.5 * (patches - 0.5) + 0.55))
    lay(scene, grass * 0.9 * c.smoothstep(9, 1, y - bank(x)), c.colours("#f8d664"))  # light along the edge
    stripes = np.sin((x - 0.75 * (y - 400)) / 25 + 3 * patches) + 0.5 * np.sin((x - 0.75 * y) / 61)
    shade = c.smoothstep(0.1, 0.6, stripes) * c.smoothstep(330, 520, x + 0.4 * y - 120)
    lay(scene, grass * 0.92 * shade, c.mix(c.colours("#2c5a9c"), c.colours("#3a3a9a"), patches))


def lay_tree(scene, x, y, foot, top, wide, crown, rng):
    """A trunk and a crown of leaf masses: gold towards the sun, green, blue and violet away from it."""
    t = np.linspace(0, 1, 24)
    stem = np.stack([foot[0] + (top[0] - foot[0]) * t + 6 * np.sin(4 * t), foot[1] + (top[1] - foot[1]) * t], axis=1)
    blot(scene, c.ribbon(stem, wide * (1.25 - 0.8 * t) + wide * np.exp(-t * 14)), c.colours("#40307c"))
    blot(scene, c.ribbon(stem[:-2] - [wide * 0.36, 0], wide * 0.3), c.colours("#e8743c"))
    leaves = c.fractal_noise(HEIGHT, WIDTH, 60, rng, 4)
    for centre_x, centre_y, radius_x, radius_y in crown:
        u, v = (x - centre_x) / radius_x, (y - centre_y) / radius_y
        mask = c.smoothstep(1.02, 0.94, np.hypot(u, v) + 1.0 * (leaves - 0.5))
        light = 0.5 - 0.42 * u - 0.34 * v + 1.1 * (leaves - 0.5)
        greens = c.colours("#1e2a70", "#14506a", "#17704c", "#3a983e", "#96be34", "#eed044")
        lay(scene, mask, c.ramp(greens, light))


def lay_figure(scene, x, y, size, dress, parasol):
    """A stroller in profile with a long skirt, perhaps under a parasol, and the shadow she throws."""
    def at(points):
        return np.array([(x + px * size, y + py * size) for px, py in points])

    blot(scene, at([(-0.16, 0), (0.16, 0), (0.95, 0.55), (0.7, 0.6)]), c.colours("#37339a"))
    skirt = [(-0.2, 0.02), (-0.15, -0.25), (-0.1, -0.5), (0.06, -0.5), (0.18, -0.44), (0.22, -0.3), (0.24, -0.12), (0.29, 0.02)]
    blot(scene, at(skirt), dress)
    blot(scene, at([(0.08, -0.46), (0.18, -0.42), (0.29, 0.02), (0.14, 0.02)]), c.mix(dress, c.colours("#281848")[0], 0.35))
    blot(scene, at([(-0.11, -0.46), (-0.1, -0.8), (0.07, -0.8), (0.09, -0.46)]), c.mix(dress, c.colours("#281848")[0], 0.4))
    blot(scene, at([(-0.2, 0.0), (-0.1, -0.78), (-0.06, -0.78), (-0.12, 0.0)]), c.colours("#fbc860"))  # lit edge
    angle = np.linspace(0, 2 * np.pi, 20)
    head = np.stack([-0.02 + 0.075 * np.cos(angle), -0.9 + 0.085 * np.sin(angle)], axis=1)
    blot(scene, at(head), c.colours("#f6a884"))
    blot(scene, at([(-0.16, -0.93), (0.12, -0.93), (0.07, -1.04), (-0.06, -1.04)]), c.colours("#281c60"))
    if parasol:
        blot(scene, at([(-0.14, -0.55), (-0.1, -0.55), (-0.06, -1.3), (-0.1, -1.3)]), c.colours("#281848"))
        dome = np.stack([-0.08 + 0.46 * np.cos(angle[:11]), -1.08 - 0.3 * np.sin(angle[:11])], axis=1)
        blot(scene, at(dome), c.colours("#d8342c"))
        blot(scene, at(dome[5:]), c.colours("#f6863a"))


def compose(rng):
    """Return the scene (H, W, 3) and how fine its dots should be, 0 (open) to 1 (small things)."""
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    scene = np.zeros((HEIGHT, WIDTH, 3))
    lay_sky(scene, x, y, rng)
    lay_far_shore(scene, x, y, rng)
    lay_water(scene, x, y, rng)
    cream, rust, plum = c.colours("#fff2cc", "#f0602c", "#4a2484")
    without = scene.copy()
    for place in [(100, 290, 40, cream), (400, 284, 30, rust), (178, 398, 118, rust), (508, 344, 66, cream)]:
        lay_boat(scene, *place, plum)
    small = np.abs(scene - without).max(axis=2) > 30
    lay_bank(scene, x, y, rng)
    small &= y < bank(x)
    lay_tree(scene, x, y, (722, 470), (700, 120), 26, [(700, 30, 120, 62), (640, 84, 88, 52), (752, 108, 104, 62), (668, 158, 60, 34), (774, 206, 66, 50)], rng)
    lay_tree(scene, x, y, (612, 452), (616, 250), 12, [(616, 214, 32, 46), (624, 268, 42, 44), (606, 318, 36, 38)], rng)
    lay_tree(scene, x, y, (34, 560), (30, 200), 17, [(0, 92, 92, 66), (30, 150, 74, 58), (4, 214, 60, 56), (56, 232, 34, 30)], rng)
    without = scene.copy()
    magenta, white, blue = c.colours("#c22a78", "#fbf0dc", "#2450b4")
    for place in [(446, 566, 150, magenta, True), (540, 556, 92, white, False), (322, 584, 138, blue, False)]:
        lay_figure(scene, *place)
    small |= np.abs(scene - without).max(axis=2) > 30
    contrast = ndimage.gaussian_gradient_magnitude(scene.mean(axis=2), 2.0)
    fine = np.maximum(ndimage.gaussian_filter(ndimage.binary_dilation(small, iterations=2).astype(float), 1.5), 0.7 * c.smoothstep(9, 22, contrast))
    return scene, fine


# The dots --------------------------------------------------------------------------------------------

def divide(wanted, shadow, rng, scatter):
    """Choose for every wanted colour (n, 3) one palette colour near it; in shadow often its opposite."""
    grey = wanted.mean(axis=1, keepdims=True)
    opposite = grey * 1.15 + 1.5 * (grey - wanted)
    turned = rng.random(len(wanted)) < 0.05 + 0.14 * shadow
    wanted = np.where(turned[:, None], opposite, grey + 1.25 * (wanted - grey))
    pushed = wanted + rng.normal(0, scatter, wanted.shape)
    distance = ((pushed[:, None, :] - PALETTE[None]) ** 2).sum(axis=2)
    return PALETTE[distance.argmin(axis=1)]


def dot_over(canvas, scene, keep, spacing, radius, scatter, rng):
    """Cover the picture (where `keep`, 0..1, allows it) with dots of the divided colour."""
    draw, relief = canvas
    points = c.jittered_points(HEIGHT, WIDTH, spacing, rng, margin=4)
    points = points[rng.random(len(points)) < c.sample(keep, points)]
    wanted = c.sample(scene, points)
    chosen = divide(wanted, c.smoothstep(150, 80, wanted.mean(axis=1)), rng, scatter)
    sizes = radius * rng.uniform(0.72, 1.22, len(points))
    flat = np.where((points[:, 1] > HORIZON) & (points[:, 1] < bank(points[:, 0])), 1.25, 1.0)
    for (x, y), colour, size, wide in zip(points * c.SCALE, chosen, sizes * c.SCALE, flat):
        box = x - size * wide, y - size / wide, x + size * wide, y + size / wide
        draw.ellipse(box, fill=c.as_fill(c.jitter_colour(colour, rng, 0.008, 0.03, 0.03)))
        relief.ellipse(box, fill=int(rng.integers(110, 220)))


def paint(seed=1886):
    """Return the picture, (600, 800, 3) uint8."""
    rng = np.random.default_rng(seed)
    scene, fine = compose(rng)
    # Seurat's halo: light grows lighter, dark darker, along their common border.
    scene = np.clip(scene + 0.35 * (scene - ndimage.gaussian_filter(scene, (14, 14, 0))), 0, 255)
    image, draw = c.new_canvas(HEIGHT, WIDTH, GROUND)
    bumps, relief = c.new_canvas(HEIGHT, WIDTH, 60, mode="L")
    canvas = draw, relief
    everywhere = np.ones((HEIGHT, WIDTH))
    dot_over(canvas, scene, everywhere, 6.6, 3.7, 16, rng)
    dot_over(canvas, scene, everywhere, 5.5, 2.8, 30, rng)
    dot_over(canvas, scene, 0.5 * (1 - fine), 5.5, 2.5, 24, rng)
    dot_over(canvas, scene, fine, 3.5, 2.0, 14, rng)
    picture = c.light_relief(c.shrink(image), c.shrink(bumps), strength=0.16)
    return c.to_uint8(c.sharpen(picture, 0.3))

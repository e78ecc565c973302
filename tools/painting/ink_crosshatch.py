"""A gnarled oak above a mountain village, in pen and ink.

How it is built
---------------
First the scene is laid out as a draughtsman thinks of it, shape upon shape from far to near (see hatching.py):
what it is, how dark, which way its form runs. Then the pen sets to work: four layers of hatching, each turned
against the one before and each reaching only into what is darker. At last the ink is laid on warm paper.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from . import common as c
from .hatching import Sheet, hatch
from .ink_village import draw_bush, draw_church, draw_fir, draw_house, draw_smoke, draw_wanderer

HEIGHT, WIDTH = 640, 800
PAPER, STAIN, INK = c.colours("#f3e6c9", "#c9a877", "#1a1512")

# (turn against the form, begins at this darkness, spacing in pixels there): each layer crosses the last.
LAYERS = [(0.0, 0.1, 6.4), (1.05, 0.36, 6.2), (-0.75, 0.58, 5.6), (1.75, 0.78, 4.6)]


# Far things ----------------------------------------------------------------------------------------------

def jagged(first, last, rough, rng, rounds=5):
    """A broken line between two points, like a ridge of rock."""
    line = np.array([first, last], dtype=float)
    for _ in range(rounds):
        middle = (line[1:] + line[:-1]) / 2 + rng.normal(0, rough, (len(line) - 1, 2))
        line = np.insert(line, np.arange(1, len(line)), middle, axis=0)
        rough *= 0.52
    return line


def draw_sky(sheet, rng):
    """Level strokes, darker upwards, and heaped clouds: balls lit from the upper left."""
    streaks = c.fractal_noise(HEIGHT, WIDTH, (240, 36), rng, 3)
    sheet.dark[:] = 0.1 + 0.34 * c.smoothstep(330, 0, sheet.y) + 0.5 * (streaks - 0.5)
    sheet.angle[:] = -0.1 + 0.5 * (c.value_noise(HEIGHT, WIDTH, 260, rng) - 0.5)
    for left, base, width, height in [(560, 96, 300, 64), (300, 176, 210, 60), (520, 236, 330, 84), (-60, 210, 210, 60), (120, 52, 240, 44)]:
        cloud = sheet.region.max() + 1
        for share in np.sort(rng.uniform(0, 1, 26)):  # from the top of the heap, behind, to its foot, in front
            spread = 0.3 + 0.55 * share
            x = left + width * (0.5 + spread * rng.uniform(-1, 1))
            radius = height * rng.uniform(0.2, 0.46) * (1.1 - 0.5 * share)
            y = base - radius * 0.6 - height * (1 - share) * np.sin(np.clip((x - left) / width, 0, 1) * np.pi)
            t = np.linspace(0, 2 * np.pi, 60)
            out_x, out_y = (sheet.x - x) / radius, (sheet.y - y) / radius
            shade = 0.02 + 0.34 * (0.35 * out_x + 0.75 * out_y) + 0.3 * share**2
            rim = np.stack([x + radius * np.cos(t), y + radius * np.sin(t) * 0.9], axis=1)
            mask = sheet.lay(rim, shade, 0.55 + 0.35 * out_x, line=0)
            sheet.region[mask] = cloud
            t = np.linspace(*rng.uniform([3.0, 5.0], [3.9, 6.3]), 40)  # only the sunny edge of a ball is drawn
            sheet.pen(np.stack([x + radius * np.cos(t), y + radius * np.sin(t) * 0.9], axis=1), 1.3, 0.9)


def draw_mountain(sheet, peak, left, right, base, rng, depth=1.0):
    """A peak: lit face, dark face, a broken spine between them, gullies of shadow in the snow."""
    spine = jagged(peak, (peak[0] + rng.uniform(-0.15, 0.25) * (right - left), base), 13, rng)
    for foot, dark, sign in ((left, 0.04, -1), (right, 0.62, 1)):
        slope = jagged((foot, base), peak, 9, rng)
        fall = np.arctan2(base - peak[1], foot - peak[0])
        face = np.concatenate([slope, spine])
        tone = depth * (dark + 0.2 * c.smoothstep(peak[1], base, sheet.y) * (sign < 0))
        sheet.lay(face, tone, fall - sign * 0.25, 1.5 * depth)
        for place in rng.integers(4, len(slope) - 4, 7):
            top, long = slope[place], rng.uniform(0.25, 0.6) * (base - slope[place][1])
            tip = top + [sign * rng.uniform(-0.1, 0.5) * long, long]
            gully = np.concatenate([jagged(top, tip, 4, rng, 4), jagged(tip, top + [rng.uniform(5, 16), 6], 4, rng, 4)])
            gully = gully[c.sample(c.shape_mask(HEIGHT, WIDTH, face), gully)]
            if len(gully) > 8:
                sheet.lay(gully, depth * (0.5 if sign < 0 else 0.9), fall, 0.8 * depth)


def draw_hill(sheet, crest, dark, rng):
    """Ground below a crest line; the hatching follows its slope and turns level further down."""
    crest = c.smooth_curve(crest, 14)
    top = np.interp(sheet.x, crest[:, 0], crest[:, 1])
    tilt = np.arctan(np.gradient(top, axis=1))
    below = sheet.y - top
    patches = c.fractal_noise(HEIGHT, WIDTH, (110, 30), rng, 3) - 0.5
    tone = dark + 0.5 * tilt + 0.75 * patches - 0.16 * c.smoothstep(0, 60, below)
    sheet.lay(np.concatenate([crest, [(WIDTH + 40, HEIGHT + 40), (-40, HEIGHT + 40)]]), tone, tilt * (1 - 0.5 * c.smoothstep(0, 120, below)), 0)
    sheet.pen(crest, 1.5)


# Foreground ----------------------------------------------------------------------------------------------

# The main boughs of the oak: points from the trunk outwards, and the width they start with.
BOUGHS = [
    ([(164, 330), (206, 272), (262, 246), (304, 196), (366, 178), (412, 132)], 34),
    ([(168, 250), (204, 190), (228, 130), (280, 84), (306, 34)], 24),
    ([(156, 340), (112, 280), (70, 256), (34, 206), (-20, 190)], 32),
    ([(168, 230), (128, 168), (100, 110), (50, 76), (20, 30)], 24),
    ([(174, 160), (184, 108), (168, 62), (190, 10)], 20),
    ([(150, 412), (112, 380), (74, 384), (22, 356), (-20, 364)], 16),
    ([(172, 392), (212, 362), (246, 366), (276, 344)], 13),
]


def grow(start, heading, length, width, rng, limbs):
    """Grow a limb that writhes as it goes, and the limbs upon it; collect (centre line, widths)."""
    count = max(6, int(length / 7))
    bend = ndimage.gaussian_filter1d(rng.normal(0, 1, count), 1.6, mode="nearest")
    headings = heading + np.cumsum(bend * 0.24)
    headings += (-np.pi / 2 - headings) * np.linspace(0, 0.12, count)  # towards the light
    line = np.asarray(start) + np.cumsum(np.stack([np.cos(headings), np.sin(headings)], axis=1) * length / count, axis=0)
    line = c.smooth_curve(np.concatenate([[start], line]), 5)
    knots = ndimage.gaussian_filter1d(rng.normal(0, 1, len(line)), 4, mode="nearest")
    widths = width * (np.linspace(1, 0.5, len(line)) + 0.16 * knots)
    limbs.append((line, np.maximum(widths, 0.6)))
    if width < 1.8:
        return
    grow(line[-1], headings[-1] + rng.normal(0, 0.35), length * 0.72, widths[-1], rng, limbs)
    side = rng.choice((-1, 1))
    for share in np.sort(rng.uniform(0.25, 0.95, 3)):
        place, side = int(share * (len(line) - 1)), -side
        scale = rng.uniform(0.45, 0.7)
        grow(line[place], headings[int(share * (count - 1))] + side * rng.uniform(0.45, 1.0), length * scale, widths[place] * scale, rng, limbs)


def draw_limb(sheet, line, widths, rng):
    """A limb: black if thin, else round, hatched across its form, with bark lines along it."""
    if widths.max() < 4.5:
        sheet.pen(line, 1.15 * widths.mean(), 0.25)
        return
    line, widths = c.resample(line, count=4 * len(line)), np.repeat(widths, 4)
    normal = c.normals(line)
    _, nearest = cKDTree(line).query(np.stack([sheet.x, sheet.y], axis=-1).reshape(-1, 2), distance_upper_bound=widths.max())
    nearest = np.minimum(nearest, len(line) - 1).reshape(HEIGHT, WIDTH)
    away = np.stack([sheet.x, sheet.y], axis=-1) - line[nearest]
    across = (away * normal[nearest]).sum(axis=-1) / (widths[nearest] / 2)  # -1 at one edge, 1 at the other
    facing = across * (normal[nearest] @ (0.8, 0.45))
    bark = 0.5 * (c.fractal_noise(HEIGHT, WIDTH, (9, 26), rng, 2) - 0.5)
    along = np.arctan2(normal[nearest][..., 1], normal[nearest][..., 0])
    sheet.lay(c.ribbon(line, widths), 0.54 + 0.4 * facing + bark, along - 0.7 * across + 0.35, line=0)
    for edge in (-0.5, 0.5):  # heavier on the side away from the light
        sheet.pen(line + edge * normal * widths[:, None], (1.2 + 1.2 * (edge * normal.mean(axis=0) @ (1, 0.5) > 0)) * min(1, 0.5 + widths.max() / 40), 0.7)
    for _ in range(int(widths.max() / 2)):
        start = int(rng.uniform(0, 0.8) * len(line))
        piece = slice(start, start + int(rng.uniform(0.08, 0.35) * len(line)))
        offset = normal[piece] * (widths[piece] * rng.uniform(-0.25, 0.48))[:, None]
        if len(offset) > 8:
            sheet.pen(line[piece] + offset, rng.uniform(0.9, 1.9), 0.9)


def draw_oak(sheet, rng):
    """The old tree: roots, a twisted trunk with a hollow, boughs over the whole upper left."""
    for foot in [(40, 634), (96, 650), (176, 652), (262, 634)]:
        root = c.smooth_curve([(148, 540), (150 + 0.25 * (foot[0] - 150), 586), (150 + 0.7 * (foot[0] - 150), 612), foot], 12)
        draw_limb(sheet, root, np.linspace(46, 7, len(root)), rng)
    limbs = []
    for points, thick in BOUGHS:
        bough = c.smooth_curve(points, 10)
        widths = thick * np.linspace(1, 0.3, len(bough)) * (1 + 0.08 * np.sin(np.arange(len(bough)) / 2.6))
        limbs.append((bough, widths))
        headings = np.arctan2(*np.gradient(bough, axis=0).T[::-1])
        for share in np.append(np.linspace(0.35, 0.9, 6) + rng.uniform(-0.04, 0.04, 6), 0.99):
            place = int(share * (len(bough) - 1))
            turn = rng.uniform(0.5, 1.1) * (-1 if place % 2 else 1) * (share < 0.95)
            grow(bough[place], headings[place] + turn, rng.uniform(45, 75), widths[place] * rng.uniform(0.4, 0.7), rng, limbs)
    for line, widths in sorted(limbs, key=lambda limb: limb[1].max()):
        draw_limb(sheet, line, widths, rng)
    trunk = c.smooth_curve([(152, 668), (146, 570), (160, 490), (142, 420), (156, 350), (174, 288), (166, 220), (174, 150)], 12)
    widths = np.interp(np.arange(len(trunk)), [0, 8, 26, 48, 62, len(trunk)], [116, 88, 68, 62, 44, 21])
    draw_limb(sheet, trunk, widths * (1 + 0.07 * np.sin(np.arange(len(trunk)) / 3.1)), rng)
    t = np.linspace(0, 2 * np.pi, 40)
    for size in (1.7, 1.35):
        sheet.pen(np.stack([143 + 9 * size * np.cos(t), 446 + 16 * size * np.sin(t)], axis=1), 1.5, 0.9)
    sheet.blot(np.stack([143 + 9 * np.cos(t), 446 + 16 * np.sin(t) + 2 * np.cos(3 * t)], axis=1))


def shade_meadow(sheet):
    """The shadow of the oak, which falls to the right over the near meadow, and dusk in the lower corners."""
    reach = ((sheet.x - 250) / 190) ** 2 + ((sheet.y - 618 + 0.12 * (sheet.x - 250)) / 34) ** 2
    corner = c.smoothstep(500, 660, sheet.y) * np.abs(sheet.x / WIDTH - 0.54) * 0.9
    near = sheet.region == sheet.region.max()
    sheet.dark += near * (0.5 * np.exp(-(reach**2)) + corner)


def draw_path(sheet, rng):
    """A way from the lower edge to the farm and on to the village, left almost white, with ruts and stones."""
    left = c.smooth_curve([(330, 650), (356, 590), (430, 545), (482, 516), (470, 492), (410, 470), (372, 446)])
    right = c.smooth_curve([(520, 650), (500, 600), (516, 556), (526, 520), (498, 486), (424, 462), (378, 444)])
    sheet.lay(np.concatenate([left, right[::-1]]), 0.07 + 0.3 * c.value_noise(HEIGHT, WIDTH, (60, 12), rng) ** 2, 0.05, 0)
    for edge in (left, right):
        sheet.pen(edge, 1.4, 1.4)
    for share in (0.3, 0.36, 0.66, 0.72):
        rut = c.mix(c.resample(left, count=80), c.resample(right, count=80), np.full(80, share))
        for start in range(0, 60, 14):
            sheet.pen(rut[start : start + int(rng.integers(5, 13))], 1.3 * (1 - start / 80), 0.8)


def draw_fence(sheet, rng):
    """Posts and rails along the right of the way, smaller with distance."""
    posts = np.array([(560, 640, 74), (566, 592, 56), (580, 560, 44), (612, 542, 38), (664, 540, 38), (724, 546, 42), (792, 556, 48)], float)
    for share in (0.82, 0.45):
        for first, last in zip(posts, posts[1:]):
            ends = [(x + rng.normal(0, 1.5), y - tall * share + rng.normal(0, 1.5)) for x, y, tall in (first, last)]
            sheet.lay(c.ribbon(np.linspace(*ends, 8), first[2] * 0.09), 0.3, 0.2, 1.1)
    for x, y, tall in posts:
        post = np.linspace((x, y), (x + rng.normal(0, 3), y - tall * 1.08), 8)
        sheet.lay(c.ribbon(post, tall * 0.15), 0.3 + 0.6 * (sheet.x > x), np.pi / 2, 1.4)


def draw_grass(sheet, area, count, tall, rng):
    """Blades that spring from a strip (left, top, right, bottom) of the meadow, taller towards us."""
    places = rng.uniform(area[:2], area[2:], (count, 2))
    clumps = c.value_noise(HEIGHT, WIDTH, (46, 22), rng)
    for x, y in places[np.argsort(places[:, 1])]:
        if c.sample(clumps, np.array((x, y))) < 0.48:
            continue
        long = tall * rng.uniform(0.5, 1.1) * c.smoothstep(430, 640, y) + 4
        lean = rng.normal(0.12, 0.4)
        blade = c.smooth_curve([(x, y), (x + long * lean * 0.3, y - long * 0.55), (x + long * lean, y - long)], 5)
        c.fill_shape(sheet.ink, c.ribbon(blade, np.linspace(1.6, 0.5, len(blade)) * rng.uniform(0.6, 1.1)), 255)


def draw_birds(sheet, rng):
    """Crows: two strokes each, blacker in the middle."""
    for x, y in [(470, 60), (500, 74), (486, 92), (536, 66), (448, 84), (690, 196), (716, 186)]:
        size = rng.uniform(5, 9)
        for side in (-1, 1):
            wing = c.smooth_curve([(x, y), (x + side * size * 0.7, y - size * 0.7), (x + side * size * 1.6, y - size * 0.2)], 6)
            sheet.pen(wing, 2.2, 0.2)


# The picture ---------------------------------------------------------------------------------------------

def draw_scene(sheet, rng):
    draw_sky(sheet, rng)
    for peak, left, right, base, depth in [((470, 216), 330, 590, 370, 0.5), ((770, 190), 640, 900, 370, 0.55), ((640, 142), 460, 830, 380, 0.85), ((300, 226), 120, 470, 380, 0.7), ((60, 200), -90, 230, 390, 0.75)]:
        draw_mountain(sheet, peak, left, right, base, rng, depth)
    draw_hill(sheet, [(-40, 340), (120, 350), (280, 366), (420, 340), (560, 352), (700, 330), (840, 344)], 0.42, rng)
    for x in np.sort(rng.uniform(560, 800, 34)):
        draw_fir(sheet, x, 372 + rng.uniform(-14, 12), rng.uniform(20, 40), rng)
    for x in np.sort(rng.uniform(225, 420, 16)):
        draw_fir(sheet, x, 376 + rng.uniform(-8, 8), rng.uniform(14, 26), rng)
    draw_hill(sheet, [(-40, 410), (140, 404), (300, 392), (420, 400), (560, 384), (700, 378), (840, 390)], 0.2, rng)
    for x, y, w, h, roof, deep in [(300, 412, 26, 17, 17, 26), (455, 410, 26, 16, 18, 34), (338, 424, 30, 20, 20, 32), (270, 430, 30, 20, 22, 30), (478, 436, 32, 22, 22, 34), (392, 446, 34, 23, 24, 36)]:
        draw_house(sheet, x, y, w, h, roof, deep, rng)
        if x == 338:
            draw_church(sheet, 414, 426, 26, 66)
    for x, y, radius in [(250, 424, 13), (446, 428, 12), (374, 432, 9), (528, 424, 15), (324, 436, 9), (548, 432, 12)]:
        draw_bush(sheet, x, y, radius, rng)
    draw_hill(sheet, [(-40, 470), (100, 462), (250, 448), (380, 452), (500, 470), (640, 478), (840, 450)], 0.3, rng)
    shade_meadow(sheet)
    draw_grass(sheet, (-10, 480, 540, 560), 420, 22, rng)
    draw_path(sheet, rng)
    for x, y, radius in [(776, 432, 46), (716, 436, 34)]:
        draw_bush(sheet, x, y, radius, rng, 0.55)
    draw_smoke(sheet, draw_house(sheet, 548, 524, 104, 70, 76, 96, rng, timber=True), rng)
    draw_bush(sheet, 772, 516, 26, rng, 0.5)
    draw_bush(sheet, 538, 518, 12, rng, 0.6)
    draw_wanderer(sheet, 446, 592, 62)
    draw_fence(sheet, rng)
    draw_birds(sheet, rng)
    draw_oak(sheet, rng)


def on_paper(ink, rng):
    """Lay the ink on warm, fibrous, slightly stained paper; the ink pools and thins a little."""
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    stain = c.fractal_noise(HEIGHT, WIDTH, 300, rng) ** 2 + 0.35 * np.hypot(x / WIDTH - 0.5, y / HEIGHT - 0.5) ** 2
    paper = c.mix(PAPER, STAIN, np.clip(0.5 * stain, 0, 0.6))
    fibres = c.value_noise(HEIGHT, WIDTH, (9, 2), rng) + c.value_noise(HEIGHT, WIDTH, (2, 9), rng) - 1
    paper = paper + (5 * fibres)[..., None]
    flow = 0.94 + 0.12 * (c.fractal_noise(HEIGHT, WIDTH, 30, rng) - 0.5)
    return c.mix(paper, INK, np.clip(ink / 255 * flow, 0, 1))


def paint(seed=1497):
    """Return the picture, (640, 800, 3) uint8."""
    rng = np.random.default_rng(seed)
    sheet = Sheet(HEIGHT, WIDTH, rng)
    draw_scene(sheet, rng)
    for turn, least, spacing in LAYERS:
        hatch(sheet, turn, least, spacing, rng)
    draw_grass(sheet, (-10, 590, 345, 650), 520, 34, rng)
    draw_grass(sheet, (510, 590, 810, 650), 480, 36, rng)
    return c.to_uint8(on_paper(c.shrink(sheet.image), rng))

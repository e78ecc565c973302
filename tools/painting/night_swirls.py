"""A windy night over a lakeside village, in the manner of the post-impressionists.

How it is built, back to front: a flow field (wind bent by whirls) carries thousands of short brush
strokes; a tone map, smeared along the same flow, says how light each stroke is; a limited palette turns
tone into one of few pure colours. Stars and the moon are rings of arcs. Hills, lake, village and
cypresses are painted over the sky with strokes that follow their own forms. A height map records every
bristle, and slanting light over it gives the thick paint its bright and dark edges.
"""

import numpy as np

from . import common as c

HEIGHT, WIDTH = 640, 800

SKY = c.colours("#101c4e", "#16307c", "#1f4aa8", "#2f66c4", "#4f8ad6", "#86b6e0", "#c5dcd8", "#f0ecc4")
GLOW = c.colours("#fff3b8", "#ffdc4e", "#f8bb22", "#f0d860", "#e4e6a4", "#bfdcc4", "#86b8d8")
FAR_HILLS = c.colours("#141a4a", "#1e2c70", "#2c4596", "#4a69b4", "#7f97c8")
NEAR_HILLS = c.colours("#0d1f33", "#123f48", "#1f6355", "#3f8458", "#86a850", "#c3bb4c")
LAKE = c.colours("#0c1740", "#13296a", "#1b4490", "#2b6aa8", "#58a0b8")
CYPRESS = c.colours("#050b0c", "#0b1a16", "#12301f", "#24492a", "#4b4a1e", "#7a4a1c")
OLIVES = c.colours("#0c2430", "#14464a", "#2a6e62", "#5b9a74", "#a5bf7a")

WHIRLS = [  # centre, radius, sense of turning, pull inwards
    ((345, 215), 118, 1.2, 0.35),
    ((512, 292), 74, -1.2, 0.35),
    ((-10, 330), 90, -0.9, 0.2),
]
MOON = (128, 128)
STARS = [  # x, y, size of the core
    (272, 58, 8), (440, 84, 14), (556, 128, 6), (540, 30, 9), (758, 66, 9),
    (770, 236, 17), (186, 300, 12), (36, 228, 6), (604, 214, 8), (22, 30, 10), (352, 24, 5),
]  # fmt: skip
INK = np.array([10.0, 14, 40])
SHORE = 548  # y of the far edge of the lake


def far_ridge(x):
    """y of the blue hills on the horizon."""
    return 418 - 42 * np.exp(-(((x - 150) / 130) ** 2)) - 66 * np.exp(-(((x - 520) / 110) ** 2)) + 10 * np.sin(x / 37)


def near_ridge(x):
    """y of the green hills behind the village."""
    return 476 + 26 * np.sin(x / 105 + 0.6) - 46 * np.exp(-(((x - 800) / 170) ** 2)) + 4 * np.sin(x / 23)


def sky_flow(rng):
    """Wind from the left that rises and falls, bent by the whirls, circling every star."""
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    wave = 0.42 * np.sin(x / 120 + y / 260 + 2.4) + 0.9 * (c.value_noise(HEIGHT, WIDTH, 170, rng) - 0.5)
    field = c.angle_field(wave)
    for centre, radius, turn, inward in WHIRLS:
        field = c.add_vortex(field, centre, radius, turn, inward)
    for star_x, star_y, size in STARS:
        field = c.add_vortex(field, (star_x, star_y), 3.2 * size, 1.5)
    return c.add_vortex(field, MOON, 95, 1.6)


def sky_tone(field, rng):
    """How light the sky is, 0..1: noise smeared along the flow makes bands that run with the strokes."""
    noise = c.fractal_noise(HEIGHT, WIDTH, 44, rng, octaves=3)
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    paths = c.follow_field(field, np.stack([x.ravel(), y.ravel()], axis=1), steps=16, step=5)
    bands = c.sample(noise, paths).mean(axis=1).reshape(HEIGHT, WIDTH)
    tone = 0.34 + 0.9 * (bands - bands.mean()) / bands.std() * 0.19
    for centre, radius, turn, _ in WHIRLS:
        distance = np.hypot(x - centre[0], y - centre[1])
        angle = np.arctan2(y - centre[1], x - centre[0])
        arms = np.cos(2 * angle - np.sign(turn) * 4.2 * np.log(distance / radius + 0.15))
        tone += 0.33 * arms * np.exp(-((distance / radius / 1.05) ** 4)) + 0.1 * np.exp(-((distance / radius) ** 2))
    return tone + 0.34 * c.smoothstep(300, 420, y) - 0.14 * c.smoothstep(120, 0, y)


def pick(palette, tone, rng, spread=0.085):
    """One pure colour of the palette near a tone: neighbours differ, as in broken colour."""
    place = np.clip(tone + rng.normal(0, spread), 0, 1) * (len(palette) - 1)
    return c.jitter_colour(palette[int(round(place))], rng, 0.012, 0.05, 0.04)


def brush_over(canvas, mask, field, colour_at, rng, spacing=6.0, width=6.5, steps=7, step=2.0):
    """Cover a region with strokes that follow `field`; `colour_at(x, y)` gives each its colour."""
    starts = c.jittered_points(HEIGHT, WIDTH, spacing, rng, margin=8)
    starts = starts[c.sample(mask, starts)]
    for path in c.follow_field(field, starts, steps, step):
        cut = int(rng.integers(0, steps // 2 + 1))  # lengths vary
        path = path[cut : len(path) - cut]
        x, y = path[len(path) // 2]
        c.paint_stroke(*canvas, path, width * rng.uniform(0.7, 1.25), colour_at(x, y), rng)


def paint_sky(canvas, rng):
    field = sky_flow(rng)
    tone = sky_tone(field, rng)
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    mask = y < np.minimum(far_ridge(x), near_ridge(x)) + 14

    def sky_colour(x, y):
        if rng.random() < 0.014:  # a few warm notes against all the blue
            return c.jitter_colour(GLOW[rng.integers(3, 5)], rng)
        return pick(SKY, c.sample(tone, np.array([x, y])), rng)

    brush_over(canvas, mask, field, lambda x, y: sky_colour(x, y) * 0.72, rng, spacing=9, width=10)
    brush_over(canvas, mask, field, sky_colour, rng, spacing=7.0, width=7.0, steps=9)


def paint_light(canvas, centre, core, reach, rng):
    """A star: a thick bright core and rings of arcs that cool and thin out with distance."""
    centre = np.asarray(centre, dtype=float)
    radius = core
    while radius < reach:
        fade = (radius - core) / (reach - core)
        count = max(5, int(2 * np.pi * radius / 15))
        for angle in np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 1):
            if rng.random() < 0.55 * fade**1.5:
                continue
            span = np.linspace(0, rng.uniform(0.7, 1.15) * 16 / radius, 8) + angle
            ring = centre + (radius + rng.normal(0, 1)) * np.stack([np.cos(span), np.sin(span)], axis=1)
            colour = GLOW[int(np.clip(round(1 + fade * 5 + rng.normal(0, 0.8)), 0, 6))]
            c.paint_stroke(*canvas, ring, rng.uniform(4.6, 6.4), c.jitter_colour(colour, rng, 0.012, 0.06, 0.04), rng)
        radius += 5.4
    for angle in rng.uniform(0, 2 * np.pi, int(core * 1.4)):
        start = centre + rng.uniform(0, core * 0.55) * np.array([np.cos(angle), np.sin(angle)])
        turn = angle + np.linspace(1.2, 2.4, 7)
        dab = start + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1), axis=0) * core * 0.12
        c.paint_stroke(*canvas, dab, core * 0.5, c.jitter_colour(GLOW[rng.integers(0, 3)], rng), rng)


def paint_moon(canvas, rng):
    """A deep orange crescent of long strokes in a wide halo."""
    paint_light(canvas, MOON, 12, 96, rng)
    centre = np.asarray(MOON, dtype=float)
    for inner in np.linspace(0, 1, 7):
        # Arcs between the same two horns, ever flatter: together they fill a crescent.
        span = np.linspace(-1.9, 1.9, 30)
        arc = np.stack([(np.cos(span) - np.cos(1.9)) * (1 - 0.5 * inner) + np.cos(1.9), np.sin(span)], axis=1)
        turn = np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
        colour = c.colours("#f6a21c", "#ef8a1a", "#ffc02e")[rng.integers(0, 3)]
        c.paint_stroke(*canvas, centre + 38 * arc @ turn, 6.5, c.jitter_colour(colour, rng, 0.008), rng)


def paint_hills(canvas, ridge, bottom, palette, rng, light):
    """A range of hills: strokes that run down its slopes, a dark line along its crest."""
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    depth = np.clip((y - ridge(x)) / 70, 0, 1)
    slope = np.arctan(np.gradient(ridge(np.arange(WIDTH, dtype=float))))[None, :]
    # Near the crest strokes run along it; lower down they roll like ploughed fields.
    field = c.angle_field(slope * (1 - 0.5 * depth) + 0.5 * depth * np.sin(x / 60 + y / 25))
    folds = c.fractal_noise(HEIGHT, WIDTH, (70, 22), rng, octaves=2)
    tone = np.clip(light + 1.5 * (folds - 0.5) - 0.3 * depth + 0.12 * np.sin(y / 5 + x / 40), 0, 1)
    mask = (y > ridge(x) + 2) & (y < bottom)
    brush_over(canvas, mask, field, lambda x, y: pick(palette, c.sample(tone, np.array([x, y])), rng), rng, spacing=5.6)
    crest_x = np.arange(-20, WIDTH + 20, 4.0)
    crest = np.stack([crest_x, ridge(crest_x)], axis=1)
    for start in range(0, len(crest) - 12, 7):
        c.paint_stroke(*canvas, crest[start : start + 12] + rng.normal(0, 1, 2), 5, palette[0] * rng.uniform(0.6, 1.1), rng)


def paint_olives(canvas, rng):
    """Round trees in front of the hills: each a curl of strokes, light above and dark below."""
    places = [(x + rng.normal(0, 9), near_ridge(x) + rng.uniform(4, 52), rng.uniform(12, 24)) for x in range(5, 800, 17)]
    for x, y, size in sorted(places, key=lambda place: place[1]):
        for radius in np.arange(size, 2, -4.2):
            for angle in np.arange(0, 2 * np.pi, 9 / radius) + rng.uniform(0, 1):
                span = angle + np.linspace(0, 13 / radius, 7)
                arc = np.array([x, y]) + radius * np.stack([np.cos(span), 0.8 * np.sin(span)], axis=1)
                tone = 0.42 - 0.42 * np.sin(angle) * radius / size
                c.paint_stroke(*canvas, arc, 4.8, pick(OLIVES, tone, rng, 0.1), rng, bristles=4)


def fill_with_strokes(canvas, corners, colour, count, rng, width=5.5):
    """Fill a quadrilateral (bottom left, bottom right, top right, top left) with level strokes."""
    low_left, low_right, top_right, top_left = np.asarray(corners, dtype=float)
    for share in np.linspace(0.05, 0.95, count):
        ends = c.mix(low_left, top_left, share), c.mix(low_right, top_right, share)
        path = np.linspace(*ends, 10) + rng.normal(0, 0.6, 2)
        c.paint_stroke(*canvas, path, width, c.jitter_colour(colour, rng, 0.012, 0.07, 0.07), rng)
    for start, end in zip(corners, [*corners[1:], corners[0]]):
        if rng.random() < 0.85:  # outlines found and lost
            c.paint_stroke(*canvas, np.linspace(start, end, 8) + rng.normal(0, 0.7, 2), 2.8, INK, rng, bristles=2)


def paint_house(canvas, x, y, size, rng):
    """A house in strokes: gable end, long wall, slanting roof, a lit window or two. Returns their x."""
    gable, length = size * rng.uniform(0.55, 0.75), size * rng.uniform(0.9, 1.5)
    high, peak, skew = size * rng.uniform(0.5, 0.75), size * rng.uniform(0.5, 0.75), size * 0.12
    wall = c.colours("#35548c", "#5d7fae", "#8aa5bd", "#b5b89c")[rng.integers(0, 4)]
    roof = c.colours("#7a3a2c", "#a9552f", "#3c3a6e", "#24467c", "#1b5a66")[rng.integers(0, 5)]
    a, b, d = x, x + gable, x + gable + length
    fill_with_strokes(canvas, [(b, y), (d, y - skew), (d, y - high - skew), (b, y - high)], wall * 0.72, 5, rng)
    fill_with_strokes(canvas, [(a, y), (b, y), (b, y - high), (a, y - high)], wall, 5, rng)
    top = (a + b) / 2, y - high - peak
    fill_with_strokes(canvas, [(a, y - high), (b, y - high), top, top], wall, 3, rng)
    far_top = top[0] + length, top[1] - skew
    fill_with_strokes(canvas, [(b + 1, y - high + 2), (d + 3, y - high - skew + 2), far_top, top], roof, 5, rng)
    lights = [(a + b) / 2] + [b + length * share for share in (0.3, 0.7) if rng.random() < 0.6]
    for light in lights:
        pane = np.stack([np.full(6, light), np.linspace(y - high * 0.3, y - high * 0.85, 6)], axis=1)
        c.paint_stroke(*canvas, pane, 5.5, GLOW[rng.integers(0, 3)], rng, bristles=3)
    return lights


def paint_church(canvas, rng):
    """A small church: the one sharp upright in the valley."""
    x, y = 318.0, SHORE - 8.0
    for offset in np.linspace(-9, 9, 5):
        wall = np.stack([np.full(9, x + offset), np.linspace(y, y - 52, 9)], axis=1)
        c.paint_stroke(*canvas, wall, 5.5, c.jitter_colour(c.mix(FAR_HILLS[4], SKY[6], 0.4), rng), rng)
        spire = np.linspace((x + offset * 1.25, y - 50), (x, y - 128), 14)
        c.paint_stroke(*canvas, spire, 5, c.jitter_colour(FAR_HILLS[2], rng, value=0.12), rng)
    for side in (-1, 1):
        edge = np.array([(x + side * 11, y), (x + side * 11, y - 50), (x + side * 13, y - 50), (x, y - 132)])
        for start, end in zip(edge, edge[1:]):
            c.paint_stroke(*canvas, np.linspace(start, end, 12), 3.2, INK, rng, bristles=2)
    c.paint_stroke(*canvas, np.stack([np.full(6, x), np.linspace(y - 26, y - 42, 6)], axis=1), 8, GLOW[1], rng)
    return [x]


def paint_village(canvas, rng):
    """Houses along the shore, those further back first. Returns the x of every lit window."""
    lights = []
    for row, (level, size) in enumerate([(SHORE - 30, 26), (SHORE - 16, 32), (SHORE - 2, 38)]):
        x = 52.0 + rng.uniform(0, 30)
        while x < 545:
            if abs(x + size * 0.9 - 322) > 20 + size * 0.9 or row == 0:  # keep the church free
                place = level + rng.normal(0, 3) - 10 * np.sin(x / 150)
                lights += paint_house(canvas, x, place, size * rng.uniform(0.8, 1.2), rng)
            x += size * rng.uniform(1.6, 3.2)
        if row == 0:
            lights += paint_church(canvas, rng)
    return lights


def paint_lake(canvas, lights, rng):
    """Level strokes; under every lit window a broken column of gold."""
    x, y = c.pixel_grid(HEIGHT, WIDTH)
    field = c.angle_field(0.16 * np.sin(x / 31 + y / 9) + 0.5 * (c.value_noise(HEIGHT, WIDTH, 60, rng) - 0.5))
    ripples = c.fractal_noise(HEIGHT, WIDTH, (90, 14), rng, octaves=2)
    tone = 0.45 + 1.6 * (ripples - 0.5) + 0.2 * c.smoothstep(SHORE + 50, SHORE, y)
    mask = y > SHORE
    brush_over(canvas, mask, field, lambda x, y: pick(LAKE, c.sample(tone, np.array([x, y])), rng), rng, spacing=5.8)
    for light in lights:
        reach = rng.uniform(30, 92)
        for y in np.arange(SHORE + 3, min(SHORE + reach, HEIGHT), 6.0):
            if rng.random() < 0.25 + 0.4 * (y - SHORE) / reach:  # broken by the ripples
                continue
            half = rng.uniform(3, 7) * (1 + (y - SHORE) / 110)
            place = light + 3 * np.sin(y / 8) + rng.normal(0, 1.5)
            dab = np.stack([np.linspace(place - half, place + half, 7), np.full(7, y) + rng.normal(0, 1.2)], axis=1)
            c.paint_stroke(*canvas, dab, 4.8, c.jitter_colour(GLOW[rng.integers(0, 5)], rng), rng, bristles=4)


def near_bank(x):
    """y of the dark bank in front, on which the cypresses stand."""
    return 660 - 118 * c.smoothstep(430, 800, x) + 5 * np.sin(x / 19)


def paint_cypress(canvas, x, base, top, spread, rng):
    """A dark flame: tongues of long strokes that climb, waver and lean together towards the tip."""
    # Wide, nearly black strokes first, so that the mass holds together; then long green and brown ones.
    for dark, count in ((True, int(spread * 7)), (False, int(spread * 7))):
        for share in np.sort(rng.random(count) ** 1.15):  # 0 at the foot, 1 at the tip
            side = rng.uniform(-1, 1)
            length = rng.uniform(40, 84) * (1 - 0.4 * share)
            y = base - share * (base - top - 0.5 * length) - np.linspace(0, length, 14)
            climb = np.clip((base - y) / (base - top), 0, 1)
            # Belly low down, long thin tip; the outline swells and draws in like a flame.
            half = spread * (1 - climb) ** 0.85 * (0.6 + 0.55 * climb**0.4 + 0.15 * np.sin(y / 21 + x + np.sign(side)))
            path = np.stack([x + side * half + 7 * np.sin(y / 62 + x) + 3 * np.sin(y / 14 + x), y], axis=1)
            tone = 0.36 + 0.3 * (side < -0.4) * rng.random() + 0.35 * (rng.random() < 0.12)
            colour = CYPRESS[rng.integers(0, 2)] if dark else pick(CYPRESS, tone, rng, 0.14)
            c.paint_stroke(*canvas, path, 13 if dark else rng.uniform(4.5, 7.5), colour, rng)


def paint(seed=1889):
    """Return the picture, (640, 800, 3) uint8."""
    rng = np.random.default_rng(seed)
    image, draw = c.new_canvas(HEIGHT, WIDTH, SKY[0])
    bumps, relief = c.new_canvas(HEIGHT, WIDTH, 90, mode="L")
    canvas = draw, relief
    paint_sky(canvas, rng)
    for x, y, size in STARS:
        paint_light(canvas, (x, y), size, size * 3.1, rng)
    paint_moon(canvas, rng)
    paint_hills(canvas, far_ridge, SHORE, FAR_HILLS, rng, light=0.5)
    paint_hills(canvas, near_ridge, SHORE + 6, NEAR_HILLS, rng, light=0.5)
    paint_olives(canvas, rng)
    paint_lake(canvas, paint_village(canvas, rng), rng)
    paint_hills(canvas, near_bank, HEIGHT + 10, NEAR_HILLS[:5], rng, light=0.42)
    paint_cypress(canvas, 744, 640, 268, 48, rng)
    paint_cypress(canvas, 668, 668, 70, 58, rng)
    picture = c.light_relief(c.shrink(image), c.shrink(bumps), strength=0.55)
    return c.to_uint8(c.sharpen(picture, 0.5))

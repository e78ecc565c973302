"""A great wave breaking towards the evening sun, in the manner of a Japanese woodblock print.

How it is built, like a print, from two blocks. The colour block takes flat shapes: a gradated (bokashi)
sky, the sun, a mountain, waves filled with tapered blades of darker and paler blue, foam. The key block
takes only the dark contours. Printing a shape wipes the contours beneath it, so shapes overlap properly.
Foam is made of claws: hooks with smaller hooks on their backs. At the end the key block is printed over
the colours a pixel out of register, and wood grain, baren marks and paper fibres are pressed into the ink.
"""

import numpy as np
from scipy import ndimage

from . import common as c

HEIGHT, WIDTH = 600, 800

PAPER, CREAM, INK = c.colours("#eedfba", "#f6ecd2", "#101a3c")
DEEP, BLUE, MIDDLE, PALE = c.colours("#1b2f66", "#2b5596", "#5b92b4", "#a3cac6")
SUN, PEACH, DUSK, SNOW = c.colours("#cf3f2a", "#eba873", "#3d5f92", "#f3ead2")
WOOD = np.array([222.0, 170, 92])

# The great wave between two lines that start together at its lip: the hollow and the back.
LIP = (286, 262)
HOLLOW = c.smooth_curve([LIP, (322, 226), (388, 222), (442, 262), (468, 330), (446, 408), (370, 474), (230, 524), (40, 560)])
BACK = c.smooth_curve([LIP, (284, 190), (342, 116), (446, 68), (560, 58), (668, 92), (752, 168), (850, 286), (960, 410), (1080, 560)])


def between(first, second, share):
    """A line between two lines; `share` (one number, or one per point) goes from 0 to 1; 120 points."""
    first, second = c.resample(first, count=120), c.resample(second, count=120)
    return c.mix(first, second, np.broadcast_to(share, 120))


def draw_contour(key, line, width, rng):
    """Cut a line on the key block that swells and tapers like a brush's."""
    line = c.resample(np.asarray(line, dtype=float), 2.0)
    swell = width * (0.45 + 0.75 * c.taper(len(line), 0, 0, 0.8) + 0.2 * np.sin(np.arange(len(line)) / 9 + rng.uniform(0, 6)))
    edge = c.normals(line) * np.maximum(swell, 0.9)[:, None] / 2
    left, right = line + edge, line - edge
    for i in range(len(line) - 1):  # piece by piece, because one long outline would cancel where it crosses itself
        c.fill_shape(key, np.array([left[i], left[i + 1], right[i + 1], right[i]]), 255)


def print_shape(blocks, outline, colour, rng, line=0.0):
    """Print a flat shape: colour on one block, nothing but its contour left on the other."""
    draw, key = blocks
    c.fill_shape(draw, outline, colour)
    c.fill_shape(key, outline, 0)
    if line:
        draw_contour(key, np.concatenate([outline, outline[:1]]), line, rng)


# Water -----------------------------------------------------------------------------------------------

def print_blades(blocks, first, second, count, colours, rng, wide=(4, 13), line=0.0):
    """Tapered blades of colour that run along with the water between two lines."""
    for share in (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count:
        drift = share + np.linspace(-0.03, 0.03, 120) * rng.uniform(-1, 1)
        path = between(first, second, np.clip(drift, 0.01, 0.99))
        start = int(rng.uniform(0, 0.5) * len(path))
        path = path[start : start + int(rng.uniform(0.3, 0.75) * len(path))]
        blade = c.ribbon(path, c.taper(len(path), power=0.8) * rng.uniform(*wide))
        print_shape(blocks, blade, colours[rng.integers(0, len(colours))], rng, line)


def print_water(blocks, first, second, blades, rng, wide=(5, 13)):
    """A body of water: blue ground, dark blades, pale blades, fine contours."""
    print_shape(blocks, np.concatenate([first, second[::-1]]), BLUE, rng, 2.6)
    print_blades(blocks, first, second, blades, [DEEP, DEEP, INK], rng, wide)
    print_blades(blocks, first, second, blades // 2, [MIDDLE, PALE], rng, (wide[0] * 0.7, wide[1] * 0.8), 1.3)
    print_blades(blocks, first, second, blades // 2, [DEEP], rng, wide)
    print_blades(blocks, first, second, blades // 3, [CREAM], rng, (1.5, 4.5))


# Foam ------------------------------------------------------------------------------------------------

def claw(root, direction, length, width, curl):
    """A hook: (points, widths) of a stroke that bends more and more and ends in a point."""
    t = np.linspace(0, 1, 16)
    heading = direction + curl * t**1.4
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / len(t)
    return np.asarray(root) + np.cumsum(steps, axis=0), width * (1 - t) ** 0.65 * np.minimum(1, 0.6 + 3 * t) + 0.3


def print_claws(blocks, root, direction, length, rng, curl=2.3):
    """A hand of foam: one large hook, smaller ones on its back, printed as one shape with one contour."""
    draw, key = blocks
    main, widths = claw(root, direction, length, length * 0.3, curl)
    hooks = [(main, widths)]
    for place in (2, 5, 8, 11):
        heading = direction + curl * (place / 16) ** 1.4 - np.sign(curl) * rng.uniform(0.5, 1.0)
        small = length * rng.uniform(0.45, 0.62) * (1 - place / 22)
        hooks.append(claw(main[place], heading, small, small * 0.36, curl * rng.uniform(0.9, 1.3)))
    line = min(2.2, 1.1 + length / 60)
    for points, wide in hooks:
        c.fill_shape(key, c.ribbon(points, wide + 2 * line), 255)
        c.fill_circle(key, points[0], wide[0] / 2 + line * 0.5, 255)
    for points, wide in hooks:
        for block, fill in ((key, 0), (draw, CREAM)):
            c.fill_shape(block, c.ribbon(points, wide), fill)
            c.fill_circle(block, points[0], wide[0] / 2, fill)
    for points, wide in hooks:  # a pale blue shadow inside each hook
        inside = points[1:11] + c.normals(points)[1:11] * (wide[1:11] * 0.2 * np.sign(curl))[:, None]
        c.fill_shape(draw, c.ribbon(inside, c.taper(10) * wide[1:11] * 0.45), PALE if rng.random() < 0.75 else MIDDLE)


def print_fringe(blocks, line, sizes, spacing, side, rng, curl=2.3, turn=0.0):
    """Claws all along a line, pointing to one side of it (+1 or -1), turned by `turn`."""
    line = c.resample(line, 3.0)
    across, at = c.normals(line) * side, 0.0
    while at < len(line):
        place = int(at)
        direction = np.arctan2(across[place, 1], across[place, 0]) + turn + rng.normal(0, 0.28)
        size = rng.uniform(*sizes)
        print_claws(blocks, line[place] - across[place] * size * 0.15, direction, size, rng, curl * rng.uniform(0.8, 1.15))
        at += spacing * size / np.mean(sizes) / 3.0


def print_foam(blocks, top, low, size, rows, rng, curl=-1.7, turn=0.8):
    """Foam between two lines: pale blue, then rows of claws from the lower line up, like tiles on a roof."""
    print_shape(blocks, np.concatenate([top, low[::-1]]), PALE, rng, 2.2)
    for share in np.linspace(0, 0.86, rows):
        line = between(low, top, share)[4:-4]
        scale = size * (1.12 - 0.45 * share)
        print_fringe(blocks, line, (0.75 * scale, 1.25 * scale), 0.6 * scale, 1, rng, curl, turn)


def print_spray(blocks, centre, spread, count, rng):
    """Drops flung from the crest: larger near it, finer away from it."""
    draw, key = blocks
    for x, y in np.asarray(centre) + rng.normal(0, 1, (count, 2)) * spread:
        radius = abs(rng.normal(0, 1.5)) + 0.9
        c.fill_circle(draw, (x, y), radius, CREAM)
        c.fill_circle(key, (x, y), radius, 0)


# The picture -----------------------------------------------------------------------------------------

def sky(rng):
    """Bokashi: colour wiped from dark to nothing, at the top and above the horizon, by hand and uneven."""
    _, y = c.pixel_grid(HEIGHT, WIDTH)
    y = y + 26 * (c.value_noise(HEIGHT, WIDTH, (260, 60), rng) - 0.5)
    picture = c.mix(np.broadcast_to(PAPER, (HEIGHT, WIDTH, 3)), DUSK, 0.92 * c.smoothstep(150, -10, y))
    return c.mix(picture, PEACH, 0.85 * c.smoothstep(210, 470, y))


def print_clouds(blocks, rng):
    """Mist in the old convention: level bars with round ends, stepped over one another."""
    draw, key = blocks
    for x, y, long in [(-40, 118, 250), (130, 44, 190), (520, 30, 330), (-50, 214, 130), (-30, 318, 130), (196, 350, 150), (-60, 40, 130)]:
        bars = [(x + long * a, y + 13 * row, long * b) for row, (a, b) in enumerate([(0.22, 0.5), (0, 0.8), (0.34, 0.66)])]
        for block, grow, fill in ((key, 2.0, 255), (key, 0, 0), (draw, 0, CREAM)):
            for left, level, size in bars:
                c.draw_line(block, [(left, level), (left + size, level)], 13 + grow, fill)
                for end in (left, left + size):
                    c.fill_circle(block, (end, level), 6.5 + grow / 2, fill)
        for left, level, size in bars:
            c.draw_line(draw, [(left + 2, level + 3), (left + size * 0.9, level + 3)], 3.5, c.mix(PEACH, PAPER, 0.3))
            draw_contour(key, [(left + size * 0.1, level), (left + size * rng.uniform(0.5, 0.8), level)], 1.4, rng)


def print_birds(blocks, rng):
    """Plovers, two strokes each."""
    for x, y in [(206, 150), (236, 138), (250, 158), (182, 168), (40, 262), (64, 250), (226, 176)]:
        size = rng.uniform(7, 11)
        for side in (-1, 1):
            wing = c.smooth_curve([(x, y), (x + side * size * 0.6, y - size * 0.6), (x + side * size * 1.5, y - size * 0.25)])
            draw_contour(blocks[1], wing, 2.6, rng)


def print_mountain(blocks, rng):
    """A far snow mountain, blue below, its snow running down in fingers."""
    slope = c.smooth_curve([(-40, 478), (40, 448), (104, 396), (128, 384), (150, 386), (178, 410), (240, 456), (330, 480)])
    print_shape(blocks, np.concatenate([slope, [(330, 520), (-40, 520)]]), DUSK, rng, 2.0)
    for x in np.arange(8, 250, 13.0):
        top = np.interp(x, slope[:, 0], slope[:, 1])
        rake = (x - 138) * 0.5
        path = np.linspace((x, top + 12), (x + rake, 482), 20)
        c.fill_shape(blocks[0], c.ribbon(path, c.taper(20) * 6), DEEP)
    fingers = [(104, 396), (112, 420), (119, 404), (127, 430), (135, 408), (144, 428), (151, 406), (162, 420), (178, 410)]
    cap = np.concatenate([c.smooth_curve([(104, 396), (128, 384), (150, 386), (178, 410)]), fingers[::-1]])
    print_shape(blocks, cap, SNOW, rng, 1.8)


def print_swell(blocks, crest, drop, blades, rng, claws=None, wide=(4, 11)):
    """A wave seen from the side: water below its crest line, with an edge of foam if asked for."""
    crest = c.smooth_curve(crest)
    foot = np.stack([crest[:, 0], np.maximum(crest[:, 1] + drop * 0.6, crest[:, 1].max() + drop * 0.4)], axis=1)
    print_water(blocks, crest, foot, blades, rng, wide)
    if claws:
        ends = np.array([int(share * len(crest)) for share in claws[0]])
        edge = crest[ends[0] : ends[1]]
        low = edge + [0, 1] * (claws[1] * 0.8 * c.taper(len(edge)))[:, None]
        print_foam(blocks, edge, low, claws[1], 2, rng)


def print_great_wave(blocks, rng):
    print_water(blocks, HOLLOW, BACK, 58, rng, (6, 15))
    t = np.arange(120)
    edge = 0.5 + 0.06 * np.sin(t / 3.5) + 0.42 * c.smoothstep(46, 92, t)
    low, top = between(HOLLOW, BACK, edge)[:92], between(HOLLOW, BACK, 1.0)[:92]
    # A second, thinner run of foam slides down the face before the cap is laid over it.
    face = between(HOLLOW, BACK, 0.34 + 0.05 * np.sin(t / 5))
    print_fringe(blocks, face[34:66], (16, 30), 20, 1, rng, -1.7, 0.7)
    print_foam(blocks, top, low, 44, 8, rng)
    # The falling lip: the largest hands of all, reaching out to the sun.
    lip = np.concatenate([low[:12][::-1], top[:30]])
    print_fringe(blocks, lip, (38, 62), 24, -1, rng, -1.7, -0.2)
    print_fringe(blocks, top[24:92], (12, 22), 13, -1, rng, -1.8, -0.9)


def print_boat(blocks, x, y, long, rng):
    """A slender boat with a high bow, its rowers bent low."""
    t = np.linspace(0, 1, 30)
    rail = np.stack([x + long * t, y + 16 * (2 * t - 1) ** 2 * -1 + 9], axis=1)
    keel = np.stack([x + long * (0.08 + 0.8 * t), y + 21 - 15 * (2 * t - 1) ** 2], axis=1)
    for place in np.linspace(0.25, 0.72, 6):
        body = np.stack([x + long * place + 5 * np.cos(t * 6.28), y + 4 + 6 * np.sin(t * 6.28)], axis=1)
        print_shape(blocks, body, DUSK, rng, 1.5)
        c.fill_circle(blocks[0], (x + long * place + 4, y - 3), 3.2, CREAM)
        draw_contour(blocks[1], [(x + long * place - 2, y + 4), (x + long * place - 15, y + 22)], 1.6, rng)
    print_shape(blocks, np.concatenate([rail, keel[::-1]]), WOOD, rng, 2.0)
    draw_contour(blocks[1], c.mix(rail, keel, 0.4), 1.3, rng)


def press(picture, key, rng):
    """Print the key block over the colours; press grain, baren marks and paper fibres into both."""
    _, y = c.pixel_grid(HEIGHT, WIDTH)
    rings = y / 5.2 + 13 * c.fractal_noise(HEIGHT, WIDTH, (340, 110), rng, octaves=2)
    grain = np.sin(2 * np.pi * rings) * (0.5 + c.value_noise(HEIGHT, WIDTH, (160, 12), rng))
    pores = c.value_noise(HEIGHT, WIDTH, (26, 1.4), rng) - 0.5
    mottle = c.fractal_noise(HEIGHT, WIDTH, 7, rng, octaves=3) - 0.5
    wear = 0.055 * grain + 0.12 * pores + 0.2 * mottle
    picture = c.mix(picture, np.where(wear[..., None] > 0, CREAM, INK), np.abs(wear))
    key = ndimage.shift(key, (1, -1), order=1) / 255  # out of register, as on most old prints
    picture = c.mix(picture, INK, np.clip(key * (0.93 + 0.5 * mottle), 0, 1))
    return picture + rng.normal(0, 2.2, (HEIGHT, WIDTH, 1))


def paint(seed=1831):
    """Return the picture, (600, 800, 3) uint8."""
    rng = np.random.default_rng(seed)
    ground = sky(rng)
    image, draw = c.new_canvas(HEIGHT, WIDTH)
    image.paste(c.enlarge(ground))
    key_image, key = c.new_canvas(HEIGHT, WIDTH, 0, mode="L")
    blocks = draw, key
    angle = np.linspace(0, 2 * np.pi, 80)
    print_shape(blocks, np.stack([176 + 47 * np.cos(angle), 250 + 47 * np.sin(angle)], axis=1), SUN, rng, 1.8)
    print_clouds(blocks, rng)
    print_birds(blocks, rng)
    print_mountain(blocks, rng)
    print_swell(blocks, [(-30, 484), (60, 470), (150, 486), (250, 474), (360, 494), (480, 490)], 130, 20, rng, wide=(3, 7))
    print_great_wave(blocks, rng)
    print_spray(blocks, (245, 350), (62, 62), 190, rng)
    print_spray(blocks, (430, 320), (60, 70), 120, rng)
    print_swell(blocks, [(180, 540), (300, 520), (420, 528), (540, 500), (660, 520), (840, 500)], 130, 26, rng, wide=(3, 8))
    print_boat(blocks, 100, 484, 160, rng)
    print_swell(blocks, [(330, 620), (440, 560), (540, 466), (622, 404), (700, 408), (770, 452), (850, 470)], 220, 34, rng, ((0.3, 0.95), 34))
    print_swell(blocks, [(-40, 546), (40, 520), (120, 514), (210, 536), (320, 572), (470, 592), (640, 600)], 130, 22, rng, ((0.1, 0.62), 26))
    print_swell(blocks, [(240, 640), (360, 588), (470, 566), (560, 578), (680, 566), (840, 590)], 110, 16, rng, ((0.2, 0.95), 20))
    print_spray(blocks, (560, 450), (150, 40), 140, rng)
    return c.to_uint8(press(c.shrink(image), c.shrink(key_image), rng))

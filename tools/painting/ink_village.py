"""Small things for a pen-and-ink landscape: trees, houses, a church, smoke, a wanderer.

Each function draws one thing on a `hatching.Sheet`; x, y is the lower left corner of a house or the foot (of a
round tree: the middle) of anything else, in pixels.
"""

import numpy as np

from . import common as c


def draw_bush(sheet, x, y, radius, rng, dark=0.5):
    """A round tree: balls of leaves, each with a scalloped edge, darker to the lower right."""
    sheet.pen([(x, y + radius * 0.6), (x + radius * 0.06, y + radius * 1.5)], radius * 0.22)
    for share in np.linspace(0, 1, 7):
        out = np.array([rng.uniform(-0.62, 0.62), -0.6 + 1.1 * share + rng.uniform(-0.1, 0.1)]) * radius
        size = radius * rng.uniform(0.38, 0.55)
        t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        scallop = size * (1 + 0.13 * np.abs(np.sin(t * 4.5 + rng.uniform(0, 6))) + 0.05 * rng.normal(0, 1, 72))
        rim = np.stack([x + out[0] + scallop * np.cos(t), y + out[1] + scallop * np.sin(t)], axis=1)
        tone = dark + 0.38 * ((sheet.x - x) * 0.6 + (sheet.y - y) * 0.8) / radius + 0.28 * (sheet.y - y - out[1]) / size
        sheet.lay(rim, tone, 0.9, max(0.9, radius / 22))


def draw_fir(sheet, x, y, height, rng):
    """A fir: drooping boughs to the left and right of a stem, close and black on the right."""
    sheet.pen([(x, y - height), (x, y)], 1.4)
    for share in np.arange(0.04, 0.95, 2.6 / height):
        for side in (-1, 1):
            long = 0.3 * height * share * rng.uniform(0.6, 1.1)
            root = np.array([x, y - height * (1 - share)])
            bough = c.smooth_curve([root, root + [side * long * 0.55, long * 0.2], root + [side * long, long * 0.62]], 5)
            sheet.pen(bough, 2.1 if side > 0 else 1.3, 0.3)


def draw_window(sheet, x, y, w, h, slope=0.0):
    """A black pane with a pale cross in it and a sill."""
    for i in (0, 1):
        for j in (0, 1):
            left, top = x + i * w * 0.54, y + j * h * 0.54 + slope * i * w * 0.54
            pane = np.array([(left, top), (left + w * 0.46, top + slope * w * 0.46), (left + w * 0.46, top + h * 0.46 + slope * w * 0.46), (left, top + h * 0.46)])
            sheet.blot(pane)
    sheet.pen([(x - 2, y + h + 2), (x + w + 2, y + h + 2 + slope * w)], max(0.9, w / 9))


def draw_house(sheet, x, y, w, h, roof, deep, rng, timber=False):
    """A gabled house with its lit front towards us and its dark side running off to the right."""
    rise, line, eave = -0.13, 0.9 + w / 90, w * 0.09
    front = np.array([(x, y), (x, y - h), (x + w / 2, y - h - roof), (x + w, y - h), (x + w, y)])
    apex, away = front[2], np.array([deep, deep * rise])
    side = np.array([(x + w, y), (x + w, y - h), *(np.array([(x + w, y - h), (x + w, y)]) + away)])
    sheet.lay(side, 0.62 + 0.2 * (sheet.y < y - h + h * 0.3), np.pi / 2, line)
    sheet.lay(front, 0.06 + 0.2 * c.smoothstep(y - h - roof * 0.2, y - h - roof, sheet.y), np.pi / 2 + 0.3, line)
    down = np.array([w / 2 + eave, roof + 2 * eave * roof / w])
    slope = np.arctan2(*down[::-1])
    tiles = np.array([apex - [eave, 0], apex + away, apex + away + down, apex + down - [eave * 0.4, 0]])
    sheet.lay(tiles, 0.36 + 0.06 * rng.normal() + 0.2 * c.smoothstep(apex[1], apex[1] + down[1], sheet.y), slope, line * 1.3)
    for share in np.arange(0.12, 1, max(0.1, 5 / roof)):  # rows of tiles
        row = np.array([apex + down * share, apex + down * share + away])
        start, end = np.sort(rng.uniform(0, 1, 2)) if rng.random() < 0.4 else (0, 1)
        sheet.pen([c.mix(*row, start), c.mix(*row, end)], 0.9, 0.7)
    sheet.pen([apex - [w / 2 + eave, -roof - 2 * eave * roof / w], apex, apex + down], line * 2.0, 0.3)
    if timber:
        for first, last in [((0, 0), (1, 0)), ((0.26, 0), (0.26, -0.5)), ((0.74, 0), (0.74, -0.5)), ((0.26, -0.5), (0.74, -0.5)), ((0.5, -0.5), (0.5, -0.95))]:
            sheet.pen([(x + w * first[0], y - h + roof * first[1]), (x + w * last[0], y - h + roof * last[1])], w / 42)
    pane_w, pane_h = max(3.0, w * 0.13), max(4.0, h * 0.26)
    for share in (0.16, 0.68):
        draw_window(sheet, x + w * share, y - h * 0.72, pane_w, pane_h)
    draw_window(sheet, x + w * 0.44, y - h - roof * 0.36, pane_w * 0.9, pane_h * 0.8)
    for share in np.arange(0.2, 0.9, 0.34 if deep > 40 else 0.45):
        draw_window(sheet, x + w + deep * share, y - h * 0.7 + deep * share * rise, pane_w * 0.8, pane_h, rise)
    sheet.blot(np.array([(x + w * 0.41, y), (x + w * 0.41, y - h * 0.46), (x + w * 0.58, y - h * 0.46), (x + w * 0.58, y)]))
    chimney = apex + away * 0.6 + down * 0.18
    stack = np.array([(-w * 0.06, 0), (-w * 0.06, -roof * 0.55), (w * 0.05, -roof * 0.55), (w * 0.05, roof * 0.1)]) + chimney
    sheet.lay(stack, 0.25 + 0.5 * (sheet.x > chimney[0]), 0.0, line)
    return stack[1:3].mean(axis=0)


def draw_church(sheet, x, y, w, tall):
    """A square tower, its right face in shadow, under a needle of a spire."""
    mid = x + w * 0.6
    sheet.lay([(x, y), (x, y - tall), (mid, y - tall), (mid, y)], 0.1, 1.2, 1.4)
    sheet.lay([(mid, y), (mid, y - tall), (x + w, y - tall), (x + w, y)], 0.68, np.pi / 2, 1.4)
    top = (x + w * 0.55, y - tall - w * 3.1)
    sheet.lay([(x - 3, y - tall), top, (mid, y - tall + 1)], 0.42, 1.25, 1.5)
    sheet.lay([(mid, y - tall + 1), top, (x + w + 3, y - tall)], 0.92, 1.75, 1.5)
    sheet.pen([top, (top[0], top[1] - 12)], 1.5, 0)
    sheet.pen([(top[0] - 4, top[1] - 8), (top[0] + 4, top[1] - 8)], 1.4, 0)
    for share in (0.2, 0.55):
        sheet.blot(np.array([(x + w * 0.2, y - tall * share), (x + w * 0.2, y - tall * share - 10), (x + w * 0.38, y - tall * share - 10), (x + w * 0.38, y - tall * share)]))


def draw_smoke(sheet, start, rng):
    """A plume of loops that drift off to the right and grow paler."""
    for i in range(15):
        share = i / 15
        centre = np.array(start) + [58 * share**1.5 + 4 * np.sin(i), -78 * share - 5]
        t = np.linspace(0, rng.uniform(3.2, 5.2), 26) + rng.uniform(2.6, 3.6)
        sheet.pen(centre + (3 + 10 * share) * np.stack([np.cos(t), 0.7 * np.sin(t)], axis=1), 1.3 - 0.6 * share, 0.4)


def draw_wanderer(sheet, x, y, size):
    """A cloaked figure with hat and staff, seen from behind, and the shadow it throws."""
    sheet.blot(np.array([(x, y), (x + size * 0.9, y + size * 0.16), (x + size * 1.1, y + size * 0.1), (x + size * 0.25, y - size * 0.04)]))
    cloak = c.smooth_curve([(x - size * 0.26, y), (x - size * 0.16, y - size * 0.75), (x, y - size * 0.84), (x + size * 0.17, y - size * 0.74), (x + size * 0.28, y)], 8)
    sheet.lay(cloak, 0.72 + 0.3 * (sheet.x > x), 1.75, 1.5)
    t = np.linspace(0, 2 * np.pi, 20)
    sheet.lay(np.stack([x + size * 0.1 * np.cos(t), y - size * 0.9 + size * 0.11 * np.sin(t)], axis=1), 0.2, 0, 1.1)
    sheet.blot(np.array([(x - size * 0.24, y - size * 0.93), (x - size * 0.09, y - size * 1.0), (x - size * 0.06, y - size * 1.12), (x + size * 0.09, y - size * 1.1), (x + size * 0.1, y - size * 0.98), (x + size * 0.24, y - size * 0.91)]))
    sheet.pen([(x - size * 0.34, y + 1), (x - size * 0.27, y - size * 0.85)], 1.7, 0.3)

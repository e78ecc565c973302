"""A row of gabled houses along a river: a content picture for teaching, rendered like a photograph.

How it is built
---------------
Houses, roofs, chimneys, quay and church are convex solids: a ray is inside one between the last plane that it enters
through and the first that it leaves through, so thousands of rays meet a solid in a few array operations. Trees are
heaps of balls with holes punched by noise. Walls get windows, shutters and timber from their own coordinates.
Each hit point is lit by the sun (with a second ray for the shadow) and the sky; where a ray meets the river it is
mirrored by a rippled surface and followed once more. The picture is rendered at 1.5 times its size and reduced.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from painting.common import fractal_noise, mix, smoothstep
from painting.still_life import film, space_noise

WIDTH, HEIGHT, OVERSAMPLE = 768, 576, 1.5
EYE, TARGET, ZOOM = np.array([15.0, 5.2, -6.0]), np.array([-6.2, 8.6, 40.0]), 2.15
SUN = np.array([0.62, 0.56, -0.50]) / np.linalg.norm([0.62, 0.56, -0.50])  # behind our right shoulder
PLASTER = np.array([(0.80, 0.62, 0.30), (0.78, 0.72, 0.60), (0.72, 0.40, 0.32), (0.82, 0.79, 0.72), (0.55, 0.62, 0.58),
                    (0.80, 0.50, 0.22), (0.70, 0.66, 0.46), (0.50, 0.56, 0.66), (0.76, 0.55, 0.48)])
SHUTTERS = np.array([(0.06, 0.16, 0.10), (0.28, 0.07, 0.05), (0.08, 0.14, 0.24), (0.20, 0.12, 0.06)])
TIMBER = np.array((0.16, 0.09, 0.05))


class Light(NamedTuple):
    """What differs between times of day. Colours are linear light; `sky` and `cloud` run from the horizon, or from shade, on."""

    sun: tuple
    from_sky: tuple
    from_ground: tuple
    haze: tuple
    sky: tuple
    cloud: tuple
    hills: tuple
    exposure: float
    lamps: tuple | None = None  # light of a window, seen as a colour of its wall


DAY = Light(sun=(2.9, 2.55, 2.0), from_sky=(0.34, 0.45, 0.64), from_ground=(0.20, 0.19, 0.15), haze=(0.62, 0.70, 0.78),
            sky=((0.66, 0.74, 0.80), (0.30, 0.49, 0.78), (0.10, 0.24, 0.56)), cloud=((0.62, 0.66, 0.74), (1.35, 1.32, 1.26)),
            hills=((0.30, 0.40, 0.36), (0.20, 0.30, 0.20)), exposure=0.46)
#: Half an hour after sunset: no sun, a glow along the horizon, blue light from above, and lamps behind windows.
DUSK = Light(sun=(0.10, 0.07, 0.09), from_sky=(0.13, 0.16, 0.30), from_ground=(0.09, 0.07, 0.07), haze=(0.34, 0.24, 0.26),
             sky=((1.25, 0.58, 0.24), (0.46, 0.30, 0.38), (0.06, 0.09, 0.25)), cloud=((0.14, 0.13, 0.22), (1.05, 0.42, 0.27)),
             hills=((0.10, 0.09, 0.13), (0.05, 0.05, 0.08)), exposure=0.62, lamps=(10.0, 4.9, 1.0))


@dataclass
class Solid:
    """A convex body: `normals` (k, 3) and `offsets` (k,) of its planes in its own frame (right, up, out of the front)."""

    kind: str
    origin: np.ndarray
    axes: np.ndarray  # rows: the frame's axes in the world
    normals: np.ndarray
    offsets: np.ndarray
    reach: float  # radius of a ball about `middle` that holds the body
    middle: np.ndarray
    look: dict


def solid(kind, origin, heading, planes, low, high, **look):
    """Make a `Solid` from planes ((nx, ny, nz), offset) and the corners of its box, in its own frame."""
    axes = np.array([(np.cos(heading), 0, np.sin(heading)), (0, 1, 0), (np.sin(heading), 0, -np.cos(heading))])
    normals = np.array([n for n, _ in planes], np.float64)
    lengths = np.linalg.norm(normals, axis=1)
    low, high = np.array(low, np.float64), np.array(high, np.float64)
    middle = origin + (low + high) / 2 @ axes
    return Solid(kind, np.asarray(origin, np.float64), axes, normals / lengths[:, None],
                 np.array([h for _, h in planes]) / lengths, np.linalg.norm(high - low) / 2, middle, look)


def box(kind, origin, heading, low, high, **look):
    planes = []
    for axis in range(3):
        n = np.eye(3)[axis]
        planes += [(n, high[axis]), (-n, -low[axis])]
    return solid(kind, origin, heading, planes, low, high, **look)


def roof(kind, origin, heading, low, high, along_front, **look):
    """A gable roof over the box low..high; its ridge runs along the front or at right angles to it."""
    axis = 2 if along_front else 0
    other = 2 - axis
    centre, half, rise = (low[axis] + high[axis]) / 2, (high[axis] - low[axis]) / 2, high[1] - low[1]
    planes = [((0, -1, 0), -low[1]), (np.eye(3)[other], high[other]), (-np.eye(3)[other], -low[other])]
    for sign in (1, -1):
        n = np.zeros(3)
        n[axis], n[1] = sign * rise, half
        planes.append((n, sign * rise * centre + half * high[1]))
    return solid(kind, origin, heading, planes, low, high, **look)


def house(rng, origin, heading, width, eaves, depth=10.0, gable=True, colour=None):
    """Solids of one house: body, roof, chimney, perhaps dormers. `origin` is the middle of its front's foot."""
    half, steep = width / 2, rng.uniform(0.62, 0.78)
    rise = (width if gable else 0.75 * depth) * steep
    look = dict(wall=PLASTER[rng.integers(len(PLASTER))] if colour is None else colour, half=half, eaves=eaves, rise=rise, gable=gable,
                columns=max(2, round(width / 2.3)), timber=rng.random() < 0.3, shutters=rng.random() < 0.6,
                shutter=SHUTTERS[rng.integers(len(SHUTTERS))], tile=np.array((0.42, 0.13, 0.06)) * rng.uniform(0.75, 1.2) + rng.uniform(0, 0.05),
                id=rng.integers(1000))
    over = 0.35
    top = eaves + rise
    parts = [box("house", origin, heading, (-half, -3, -depth), (half, eaves, 0), **look)]
    low, high = ((-half - over, eaves, -depth), (half + over, top, 0.25)) if gable else ((-half, eaves, -depth - 0.4), (half, top, 0.45))
    parts.append(roof("roof", origin, heading, low, high, not gable, **look))
    x, z = (rng.choice([-1, 1]) * 0.25 * width, -rng.uniform(2, 5)) if gable else (rng.uniform(-0.3, 0.3) * width, -depth / 2 - 0.8)
    parts.append(box("brick", origin, heading, (x - 0.4, eaves + 0.3 * rise, z - 0.4), (x + 0.4, top + rng.uniform(-0.2, 0.9), z + 0.4)))
    if not gable:
        for x in np.linspace(-half, half, 2 + int(width / 3.2))[1:-1]:
            foot = eaves + 0.12 * rise
            parts.append(box("dormer", origin, heading, (x - 0.75, foot, -3.5), (x + 0.75, foot + 1.3, -0.55), at=(x, foot), **look))
            parts.append(roof("roof", origin, heading, (x - 0.95, foot + 1.3, -4.2), (x + 0.95, foot + 2.1, -0.4), False,
                              **{**look, "small": True}))
    return parts


def town(rng):
    """All solids: the river front bends to the right in the distance; two more rows climb the hill behind."""
    solids, z, index = [], 9.0, 0
    front = lambda z: -11.5 + 0.0042 * max(0, z - 28) ** 2
    while z < 118:
        width = rng.uniform(6.0, 9.0)
        middle = z + width / 2
        slope = (front(middle + 1) - front(middle - 1)) / 2
        heading = np.pi / 2 - np.arctan(slope)
        origin = np.array([front(middle), 2.6, middle])
        solids.append(box("stone", origin, heading, (-width / 2 - 1.5, -4, -14), (width / 2 + 1.5, 0, 2.6)))
        solids.append(box("stone", origin, heading, (-width / 2 - 1.5, 0, 2.15), (width / 2 + 1.5, 0.75, 2.6)))
        colour = PLASTER[(index * 4 + 1) % len(PLASTER)] * rng.uniform(0.92, 1.06, 3)
        solids += house(rng, origin, heading, width, rng.uniform(7.6, 11.2), gable=rng.random() < 0.68, colour=colour)
        z += width * np.cos(np.arctan(slope)) * 0.99 + (2.2 if rng.random() < 0.18 else 0.0)
        index += 1
    for row, (back, foot) in enumerate([(17, 7.5), (30, 12.0), (43, 16.5)]):
        z = 26 + 9 * row
        while z < 125:
            width = rng.uniform(7, 10)
            origin = np.array([front(z) - back + rng.normal(0, 1), foot + rng.normal(0, 0.6), z + rng.normal()])
            solids += house(rng, origin, np.pi / 2 + rng.normal(0, 0.25) - 0.1, width, rng.uniform(4.5, 6.5), gable=rng.random() < 0.5)
            z += width + rng.uniform(1, 7)
    for x, z, turned in ((-6.6, 15.5, 0.04), (-6.4, 26.5, -0.03), (4.0, 37.0, 0.5)):
        planes = [((0, 1, 0), 0.55), ((0, -1, 0), 0.3), ((0, -0.35, 1), 0.6), ((0, -0.35, -1), 0.6), ((0.7, -1, 0), 2.6), ((-0.7, -1, 0), 2.6)]
        solids.append(solid("boat", np.array([x, 0.0, z]), np.pi / 2 + turned, planes, (-4.6, -0.3, -0.9), (4.6, 0.55, 0.9)))
    return solids + church(np.array([-27.0, 9.0, 71.0]), np.pi / 2 - 0.2)


def church(at, heading):
    stone = dict(wall=np.array((0.62, 0.55, 0.44)), half=2.6, eaves=20.0, rise=0.0, gable=True, columns=1, timber=False, shutters=False,
                 shutter=TIMBER, tile=np.array((0.42, 0.13, 0.06)), id=7)
    spire = []
    for angle in np.arange(8) * np.pi / 4:
        n = np.array((np.cos(angle), 0.26, np.sin(angle)))
        spire.append((n, 0.26 * 33.5))
    return [box("tower", at, heading, (-2.6, -6, -2.6), (2.6, 20, 2.6), **stone),
            box("plain", at, heading, (-2.9, 20, -2.9), (2.9, 20.5, 2.9), **stone),
            solid("slate", at, heading, spire + [((0, -1, 0), -20.5)], (-3.4, 20.5, -3.4), (3.4, 33.5, 3.4)),
            box("plain", at, heading, (2.6, -6, -5), (20, 7.5, 5), **stone),
            roof("roof", at, heading, (2.6, 7.5, -5.6), (20, 14.5, 5.6), True, **{**stone, "small": True})]


def trees(rng):
    """Heaps of balls (centre, radius, tint): big ones on the right bank, bushes on the quay, crowns between the roofs."""
    places = [((26.5, 3, 47), 7.5, 130), ((30, 3, 62), 8.5, 90), ((27, 3, 84), 8, 60), ((34, 3, 104), 9, 50), ((22.0, 1.0, 31), 2.6, 50)]
    places += [((rng.uniform(-62, -30) + 0.003 * z * z, rng.uniform(13, 20), z), rng.uniform(3, 5), 90) for z in np.linspace(30, 135, 13)]
    places += [((-9.9, 2.8, 17.5), 1.1, 60), ((-10.2, 2.8, 41.5), 1.5, 60), ((-7.5, 2.8, 59.0), 1.6, 50), ((2, 2.8, 88), 2.4, 40)]
    places += [((20 + 6 * k, 3.0, 122 + 4 * k), 5.5, 22) for k in range(5)]
    heaps = []
    for (x, y, z), size, count in places:
        d = rng.standard_normal((count, 3))
        d *= (rng.random(count) ** 0.4 / np.linalg.norm(d, axis=1))[:, None]
        centres = np.array((x, y + 0.95 * size, z)) + d * size * np.array((0.72, 0.80, 0.72))
        radii = size * rng.uniform(0.9, 1.6, count) / count**0.5
        tint = np.array((0.11, 0.18, 0.035)) * rng.uniform(0.75, 1.2) + np.array((0.08, 0.02, 0.0)) * rng.random()
        heaps.append((centres, radii, tint))
    return heaps


def meet_solid(body, origin, direction, t, owner, face, index):
    """Shorten `t` where rays meet `body`, and note which body and which of its planes."""
    to = body.middle - origin
    along = (to * direction).sum(1)
    rays = np.flatnonzero(((to**2).sum(1) - along**2 < body.reach**2) & (along > -body.reach) & (along - body.reach < t))
    if not len(rays):
        return
    o = (origin[rays] - body.origin) @ body.axes.T
    slope = direction[rays] @ body.axes.T @ body.normals.T
    slope = np.where(np.abs(slope) < 1e-9, 1e-9, slope)
    at = (body.offsets - o @ body.normals.T) / slope
    enter = np.where(slope < 0, at, -np.inf)
    first, leave = enter.max(1), np.where(slope > 0, at, np.inf).min(1)
    hit = (first < leave) & (first > 1e-3) & (first < t[rays])
    rays, enter = rays[hit], enter[hit]
    t[rays], owner[rays], face[rays] = first[hit], index, enter.argmax(1)


def meet_heap(heap, origin, direction, t, owner, face, index, block):
    """The same for a tree; a ray that grazes a ball slips through where the noise leaves a gap between leaves."""
    centres, radii, _ = heap
    middle = centres.mean(0)
    reach = (np.linalg.norm(centres - middle, axis=1) + radii).max()
    to = middle - origin
    along = (to * direction).sum(1)
    near = np.flatnonzero(((to**2).sum(1) - along**2 < reach**2) & (along > 0) & (along - reach < t))
    for ball, (centre, radius) in enumerate(zip(centres, radii)):
        o, d = origin[near], direction[near]
        along = ((centre - o) * d).sum(1)
        miss = ((centre - o) ** 2).sum(1) - along**2
        hit = np.flatnonzero(miss < radius**2)
        first = along[hit] - np.sqrt(radius**2 - miss[hit])
        leaf = space_noise(block, o[hit] + first[:, None] * d[hit], 2.4, 2)
        keep = (first > 0.01) & (first < t[near[hit]]) & (miss[hit] / radius**2 < 0.15 + 1.35 * leaf)
        rays = near[hit[keep]]
        t[rays], owner[rays], face[rays] = first[keep], index, ball


class Scene:
    """The things that depend on the seed: the town, its trees and the noise of textures, clouds and ripples."""

    def __init__(self, seed, light=DAY):
        self.light = light
        rng = np.random.default_rng(seed)
        self.block = rng.random((32, 32, 32)).astype(np.float32)
        self.clouds = fractal_noise(512, 1024, (110, 60), rng, octaves=7)
        self.solids, self.trees = town(rng), trees(rng)

    def meet(self, origin, direction):
        """Distance, owner (-1: nothing, else solids, then trees) and face of the first thing along each ray."""
        t = np.full(len(origin), 1e9)
        owner, face = np.full(len(origin), -1), np.zeros(len(origin), int)
        for index, body in enumerate(self.solids):
            meet_solid(body, origin, direction, t, owner, face, index)
        for index, heap in enumerate(self.trees):
            meet_heap(heap, origin, direction, t, owner, face, len(self.solids) + index, self.block)
        return t, owner, face

    def sky(self, d):
        """A colour that pales towards the horizon, lit clouds, and far hills in the haze."""
        up, (horizon, middle, zenith) = d[:, 1].clip(0, 1), self.light.sky
        colour = mix(mix(horizon, middle, up.clip(0, 0.25) / 0.25), zenith, smoothstep(0.2, 0.75, up))
        azimuth, rise = np.arctan2(d[:, 0], d[:, 2]), np.log(up + 0.10)
        at = lambda da, dr: map_coordinates(self.clouds, [(rise + dr + 2.4) * 190, (azimuth + da) * 300 + 500], order=1, mode="mirror")
        body = at(0, 0)
        cover = smoothstep(0.51, 0.62, body + 0.05 * smoothstep(0.5, 0.1, up))
        lit = (0.62 + 3.0 * (body - at(0.03, 0.06)) + 0.8 * (0.6 - body)).clip(0, 1)
        cloud = mix(*self.light.cloud, lit)
        colour = mix(colour, cloud, 0.92 * cover)
        ridge = 0.075 + 0.03 * np.sin(3.1 * azimuth + 1) + 0.012 * np.sin(9.7 * azimuth) + 0.05 * (body - 0.5)
        hill = mix(*self.light.hills, smoothstep(0.08, 0.0, up))
        return mix(colour, hill, smoothstep(0.002, -0.002, up - ridge))


def windows(look, u, y, noise, lamps=None):
    """Colour of a house wall at `u` along it and `y` above its foot."""
    colour = look["wall"] * (0.86 + 0.22 * noise)[:, None]
    colour *= (1 - 0.25 * smoothstep(1.2, 0.0, y))[:, None]  # damp at the foot
    pitch = 2 * look["half"] / look["columns"]
    column, floor = np.floor((u + look["half"]) / pitch), np.floor(y / 2.7)
    cu, v = u + look["half"] - (column + 0.5) * pitch, y - 2.7 * floor
    if look["timber"]:
        beam = (np.abs(v) < 0.14) | (np.abs(v - 2.7) < 0.05) | (np.abs(np.abs(cu) - pitch / 2) < 0.10) | (np.abs(v - 0.8) < 0.08)
        beam |= np.abs(np.abs(cu) - pitch / 2 + 0.45 * v / 2.7 * 2) < 0.09
        colour = mix(colour, TIMBER, 0.9 * (beam & (y > 2.7)))
    else:
        colour = mix(colour, look["wall"] * 0.78, (np.abs(v) < 0.10) & (y > 2))  # a string course
    slope_room = look["eaves"] + look["rise"] * (1 - np.abs(u) / look["half"]) if look["gable"] else np.full_like(u, look["eaves"])
    room = (2.7 * floor + 2.6 < slope_room - 0.75) & (np.abs(u) < look["half"] - 0.2)
    wide = min(0.52, 0.3 * pitch)
    ground = floor < 0.5
    chance = (np.sin(12.9898 * column + 78.233 * floor + look["id"]) * 43758.5) % 1
    door = ground & (chance < 0.35)
    low = np.where(door, 0.0, 0.85)
    inside = room & (np.abs(cu) < wide) & (v > low) & (v < 2.25)
    surround = room & (np.abs(cu) < wide + 0.14) & (v > low - 0.12) & (v < 2.40)
    shutter = room & look["shutters"] & ~ground & (np.abs(cu) > wide + 0.05) & (np.abs(cu) < 1.9 * wide) & (v > 0.8) & (v < 2.3)
    colour = mix(colour, (0.84, 0.82, 0.77), surround & ~door)
    colour = mix(colour, look["shutter"] * (0.85 + 0.3 * (np.sin(45 * v) > 0))[:, None], shutter)
    bars = (np.abs(cu) < 0.045) | (np.abs(np.abs(cu) - wide) < 0.07) | (np.abs(v - 1.75) < 0.045) | (np.abs(v - low) < 0.08) | (v > 2.18)
    glass = mix(mix((0.035, 0.05, 0.07), (0.22, 0.28, 0.33), (0.25 + 0.75 * chance) * smoothstep(0.8, 2.3, v)),
                (0.62, 0.60, 0.54), 0.6 * ((np.abs(cu) > 0.55 * wide) & (chance > 0.5)))  # curtains
    if lamps is not None:
        glass = mix(glass, np.array(lamps) * (0.25 + 0.75 * chance)[:, None], chance > 0.38)
    pane = mix(glass, (0.80, 0.78, 0.73), bars)
    wood = mix(look["shutter"], look["shutter"] * 0.5, np.abs(np.sin(7 * cu)) < 0.15)
    return mix(mix(colour, pane, inside & ~door), wood, inside & door)


def bricks(u, y, length, height):
    """(mortar 0..1, chance 0..1) of a stone or brick bond, for points `u` along and `y` up a wall."""
    row = np.floor(y / height)
    u = u / length + 0.5 * (row % 2) + 0.17 * np.sin(5.1 * row)
    edge = np.minimum(0.5 - np.abs(u % 1 - 0.5), (0.5 - np.abs(y / height % 1 - 0.5)) * height / length)
    return smoothstep(0.05, 0.02, edge), (np.sin(np.floor(u) * 12.99 + row * 78.2) * 43758.5) % 1


def albedo(scene, body, face, q, n):
    """Colour (linear light) of a solid at points `q` (its own frame) on planes `face` with normals `n` (own frame)."""
    noise = space_noise(scene.block, q + 50, 0.35, 4)
    u = np.where(np.abs(n[:, 0]) > 0.7, q[:, 2] + 0.3, q[:, 0])  # along the wall, whichever it is
    if body.kind == "stone":
        mortar, chance = bricks(u, q[:, 1], 1.5, 0.5)
        colour = mix((0.30, 0.26, 0.20), (0.46, 0.41, 0.33), 0.6 * chance + 0.4 * noise)
        colour = mix(colour, (0.14, 0.125, 0.10), 0.7 * mortar)
        colour = mix(colour, (0.10, 0.12, 0.06), 0.8 * smoothstep(-1.0, -2.5, q[:, 1] + 1.2 * (noise - 0.5)))
        return mix(colour, (0.36, 0.33, 0.27) * (0.7 + 0.6 * noise)[:, None], n[:, 1] > 0.5)
    if body.kind in ("slate", "brick"):
        mortar, chance = bricks(u, q[:, 1], 0.5, 0.2)
        base = np.array((0.14, 0.15, 0.17) if body.kind == "slate" else (0.40, 0.17, 0.10))
        return base * (0.75 + 0.4 * chance - 0.2 * mortar)[:, None]
    if body.kind == "boat":
        hold = (np.abs(q[:, 2]) < 0.62) & (np.abs(q[:, 0]) < 3.6) & (np.abs((q[:, 0] / 1.6) % 1 - 0.5) > 0.12) & (n[:, 1] > 0.5)
        return mix(np.array((0.34, 0.20, 0.09)) * (0.6 + 0.7 * noise)[:, None], (0.035, 0.025, 0.02), hold)
    look = body.look
    if body.kind == "roof":
        mortar, chance = bricks(np.where(np.abs(n[:, 0]) > 0.3, q[:, 2], q[:, 0]), q[:, 1], 0.55, 0.32)
        tiles = look["tile"] * (0.62 + 0.45 * noise + 0.35 * chance - 0.35 * mortar)[:, None]
        tiles = mix(tiles, (0.20, 0.17, 0.10), 0.5 * smoothstep(0.62, 0.8, noise))  # moss and soot
        end = np.abs(n[:, 1]) < 0.1
        if look.get("small"):
            return mix(tiles, look["wall"] * 0.9, end)
        wall = windows(look, q[:, 0], q[:, 1], noise, scene.light.lamps) if look["gable"] else np.tile(look["wall"] * 0.9, (len(q), 1))
        edge = look["eaves"] + look["rise"] * (1 - np.abs(q[:, 0]) / (look["half"] + 0.35)) - q[:, 1] if look["gable"] else np.full(len(q), 9.0)
        return mix(tiles, mix(wall, TIMBER, (edge < 0.35) | (q[:, 1] < look["eaves"] + 0.18)), end)
    if body.kind == "house":
        return windows(look, u if not look["gable"] else np.where(np.abs(n[:, 0]) > 0.7, 99, u), q[:, 1], noise, scene.light.lamps)
    if body.kind == "dormer":
        x, foot = look["at"]
        pane = (np.abs(q[:, 0] - x) < 0.45) & (np.abs(q[:, 1] - foot - 0.72) < 0.48)
        bar = (np.abs(q[:, 0] - x) < 0.05) | (np.abs(q[:, 1] - foot - 0.72) < 0.04)
        return mix(np.tile((0.74, 0.72, 0.66), (len(q), 1)), (0.06, 0.08, 0.10), pane & ~bar)
    colour = look["wall"] * (0.8 + 0.35 * noise)[:, None]
    mortar, chance = bricks(u, q[:, 1], 0.9, 0.45)
    colour = colour * (0.92 + 0.16 * chance - 0.18 * mortar)[:, None]
    if body.kind == "tower":
        arch = (np.abs(np.abs(u) - 0.75) < 0.42) & (q[:, 1] > 15) & (q[:, 1] < 18.2 - 1.5 * (np.abs(np.abs(u) - 0.75) / 0.42) ** 2)
        clock = np.hypot(u, q[:, 1] - 12.4)
        colour = mix(colour, (0.05, 0.045, 0.04), arch)
        colour = mix(mix(colour, (0.85, 0.80, 0.65), clock < 1.15), (0.07, 0.07, 0.10), (np.abs(clock - 1.1) < 0.14) | ((clock < 0.9) & (np.abs(u + 0.02) < 0.1) & (q[:, 1] > 12.3)))
    return colour


def shade(scene, origin, direction, mirrors=1):
    """Light (N, 3) that comes back along each ray."""
    t, owner, face = scene.meet(origin, direction)
    count = len(scene.solids)
    with np.errstate(divide="ignore"):
        river = np.where(direction[:, 1] < 0, -origin[:, 1] / direction[:, 1], 1e9)
    hill_t, hill_n = hillside(origin, direction)
    water, hill = (river < t) & (river < hill_t), hill_t < np.minimum(t, river)
    t = np.minimum(np.minimum(t, river), hill_t)
    p = origin + t.clip(0, 5e3)[:, None] * direction
    colour, n = np.zeros((len(p), 3)), np.tile((0.0, 1.0, 0.0), (len(p), 1))
    hard = ~water & ~hill & (owner >= 0)
    for index in np.unique(owner[hard]):
        on = np.flatnonzero(hard & (owner == index))
        if index < count:
            body = scene.solids[index]
            own = body.normals[face[on]]
            colour[on] = albedo(scene, body, face[on], (p[on] - body.origin) @ body.axes.T, own)
            n[on] = own @ body.axes
        else:
            centres, radii, tint = scene.trees[index - count]
            n[on] = (p[on] - centres[face[on]]) / radii[face[on], None]
            leaf = space_noise(scene.block, p[on], 2.6, 3)
            n[on] += 1.5 * (np.stack([space_noise(scene.block, p[on] + shift, 2.0, 2) for shift in (3, 7, 13)], 1) - 0.5)
            depth = np.linalg.norm((p[on] - centres.mean(0)) / np.ptp(centres, axis=0), axis=1)
            colour[on] = tint * ((2.6 * leaf - 0.3).clip(0.15) * (0.35 + 1.1 * depth))[:, None]
    n[hill] = hill_n[hill]
    canopy = np.stack([space_noise(scene.block, p[hill] + shift, 0.28, 4) for shift in (0, 5, 11)], 1) - 0.5
    n[hill] += 3.0 * canopy  # woods
    colour[hill] = mix((0.03, 0.065, 0.02), (0.17, 0.20, 0.05), smoothstep(-0.25, 0.3, canopy.sum(1) * 0.7))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    ground = np.flatnonzero(hard | hill)
    facing = (n @ SUN).clip(0)
    lit = np.zeros(len(p))
    some = ground[facing[ground] > 0]
    way, between, _ = scene.meet(p[some] + 0.03 * n[some], np.tile(SUN, (len(some), 1)))
    dapple = 0.8 * smoothstep(0.4, 0.62, space_noise(scene.block, p[some], 1.1, 3))  # sun between the leaves
    lit[some] = np.where(way > 1e8, 1.0, np.where(between >= count, dapple, 0.0))
    sky = 0.5 + 0.5 * n[:, 1]
    light = colour * ((facing * lit)[:, None] * np.array(scene.light.sun) + sky[:, None] * np.array(scene.light.from_sky)
                      + (1 - sky)[:, None] * np.array(scene.light.from_ground) + 0.03)
    haze = 1 - np.exp(-((t.clip(0, 1e4) / 330) ** 1.4))
    light = mix(light, scene.light.haze, 0.55 * haze)
    nothing = ~hard & ~hill & ~water
    light[nothing] = scene.sky(direction[nothing])
    wet = np.flatnonzero(water)
    if mirrors and len(wet):
        light[wet] = mirror(scene, p[wet], direction[wet], t[wet])
    return light


def hillside(origin, direction):
    """Where rays meet the hill behind the town and the right bank, two big balls: distance and normal."""
    best, normal = np.full(len(origin), 1e9), np.zeros((len(origin), 3))
    for centre, radius in ((np.array((-132.0, -90.0, 100.0)), 145.0), (np.array((84.0, -52.0, 70.0)), 78.0)):
        along = ((centre - origin) * direction).sum(1)
        miss = ((centre - origin) ** 2).sum(1) - along**2
        first = along - np.sqrt((radius**2 - miss).clip(0))
        hit = (miss < radius**2) & (first > 0.1) & (first < best)
        best[hit] = first[hit]
        normal[hit] = (origin[hit] + first[hit, None] * direction[hit] - centre) / radius
    return best, normal


def mirror(scene, p, direction, t):
    """Light from the river: the scene seen in rippled water, and the green of the water itself where we look down."""
    ripple = lambda shift: (space_noise(scene.block, p * (0.45, 0, 1.1) + shift, 0.9, 3) - 0.5)
    breeze = smoothstep(0.45, 0.7, space_noise(scene.block, p * (1, 0, 1.0), 0.05, 2))  # some stretches are rougher
    size = (0.05 + 0.07 * breeze) / (1 + t / 90)
    n = np.stack([size * ripple(0.0), np.ones(len(p)), 1.6 * size * ripple(9.0)], 1)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    cosine = -(direction * n).sum(1).clip(-1, 0)
    mirrored = direction + 2 * cosine[:, None] * n
    mirrored[:, 1] = mirrored[:, 1].clip(0.01)
    mirrored /= np.linalg.norm(mirrored, axis=1, keepdims=True)
    fresnel = 0.20 + 0.72 * (1 - cosine) ** 3
    return mix(np.array((0.055, 0.085, 0.06)), shade(scene, p + (0, 0.01, 0), mirrored, 0), fresnel)


def paint(seed=3, light=DAY, width=WIDTH):
    """The town as a uint8 array of `width` × ¾ `width` × 3."""
    scene, height = Scene(seed, light), width * HEIGHT // WIDTH
    w, h = int(width * OVERSAMPLE), int(height * OVERSAMPLE)
    forward = (TARGET - EYE) * (1, 0, 1)  # level, so that walls stay upright; the horizon is moved instead
    forward /= np.linalg.norm(forward)
    right = np.array((forward[2], 0, -forward[0]))
    y, x = np.mgrid[0:h, 0:w]
    x, y = (2 * x.ravel() + 1 - w) / h, (h - 2 * y.ravel() - 1) / h
    rise = ZOOM * (TARGET[1] - EYE[1]) / np.hypot(*(TARGET - EYE)[[0, 2]])
    rays = x[:, None] * right + (y + rise)[:, None] * np.array((0.0, 1.0, 0.0)) + ZOOM * forward
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    seen = np.empty((len(rays), 3))
    for start in range(0, len(rays), 24_000):  # small batches stay in the processor's cache
        part = slice(start, start + 24_000)
        seen[part] = shade(scene, np.tile(EYE, (len(rays[part]), 1)), rays[part])
    seen *= (1 - 0.06 * (x**2 + y**2))[:, None]  # a lens darkens corners
    picture = Image.fromarray(film(light.exposure * seen.reshape(h, w, 3))).resize((width, height), Image.LANCZOS)
    grain = np.random.default_rng(seed).normal(0, 1.2, (height, width, 1))
    return (np.asarray(picture) + grain).clip(0, 255).astype(np.uint8)

"""A still life with a bowl of fruit: a content picture for teaching, rendered like a photograph.

How it is built
---------------
Every object is a signed-distance function: a number per point of space, negative inside. A ray is followed from each
pixel by steps as long as the smallest distance ("sphere tracing") until it meets a surface. There the normal is the
gradient of the distance; a window on the left gives the light, a second march towards it the soft shadow, a few
samples along the normal the dark creases, and one mirrored ray the reflections in glass and glaze.
The picture is rendered at 1.7 times its size and reduced.
"""

import numpy as np
from PIL import Image
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, map_coordinates

from painting.common import mix, smoothstep

WIDTH, HEIGHT, OVERSAMPLE = 768, 576, 1.7
EYE, TARGET, ZOOM = np.array([0.35, 3.7, 9.2]), np.array([0.22, 1.2, 0.0]), 2.85
SUN = np.array([-0.62, 0.66, 0.42]) / np.linalg.norm([-0.62, 0.66, 0.42])  # from the window towards us, left and high
NAMES = ["wall", "cloth", "bottle", "jug", "bowl", "apple", "green apple", "orange", "pear", "lemon", "grapes", "stem"]
ID = {name: i for i, name in enumerate(NAMES)}
GLOSS = {"bottle": 0.9, "jug": 0.35, "bowl": 0.4, "grapes": 0.22, "apple": 0.16, "green apple": 0.16}  # mirrored share


def space_noise(block, p, scale, octaves=3):
    """Smooth noise in 0..1 at points of space (N, 3), from a block of random numbers repeated without end."""
    total, weight = 0.0, 0.0
    for octave in range(octaves):
        total = total + 0.5**octave * map_coordinates(block, p.T * (scale * 2**octave), order=1, mode="grid-wrap")
        weight += 0.5**octave
    return total / weight


def film(light):
    """Turn linear light into uint8 as film does: bright parts are compressed, not clipped (the "ACES" curve)."""
    curve = (light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)).clip(0, 1)
    return (255 * curve ** (1 / 2.2)).astype(np.uint8)


def profile(heights, radii):
    """A turned shape as tables over height: radius, and the factor that makes radius differences into distances."""
    y = np.linspace(heights[0], heights[-1], 400)
    r = PchipInterpolator(heights, radii)(y)
    slope = np.clip(np.gradient(r, y), -3, 3)
    return y, r.astype(np.float32), (1 / np.sqrt(1 + slope**2)).astype(np.float32)


BOTTLE = profile([0, 0.05, 0.3, 1.9, 2.25, 2.55, 2.8, 3.5, 3.52, 3.7, 3.72, 3.78],
                 [0.58, 0.64, 0.66, 0.66, 0.58, 0.34, 0.22, 0.19, 0.25, 0.25, 0.22, 0.2])
JUG = profile([0, 0.06, 0.5, 0.95, 1.4, 1.75, 2.0, 2.1], [0.5, 0.56, 0.86, 0.93, 0.72, 0.5, 0.55, 0.62])
BOWL = profile([0, 0.1, 0.18, 0.3, 0.6, 0.9, 1.1], [0.72, 0.7, 0.66, 0.92, 1.42, 1.68, 1.78])
PEAR = profile([-0.62, -0.6, -0.5, -0.15, 0.25, 0.6, 0.85, 0.95, 0.98],
               [0.0, 0.14, 0.38, 0.58, 0.47, 0.29, 0.24, 0.14, 0.0])
LEMON = profile([-0.8, -0.77, -0.7, -0.6, -0.52, -0.38, -0.2, 0, 0.2, 0.38, 0.52, 0.62, 0.66],
                [0, 0.08, 0.11, 0.14, 0.21, 0.36, 0.46, 0.49, 0.45, 0.35, 0.21, 0.1, 0])

# name, centre, angle about z and about y: what lies where on the table (bowl at the origin)
BOWL_AT = np.array([0.35, 0.03, -0.1])
APPLES = [("apple", (-0.45, 1.17, 0.35), 0.25), ("apple", (-2.15, 0.47, 1.55), -0.3), ("green apple", (0.95, 1.15, -0.55), -0.2)]
ORANGES = [(0.62, 1.2, 0.62), (-0.22, 1.18, -0.95), (2.55, 0.6, 1.75)]
STEMS = [((-0.52, 1.38, 0.36), (-0.68, 1.86, 0.36)), ((-2.08, 0.68, 1.55), (-1.9, 1.14, 1.6)),
         ((1.0, 1.36, -0.55), (1.12, 1.8, -0.52)), ((-0.04, 2.42, -0.18), (0.12, 2.72, -0.2))]


def turn(p, centre, about_z=0.0, about_y=0.0):
    """Points `p` (N, 3) in the frame of an object that stands at `centre` and leans."""
    x, y, z = (p - np.asarray(centre, np.float32)).T
    c, s = np.cos(about_y), np.sin(about_y)
    x, z = c * x - s * z, s * x + c * z
    c, s = np.cos(about_z), np.sin(about_z)
    return c * x + s * y, -s * x + c * y, z


def lathe(local, shape):
    """Distance to a turned shape; exact enough for marching since radii are corrected by their slope."""
    x, y, z = local
    heights, radii, correction = shape
    at = ((y - heights[0]) * (399 / (heights[-1] - heights[0]))).clip(0, 398.99)
    i = at.astype(np.int32)
    radius = radii[i] + (at - i) * (radii[i + 1] - radii[i])  # between entries too: steps would show in reflections
    return np.maximum((np.hypot(x, z) - radius) * correction[i], np.maximum(y - heights[-1], heights[0] - y))


def near(p, centre, radius, distance):
    """`distance(p)` close to an object, else the distance to a ball round it: most points are far from most objects."""
    d = np.sqrt(((p - np.asarray(centre, np.float32)) ** 2).sum(1)) - radius
    close = d < 0.6  # as far as a shadow's soft edge reaches
    if close.any():
        d[close] = distance(p[close])
    return d


def capsule(p, a, b, radius):
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    along = (((p - a) @ (b - a)) / ((b - a) @ (b - a))).clip(0, 1)
    return np.sqrt(((p - a - along[:, None] * (b - a)) ** 2).sum(1)) - radius


def apple(p, centre, lean):
    x, y, z = turn(p, centre, lean)
    rho = np.hypot(x, z) * (1.04 - 0.14 * y)  # wider at the shoulders
    return 0.9 * (np.hypot(rho - 0.24, y) - 0.42)  # a ring so thick that its hole is just the two dimples


def jug(p):
    x, y, z = turn(p, (2.75, 0.03, -0.95), about_y=0.5)
    x = x - 0.35 * x.clip(0) * smoothstep(1.5, 2.1, y)  # the rim is pulled out to a spout, away from the handle
    body = 0.85 * lathe((x, y, z), JUG)
    hollow = 0.85 * lathe((x, y - 0.05, z), (JUG[0], JUG[1] - 0.07, JUG[2]))
    ring = np.hypot(np.hypot((x + 0.72) * 1.25, y - 1.28) - 0.5, z) - 0.085
    shell = np.maximum(body, -hollow)
    return np.minimum(shell, np.maximum(0.8 * ring, -body))


def bowl(p):
    x, y, z = turn(p, BOWL_AT)
    outer = lathe((x, y, z), BOWL)
    inner = lathe((x, y - 0.09, z), (BOWL[0], BOWL[1] - 0.07, BOWL[2]))
    return np.maximum(outer, -inner)


class Scene:
    """The things that depend on the seed: folds of the cloth, grapes, and a block of noise for the textures."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.block = rng.random((32, 32, 32)).astype(np.float32)
        y, x = np.mgrid[0:512, 0:512] / 51.2 - 5  # the table, 10 x 10 units
        folds = gaussian_filter(rng.standard_normal((512, 512)), (46, 22)) * 40
        creases = np.abs(np.sin(2.1 * x + 0.6 * y + 1.6 * folds))  # sharp valleys, round tops
        self.folds = (0.10 * creases + 0.08 * folds).astype(np.float32)
        clear = np.zeros_like(x)
        for cx, cz, r in [(0.35, -0.1, 0.9), (-1.75, -0.9, 0.8), (2.75, -0.95, 0.8), (-2.15, 1.55, 0.5), (2.55, 1.75, 0.5), (0.2, 2.3, 1.2)]:
            clear = np.maximum(clear, np.exp(-((np.hypot(x - cx, y - cz) / r) ** 4)))
        self.folds = gaussian_filter(self.folds * (1 - clear), 2.0)  # flat under whatever stands there
        grapes = []
        for _ in range(4000):  # berries fall one after the other and rest on the cloth or on the ones below
            along = rng.random()
            x, z = -0.85 + 1.75 * along, 2.3 + (0.33 - 0.2 * along) * rng.normal()
            gaps = [np.hypot(x - g[0], z - g[2]) for g in grapes]
            y = max([0.22] + [g[1] + np.sqrt(0.38**2 - gap**2) for g, gap in zip(grapes, gaps) if gap < 0.38])
            if y < 0.62 - 0.25 * along and (y < 0.23 or sum(gap < 0.40 for gap in gaps) > 1):
                grapes.append((x, y, z))
        self.grapes = np.array(grapes, np.float32)

    def noise(self, p, scale, octaves=3):
        return space_noise(self.block, p, scale, octaves)

    def height(self, x, z):
        return map_coordinates(self.folds, [(z + 5) * 51.2, (x + 5) * 51.2], order=1, mode="nearest")

    def bunch(self, p):
        return np.min([np.sqrt(((p - g) ** 2).sum(1)) for g in self.grapes], axis=0) - 0.21

    def distances(self, p):
        """Distance of points (N, 3) to every object: (len(NAMES), N)."""
        d = np.full((len(NAMES), len(p)), 99, np.float32)

        def add(name, value):
            d[ID[name]] = np.minimum(d[ID[name]], value)

        add("wall", p[:, 2] + 3.6)
        add("cloth", 0.85 * (p[:, 1] - self.height(p[:, 0], p[:, 2])))
        add("bottle", near(p, (-1.75, 1.9, -0.9), 2.05, lambda q: lathe(turn(q, (-1.75, 0.03, -0.9)), BOTTLE)))
        add("jug", near(p, (2.7, 1.1, -0.95), 1.6, jug))
        add("bowl", near(p, BOWL_AT + [0, 0.6, 0], 1.9, bowl))
        for name, at, lean in APPLES:
            add(name, near(p, at, 0.72, lambda q: apple(q, at, lean)))
        for at in ORANGES:
            add("orange", np.sqrt(((p - np.float32(at)) ** 2).sum(1)) - 0.58)
        add("pear", near(p, (0.0, 1.7, -0.2), 1.0, lambda q: lathe(turn(q, (0.1, 1.5, -0.2), 0.12), PEAR)))
        add("lemon", near(p, (1.62, 0.5, 2.4), 0.8, lambda q: lathe(turn(q, (1.62, 0.5, 2.4), 1.5, 0.2), LEMON)))
        add("grapes", near(p, (0.15, 0.4, 2.35), 1.35, self.bunch))
        for a, b in STEMS:
            add("stem", near(p, a, 0.6, lambda q: capsule(q, a, b, 0.035)))
        return d

    def distance(self, p):
        return self.distances(p).min(0)


def march(scene, origin, direction, far=22.0, steps=90):
    """Distance along each ray to the first surface (`far` if none)."""
    t = np.full(len(origin), 0.02, np.float32)
    active = np.arange(len(origin))
    for _ in range(steps):
        d = scene.distance(origin[active] + t[active, None] * direction[active])
        t[active] += 0.9 * d
        active = active[(d > 0.0012 * t[active].clip(0.3)) & (t[active] < far)]
        if not len(active):
            break
    return t


def soft_shadow(scene, p):
    """Share of the window that each point sees: the nearest miss of a ray, relative to the way gone, tells."""
    light, t = np.ones(len(p), np.float32), np.full(len(p), 0.05, np.float32)
    active = np.arange(len(p))
    for _ in range(48):
        d = scene.distance(p[active] + t[active, None] * SUN.astype(np.float32))
        light[active] = np.minimum(light[active], 0.5 + 0.5 * (7 * d / t[active]).clip(-1, 1))
        t[active] += (0.8 * d).clip(0.03, 0.5)
        active = active[(light[active] > 0.01) & (t[active] < 6)]
        if not len(active):
            break
    return (light**2 * (3 - 2 * light)).clip(0, 1)


def albedo(scene, name, p):
    """Colour (linear light) of the surface of `name` at points `p`."""
    n = scene.noise(p, 3.0)
    if name == "wall":
        return mix((0.20, 0.21, 0.17), (0.30, 0.28, 0.21), scene.noise(p, 0.7, 5))
    if name == "cloth":
        u, v = p[:, 0] * 0.94 + p[:, 2] * 0.34, p[:, 2] * 0.94 - p[:, 0] * 0.34
        band = lambda w: smoothstep(0.40, 0.415, np.abs((w / 1.9) % 1 - 0.5)) + 0.8 * (np.abs(np.abs((w / 1.9) % 1 - 0.5) - 0.36) < 0.012)
        weave = 0.96 + 0.04 * np.sin(60 * u) * np.sin(60 * v)
        stripes = (0.5 * band(u) + 0.5 * band(v)).clip(0, 1)
        return mix((0.82, 0.78, 0.70), (0.10, 0.19, 0.42), stripes) * weave[:, None]
    if name == "bottle":
        paper = ((p[:, 1] > 0.75) & (p[:, 1] < 1.75)).astype(float)
        border = (np.abs(np.abs(p[:, 1] - 1.25) - 0.42) < 0.02) | (np.abs(p[:, 1] - 1.25) < 0.09)
        label = mix((0.72, 0.63, 0.44), (0.30, 0.10, 0.07), border)
        glass = mix((0.010, 0.035, 0.016), (0.02, 0.07, 0.03), smoothstep(2.2, 3.6, p[:, 1]))
        return mix(mix(glass, label, paper), np.array((0.25, 0.04, 0.04)), (p[:, 1] > 3.3).astype(float))
    if name == "jug":
        y = p[:, 1] + 0.015 * np.sin(9 * p[:, 0])
        blue = smoothstep(0.03, 0.02, np.abs(y - 1.9)) + smoothstep(0.14, 0.13, np.abs(y - 0.95)) * (1 - smoothstep(0.09, 0.08, np.abs(y - 0.95)))
        return mix((0.78, 0.77, 0.73), (0.06, 0.12, 0.38), blue.clip(0, 1))
    if name == "bowl":
        inside = smoothstep(1.05, 1.08, p[:, 1])
        glaze = mix((0.05, 0.20, 0.24), (0.08, 0.32, 0.34), n)
        return mix(mix(glaze, (0.42, 0.26, 0.14), smoothstep(0.24, 0.2, p[:, 1])), (0.60, 0.52, 0.36), inside)
    if name in ("apple", "green apple"):
        nearest = np.argmin([((p - np.array(at)) ** 2).sum(1) for _, at, _ in APPLES], axis=0)
        q = p - np.array([at for _, at, _ in APPLES])[nearest]
        angle = np.arctan2(q[:, 2], q[:, 0])
        streak = scene.noise(np.stack([angle * 4, q[:, 1] * 0.4, nearest * 3.3], 1), 3.0)
        speck = scene.noise(p, 22, 1) > 0.88
        if name == "apple":
            skin = mix((0.52, 0.025, 0.02), (0.75, 0.40, 0.06), 0.5 * smoothstep(0.42, 1.1, streak + 0.6 * q[:, 1] - 0.08))
        else:
            skin = mix((0.34, 0.46, 0.06), (0.55, 0.42, 0.08), smoothstep(0.4, 0.8, streak - 0.3 * q[:, 0]))
        return mix(skin, (0.75, 0.60, 0.25), 0.35 * speck)
    if name == "orange":
        return mix((0.80, 0.24, 0.01), (0.90, 0.36, 0.03), n)
    if name == "pear":
        blush = smoothstep(0.35, 0.75, n + 0.5 * (p[:, 0] - 0.05))
        return mix((0.56, 0.52, 0.08), (0.55, 0.26, 0.05), 0.7 * blush) * (1 - 0.35 * (scene.noise(p, 20, 1) > 0.84))[:, None]
    if name == "lemon":
        return mix((0.80, 0.47, 0.02), (0.78, 0.56, 0.06), n)
    if name == "grapes":
        return mix((0.045, 0.012, 0.055), (0.16, 0.10, 0.20), smoothstep(0.4, 0.75, scene.noise(p, 3.0)))  # dark, with bloom
    return np.tile((0.16, 0.09, 0.04), (len(p), 1))


def window(direction):
    """What a mirrored ray sees where it leaves the table: a window with two panes and a dim room."""
    along = direction @ SUN
    side, up = np.cross(SUN, (0, 1, 0)), np.cross(np.cross(SUN, (0, 1, 0)), SUN)
    u, v = direction @ side / along.clip(0.05), direction @ up / along.clip(0.05)
    pane = (along > 0) * smoothstep(0.40, 0.36, np.abs(u)) * smoothstep(0.52, 0.48, np.abs(v))
    bars = smoothstep(0.015, 0.03, np.abs(u)) * smoothstep(0.015, 0.03, np.abs(v - 0.1))
    room = 0.10 + 0.12 * direction[:, 1].clip(0)
    return room[:, None] * np.array((1.0, 0.95, 0.85)) + (pane * bars)[:, None] * np.array((3.6, 3.7, 3.9))


def normals(scene, p, e=0.004):
    corners = np.array([(1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)], np.float32)
    n = sum(c * scene.distance(p + e * c)[:, None] for c in corners)
    return n / np.linalg.norm(n, axis=1, keepdims=True).clip(1e-9)


def shade(scene, origin, direction, mirrors=1):
    """Light (N, 3) that comes back along each ray."""
    t = march(scene, origin, direction)
    p = origin + t[:, None] * direction
    kind = scene.distances(p).argmin(0)
    n = normals(scene, p)
    for name, scale, strength in (("orange", 11, 0.30), ("lemon", 9, 0.25), ("cloth", 14, 0.05), ("wall", 6, 0.05)):
        on = kind == ID[name]  # pores, weave and plaster: small enough that tilting the normal is all they need
        if on.any():
            q = p[on]
            tilt = np.stack([scene.noise(q + shift, scale, 2) for shift in (0.0, 7.3, 3.1)], 1) - 0.5
            n[on] += strength * tilt
    n = (n / np.linalg.norm(n, axis=1, keepdims=True)).astype(np.float32)
    colour = np.zeros((len(p), 3))
    for name in NAMES:
        on = kind == ID[name]
        if on.any():
            colour[on] = albedo(scene, name, p[on])
    lit = p + 0.02 * n
    shadow = soft_shadow(scene, lit)
    crease = sum((0.12 * k - scene.distance(lit + 0.12 * k * n)).clip(0) / 2**k for k in (1, 2, 3, 4))
    open_sky = (1 - 2.6 * crease).clip(0.05, 1)
    facing = (n @ SUN).clip(0)
    through = np.isin(kind, [ID["grapes"], ID["lemon"], ID["orange"]])  # light seeps round fruit that is not quite opaque
    facing = np.where(through, ((n @ SUN + 0.25) / 1.25).clip(0), facing)
    key = (facing * (0.06 + 0.94 * shadow))[:, None] * np.array((3.0, 2.75, 2.35))
    fill = (open_sky * (0.55 + 0.45 * n[:, 1]))[:, None] * np.array((0.42, 0.50, 0.62))
    bounce = (open_sky * (0.5 - 0.5 * n[:, 1]) * np.exp(-p[:, 1].clip(0)))[:, None] * np.array((0.55, 0.48, 0.38))
    light = colour * (key + fill + bounce)
    pool = np.exp(-((p[:, 0] + 1.4 - 0.35 * p[:, 1]) ** 2) / 9)  # the wall is brightest where the window throws its light
    light *= np.where(kind == ID["wall"], 0.35 + 0.9 * pool, 1.0)[:, None]
    half = SUN - direction
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    light += (0.5 * shadow * (n * half).sum(1).clip(0) ** 60 * (kind > ID["cloth"]) * (kind != ID["pear"]))[:, None]
    if mirrors:
        gloss = np.array([GLOSS.get(name, 0.0) for name in NAMES])[kind]
        gloss = np.where((kind == ID["bottle"]) & (p[:, 1] > 0.75) & (p[:, 1] < 1.75), 0.03, gloss)
        on = np.flatnonzero(gloss > 0)
        if len(on):
            cosine = -(n[on] * direction[on]).sum(1).clip(-1, 0)
            mirrored = (direction[on] + 2 * cosine[:, None] * n[on]).astype(np.float32)
            fresnel = gloss[on] * (0.12 + 0.88 * (1 - cosine) ** 4)
            light[on] = mix(light[on], 0, fresnel * 0.5) + fresnel[:, None] * shade(scene, lit[on], mirrored, 0)
    gone = t >= 21
    if gone.any():
        light[gone] = window(direction[gone])
    return light


def paint(seed=4):
    """The still life as an (576, 768, 3) uint8 array."""
    scene = Scene(seed)
    w, h = int(WIDTH * OVERSAMPLE), int(HEIGHT * OVERSAMPLE)
    forward = (TARGET - EYE) / np.linalg.norm(TARGET - EYE)
    right = np.cross(forward, (0, 1, 0)) / np.linalg.norm(np.cross(forward, (0, 1, 0)))
    up = np.cross(right, forward)
    y, x = np.mgrid[0:h, 0:w]
    x, y = (2 * x.ravel() + 1 - w) / h, (h - 2 * y.ravel() - 1) / h
    rays = x[:, None] * right + y[:, None] * up + ZOOM * forward
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    light = np.empty((len(rays), 3))
    for start in range(0, len(rays), 24_000):  # small batches stay in the processor's cache
        part = slice(start, start + 24_000)
        light[part] = shade(scene, np.tile(EYE.astype(np.float32), (len(rays[part]), 1)), rays[part])
    light *= (1 - 0.10 * (x**2 + y**2))[:, None]  # a lens darkens corners
    light = 0.44 * light.reshape(h, w, 3)
    light += 0.06 * gaussian_filter(light.clip(0, 4), (8, 8, 0))
    picture = Image.fromarray(film(light)).resize((WIDTH, HEIGHT), Image.LANCZOS)
    grain = np.random.default_rng(seed).normal(0, 1.2, (HEIGHT, WIDTH, 1))
    return (np.asarray(picture) + grain).clip(0, 255).astype(np.uint8)

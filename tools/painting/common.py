"""What the painting programs share: noise, flow fields, curves, strokes, light on paint, saving.

Conventions. Coordinates are (x, y) in pixels of the finished picture, y downwards. Arrays are indexed
[y, x]. Colours are (r, g, b) in 0..255. Everything is drawn on a canvas `SCALE` times larger and shrunk
at the end, which is what makes edges smooth: Pillow's drawing itself knows no anti-aliasing.
Every function that needs chance takes a `numpy.random.Generator`, so a seed fixes the picture.
"""

import colorsys
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw
from scipy import ndimage

SCALE = 2  # supersampling: canvas pixels per picture pixel


# Small helpers ---------------------------------------------------------------------------------------

def pixel_grid(height, width):
    """Return arrays x, y, each (height, width): the coordinates of every pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    return x, y


def smoothstep(low, high, value):
    """Go smoothly from 0 (at `low`) to 1 (at `high`)."""
    t = np.clip((np.asarray(value, dtype=np.float64) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def sample(array, points):
    """Read `array` [y, x] at (n, 2) points (x, y), nearest pixel, clamped to the picture."""
    x = np.clip(np.rint(points[..., 0]), 0, array.shape[1] - 1).astype(int)
    y = np.clip(np.rint(points[..., 1]), 0, array.shape[0] - 1).astype(int)
    return array[y, x]


def jittered_points(height, width, spacing, rng, margin=0.0):
    """Scatter (n, 2) points evenly: one per cell of a grid, at a random place in it, in random order."""
    x, y = np.meshgrid(np.arange(-margin, width + margin, spacing), np.arange(-margin, height + margin, spacing))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points = points + rng.uniform(0, spacing, points.shape)
    return rng.permutation(points)


# Colour ----------------------------------------------------------------------------------------------

def colours(*names):
    """Turn "#1b3a6b" (or any CSS name) into a float array (n, 3) in 0..255."""
    return np.array([ImageColor.getrgb(name) for name in names], dtype=np.float64)


def mix(first, second, amount):
    """Blend two colours (or arrays of them); `amount` 0 gives the first, 1 the second."""
    amount = np.asarray(amount, dtype=np.float64)[..., None]
    return np.asarray(first, dtype=np.float64) * (1 - amount) + np.asarray(second, dtype=np.float64) * amount


def ramp(palette, position):
    """Read a palette (n, 3) as a continuous scale: position 0 is its first colour, 1 its last."""
    position = np.clip(position, 0, 1) * (len(palette) - 1)
    below = np.minimum(np.floor(position).astype(int), len(palette) - 2)
    return mix(palette[below], palette[below + 1], position - below)


def jitter_colour(colour, rng, hue=0.02, saturation=0.08, value=0.08):
    """Return the colour shifted a little at random in hue (turns), saturation and value (0..1)."""
    h, s, v = colorsys.rgb_to_hsv(*(np.clip(colour, 0, 255) / 255))
    h = (h + rng.normal(0, hue)) % 1
    s, v = np.clip([s + rng.normal(0, saturation), v + rng.normal(0, value)], 0, 1)
    return np.array(colorsys.hsv_to_rgb(h, s, v)) * 255


def as_fill(colour):
    """Make a colour what Pillow's `fill` wants: a tuple of three integers."""
    return tuple(int(c) for c in np.clip(np.rint(colour), 0, 255))


# Noise and flow --------------------------------------------------------------------------------------

def value_noise(height, width, cell, rng):
    """Smooth noise in 0..1 whose bumps are about `cell` pixels; `cell` may be a pair (along x, along y)."""
    cell_x, cell_y = np.broadcast_to(cell, 2).astype(float)
    grid = rng.uniform(size=(int(height / cell_y) + 4, int(width / cell_x) + 4))
    x, y = pixel_grid(height, width)
    noise = ndimage.map_coordinates(grid, [y / cell_y + 1, x / cell_x + 1], order=3, mode="nearest")
    return np.clip(noise, 0, 1)


def fractal_noise(height, width, cell, rng, octaves=4):
    """Sum of `octaves` noises, each half as large and half as strong as the one before; in 0..1."""
    total, weight = np.zeros((height, width)), 0.0
    for octave in range(octaves):
        strength = 0.5**octave
        total += strength * value_noise(height, width, np.asarray(cell) / 2**octave, rng)
        weight += strength
    return total / weight


def angle_field(angle):
    """Unit vectors (height, width, 2) that point along `angle` (radians, array [y, x])."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def add_vortex(field, centre, radius, turn=1.0, inward=0.0):
    """Blend a whirl into a flow field: circles around `centre`, fading out beyond `radius`.

    `turn` is +1 or -1 (its size says how strongly it wins); `inward` > 0 makes a spiral.
    """
    x, y = pixel_grid(*field.shape[:2])
    dx, dy = x - centre[0], y - centre[1]
    distance = np.hypot(dx, dy) + 1e-6
    whirl = np.stack([-dy, dx], axis=-1) * np.sign(turn) - inward * np.stack([dx, dy], axis=-1)
    whirl /= np.linalg.norm(whirl, axis=-1, keepdims=True) + 1e-9
    weight = np.abs(turn) * 3 * np.exp(-((distance / radius) ** 2))
    return unit(field + weight[..., None] * whirl)


def unit(field):
    """Scale every vector of a field to length one."""
    return field / (np.linalg.norm(field, axis=-1, keepdims=True) + 1e-9)


def follow_field(field, starts, steps, step=2.0):
    """Walk from every start (n, 2) both ways along the field; return paths (n, 2 * steps + 1, 2)."""
    forward, backward = [np.asarray(starts, dtype=np.float64)], []
    for sign, path in ((1, forward), (-1, backward)):
        place = forward[0]
        for _ in range(steps):
            place = place + sign * step * sample(field, place)
            path.append(place)
    return np.stack(backward[::-1] + forward, axis=1)


# Curves and shapes -----------------------------------------------------------------------------------

def smooth_curve(points, samples=12, closed=False):
    """Run a Catmull-Rom curve through the points, `samples` new points per given one."""
    p = np.asarray(points, dtype=np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, samples, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:])
    ]
    return np.concatenate(pieces + ([] if closed else [p[-2:-1]]))


def resample(points, spacing=None, count=None):
    """Put points at equal distances along a line (n, 2): every `spacing` pixels, or `count` in all."""
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, length[-1], count or max(2, int(length[-1] / spacing) + 1))
    return np.stack([np.interp(at, length, points[:, 0]), np.interp(at, length, points[:, 1])], axis=1)


def normals(points):
    """Unit vectors at right angles to a line (n, 2), at each of its points."""
    along = np.gradient(points, axis=0)
    return unit(np.stack([-along[:, 1], along[:, 0]], axis=1))


def ribbon(points, widths):
    """Outline of a stroke: a line (n, 2) given a width (one number, or one for each point)."""
    side = normals(points) * (np.broadcast_to(widths, len(points)) / 2)[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])


def taper(count, start=0.0, end=0.0, power=0.5):
    """Widths (count,) of a brush mark: 1 in the middle, `start` and `end` at the two ends."""
    t = np.linspace(0, 1, count)
    body = np.sin(np.pi * t) ** power
    return body + (1 - body) * (start * (1 - t) + end * t)


def shape_mask(height, width, *outlines):
    """Boolean (height, width): which pixels lie inside any of the outlines (n, 2)."""
    image = Image.new("L", (width, height))
    for outline in outlines:
        ImageDraw.Draw(image).polygon([tuple(p) for p in outline], fill=255)
    return np.asarray(image) > 0


# The canvas ------------------------------------------------------------------------------------------

def new_canvas(height, width, colour=(0, 0, 0), mode="RGB"):
    """Return (image, draw), `SCALE` times larger than the picture. Mode "L" makes a height map."""
    fill = as_fill(colour) if mode == "RGB" else colour
    image = Image.new(mode, (width * SCALE, height * SCALE), fill)
    return image, ImageDraw.Draw(image)


def fill_shape(draw, outline, colour):
    """Fill an outline (n, 2) with a flat colour (or a grey number on a height map)."""
    fill = colour if np.isscalar(colour) else as_fill(colour)
    draw.polygon((np.asarray(outline) * SCALE).ravel().tolist(), fill=fill)


def draw_line(draw, points, width, colour):
    """Draw a line of constant width with rounded joints; for tapered ones fill a `ribbon`."""
    fill = colour if np.isscalar(colour) else as_fill(colour)
    draw.line((np.asarray(points) * SCALE).ravel().tolist(), fill=fill, width=max(1, round(width * SCALE)), joint="curve")


def fill_circle(draw, centre, radius, colour):
    """Fill a circle with a flat colour (or a grey number on a height map)."""
    fill = colour if np.isscalar(colour) else as_fill(colour)
    x, y, r = centre[0] * SCALE, centre[1] * SCALE, radius * SCALE
    draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def paint_stroke(draw, relief, points, width, colour, rng, bristles=5, spread=14.0):
    """Lay one loaded brush stroke along a line: body, then bristles of slightly different colour.

    `relief` is the draw of a height map (mode "L") that gets the same marks as ridges and furrows, with
    raised rims where the brush pushes paint aside; `light_relief` turns them into light and shade.
    """
    shape = taper(len(points), 0.25, 0.1) * width
    fill_shape(draw, ribbon(points, shape), colour)
    fill_shape(relief, ribbon(points, shape), int(rng.integers(70, 120)))
    side = normals(points) * shape[:, None] / 2
    for offset in np.linspace(-0.85, 0.85, bristles):
        first = int(rng.integers(0, max(1, len(points) // 4)))
        last = len(points) - int(rng.integers(0, max(1, len(points) // 4)))
        line = (points + side * offset)[first:last]
        if len(line) < 2:
            continue
        rim = 60 * abs(offset)
        draw_line(draw, line, width / bristles, np.asarray(colour) + rng.normal(0, spread) + rng.normal(0, spread / 3, 3))
        draw_line(relief, line, width / bristles, int(np.clip(rng.normal(120 + rim, 45), 0, 255)))


def light_relief(picture, height, strength=0.5, angle=-2.4, blur=0.7):
    """Shade a picture (H, W, 3) by light that falls across a height map (H, W) in 0..255 from `angle`."""
    height = ndimage.gaussian_filter(height.astype(np.float64) / 255, blur)
    dy, dx = np.gradient(height)
    slope = -(dx * np.cos(angle) + dy * np.sin(angle))  # > 0 where the surface faces the light
    shade = np.clip(strength * slope * 4, -0.55, 0.7)[..., None]
    # Light moves towards white and shade towards black, so colours stay inside 0..255.
    return np.where(shade > 0, picture + (255 - picture) * shade, picture * (1 + shade))


def shrink(image):
    """Return a canvas as a float array at the picture's own size, each pixel a mean of `SCALE` squared."""
    pixels = np.asarray(image, dtype=np.float64)
    h, w = pixels.shape[0] // SCALE, pixels.shape[1] // SCALE
    return pixels.reshape(h, SCALE, w, SCALE, -1).mean(axis=(1, 3)).squeeze()


def enlarge(picture):
    """The reverse: a picture (H, W, 3) as an image of canvas size, to paste under what is drawn."""
    pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return Image.fromarray(np.kron(pixels, np.ones((SCALE, SCALE, 1), dtype=np.uint8)))


def sharpen(picture, amount=0.4, radius=1.0):
    """Unsharp mask: give back the crispness that shrinking takes away."""
    blurred = ndimage.gaussian_filter(picture, (radius, radius, 0))
    return picture + amount * (picture - blurred)


def to_uint8(picture):
    """Round a float picture in 0..255 to the uint8 array that `paint` returns."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def save_jpeg(picture, path, max_bytes=400_000):
    """Save a uint8 array (H, W, 3) as JPEG: quality 90, or as much less as `max_bytes` asks for."""
    for quality in (90, 87, 84, 81, 78, 75):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= max_bytes:
            break
    Path(path).write_bytes(buffer.getvalue())
    return quality, buffer.tell()

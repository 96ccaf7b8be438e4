"""Draw the street scene of the README: a small ray caster and point renderer, no photo involved.

Run ``python examples/draw_street.py`` to write ``street.jpg`` beside this file. The axes of the
world, in metres: x to the right, y up from the road, z ahead of the camera. A shader gets grids of
places and returns their colours, not-a-number where there is nothing to see.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Array = NDArray[np.float32]
Shader = Callable[["Hit"], Array]
Paint = Callable[[Array, Array, Array], Array]

WIDTH, HEIGHT, OVERSAMPLE = 960, 720, 2
FOCAL, CENTRE, HORIZON = 900.0 * OVERSAMPLE, 470.0 * OVERSAMPLE, 335.0 * OVERSAMPLE
EYE = np.array([0.0, 1.4, 0.0], np.float32)
NEAR, FAR = 2.0, 150.0
LEFT_WALL, LEFT_KERB, RIGHT_KERB, RIGHT_WALL, FENCE = -5.0, -2.3, 7.2, 10.4, 9.2
RANDOM = np.random.default_rng(7)
TILE = RANDOM.uniform(-1, 1, (256, 256)).astype(np.float32)

# --- Numbers and colours -----------------------------------------------------------------------


def noise(u: Array, v: Array, octaves: int = 4) -> Array:
    """Fractal noise, about -1 to 1, at the points of two grids."""
    total = np.zeros(u.shape, np.float32)
    for k in range(octaves):
        x, y = (np.mod(c * 2**k + 31 * k, 256).astype(np.float32) for c in (u, v))
        total += 0.6**k * cv2.remap(TILE, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return total * 0.8


def dice(u: Array, v: Array) -> Array:
    """A fixed random number, -1 to 1, for each whole-numbered cell."""
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    return TILE[(i * 37 + j * 91) % 256, (j * 53 + i * 11) % 256]


def tint(tone: ArrayLike, *colour: float) -> Array:
    """A colour, in the brightness that a grid says."""
    return np.asarray(tone, np.float32)[..., None] * np.array(colour, np.float32)


def mix(first: ArrayLike, second: ArrayLike, share: ArrayLike) -> Array:
    """Blend two colours, as much of the second as a grid says."""
    weight = np.asarray(share, np.float32)[..., None]
    return np.asarray(first, np.float32) * (1 - weight) + np.asarray(second, np.float32) * weight


def cut(colour: Array, keep: Array) -> Array:
    """Make holes where ``keep`` is false."""
    return np.where(keep[..., None], colour, np.float32(np.nan))


def smooth(low: float, high: float, value: Array) -> Array:
    """A soft step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def within(value: Array, middle: float, half: float) -> Array:
    """Whether values are close to the middle of a span."""
    return np.abs(value - middle) < half


def lettering(text: str, u: Array, v: Array, size: float) -> Array:
    """The ink of a word in letters ``size`` high, at places about its middle."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 2, 5)
    page = np.zeros((height + 40, width + 40), np.uint8)
    cv2.putText(page, text, (20, height + 20), cv2.FONT_HERSHEY_DUPLEX, 2, 255, 5)
    x, y = u * height / size + page.shape[1] / 2, page.shape[0] / 2 - v * height / size
    return cv2.remap(page, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR) / 255


def daylight(normal: Array) -> Array:
    """Soft light on a surface, from above and from behind our left shoulder."""
    lamp = np.clip(normal @ np.array([-0.45, 0.70, -0.55]), 0, 1)
    return 0.40 + 0.22 * normal[..., 1] + 0.48 * lamp


def sky(rays: Array) -> Array:
    """A bright, hazy sky."""
    up = np.clip(rays[..., 1], 0, 1)
    cloud = noise(rays[..., 0] * 3 / (up + 0.25), 4 / (up + 0.25), 5)
    blue = mix((0.99, 1.0, 1.0), (0.78, 0.91, 1.0), smooth(0.02, 0.5, up))
    return mix(blue, (1.0, 1.0, 1.0), 0.8 * smooth(-0.3, 0.5, cloud))


def mirrored(normal: Array, view: Array) -> Array:
    """What a shiny surface reflects: sky above, houses at eye level, road below."""
    ray = view - 2 * (view * normal).sum(-1, keepdims=True) * normal
    up = ray[..., 1] + 0.05 * noise(ray[..., 0] * 9, ray[..., 2] * 9, 2)
    houses = mix((0.22, 0.22, 0.23), (0.11, 0.11, 0.12), smooth(0.0, 0.2, up))
    return mix(houses, (0.92, 0.96, 1.0), smooth(0.22, 0.45, up))


# --- The renderer ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    """Where rays meet a rectangle: metres along its sides, the slant of the rays, the distance."""

    a: Array
    b: Array
    slant_a: Array
    slant_b: Array
    depth: Array


@dataclass(frozen=True)
class Pose:
    """Where an object stands, and how far it is turned about the vertical."""

    x: float
    z: float
    turn: float = 0.0
    y: float = 0.0

    def apply(self, points: Array) -> Array:
        """Local to world coordinates."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        world = [c * x + s * z + self.x, y + self.y, c * z - s * x + self.z]
        return np.stack(world, -1).astype(np.float32)


class Canvas:
    """Colours and depths of the picture while it is drawn."""

    def __init__(self) -> None:
        y, x = np.mgrid[: HEIGHT * OVERSAMPLE, : WIDTH * OVERSAMPLE].astype(np.float32)
        self.rays = np.dstack([(x - CENTRE) / FOCAL, (HORIZON - y) / FOCAL, np.ones_like(x)])
        self.colour = sky(self.rays)
        self.depth = np.full(x.shape, np.inf, np.float32)

    def splat(self, points: Array, colours: Array) -> None:
        """Draw points, the nearest on top."""
        x, y, z = points.T
        row = np.floor(HORIZON - FOCAL * (y - EYE[1]) / z).astype(int)
        column = np.floor(CENTRE + FOCAL * x / z).astype(int)
        seen = (z > NEAR) & (row >= 0) & (row < HEIGHT * OVERSAMPLE)
        seen &= (column >= 0) & (column < WIDTH * OVERSAMPLE) & ~np.isnan(colours[:, 0])
        index = np.flatnonzero(seen)
        index = index[z[index] < self.depth[row[index], column[index]]]
        index = index[np.argsort(-z[index])]
        self.colour[row[index], column[index]] = colours[index]
        self.depth[row[index], column[index]] = z[index]

    def rectangle(self, corner: ArrayLike, u: ArrayLike, v: ArrayLike, shader: Shader) -> None:
        """Cast rays at the rectangle ``corner + u + v`` and shade where they hit."""
        base, u, v = (np.asarray(item, np.float32) for item in (corner, u, v))
        z = np.maximum([base[2], (base + u)[2], (base + v)[2], (base + u + v)[2]], NEAR)
        corners = np.stack([base, base + u, base + v, base + u + v]) - EYE
        x, y = CENTRE + FOCAL * corners[:, 0] / z, HORIZON - FOCAL * corners[:, 1] / z
        lows, highs = (np.clip([f(y), f(x)], 0, 9999).astype(int) for f in (np.min, np.max))
        part = slice(lows[0], highs[0] + 2), slice(lows[1], highs[1] + 2)
        rays, (width, height) = self.rays[part], (np.linalg.norm(u), np.linalg.norm(v))
        if not rays.size:
            return
        u, v = u / width, v / height
        facing = rays @ np.cross(u, v)
        facing[np.abs(facing) < 1e-6] = 1e-6
        depth = ((base - EYE) @ np.cross(u, v)) / facing
        points, facing = EYE + rays * depth[..., None] - base, np.abs(facing)
        a, b = points @ u, points @ v
        colours = shader(Hit(a, b, rays @ u / facing, rays @ v / facing, depth))
        mask = (a >= 0) & (a <= width) & (b >= 0) & (b <= height) & ~np.isnan(colours[..., 0])
        mask &= (depth > NEAR * 0.9) & (depth < self.depth[part])
        self.colour[part][mask] = colours[mask]
        self.depth[part][mask] = depth[mask]

    def surface(self, grid: Array, pose: Pose, paint: Paint) -> None:
        """Draw a bent sheet: a grid of local points, with any further channels for the paint."""
        world = pose.apply(grid[..., :3])
        scale = 1.7 * FOCAL / max(float(world[..., 2].min()), NEAR)
        steps = [np.linalg.norm(np.diff(world, axis=k), axis=-1).sum(k).max() for k in (0, 1)]
        rows, columns = (int(np.clip(step * scale, 4, 4000)) for step in steps)
        normal = np.cross(np.gradient(world, axis=0), np.gradient(world, axis=1))
        sheet = np.concatenate([world, normal, grid], -1).astype(np.float32)
        sheet = cv2.resize(sheet, (columns, rows))
        world, normal, view = sheet[..., :3], sheet[..., 3:6], sheet[..., :3] - EYE
        view /= np.linalg.norm(view, axis=-1, keepdims=True)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        normal *= -np.sign((normal * view).sum(-1, keepdims=True))
        colours = paint(sheet[..., 6:], normal, view)
        self.splat(world.reshape(-1, 3), colours.reshape(-1, 3))

    def develop(self) -> NDArray[np.uint8]:
        """Add haze, lens and sensor, and shrink to the final size."""
        haze = np.where(np.isinf(self.depth), 0, 1 - np.exp(-np.minimum(self.depth, 999) / 280))
        picture = mix(self.colour, (0.86, 0.90, 0.94), haze)
        picture = picture * (0.85 + 0.20 * np.clip(picture, 0, 1))
        glow = cv2.GaussianBlur(np.clip(picture - 0.8, 0, 1), (0, 0), 12 * OVERSAMPLE)
        picture = cv2.GaussianBlur(picture + 0.4 * glow, (0, 0), 0.5 * OVERSAMPLE)
        picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        picture *= (1.03 - 0.10 * (x * x + y * y)).astype(np.float32)[..., None]
        grain = RANDOM.normal(0, 0.010, picture.shape) + RANDOM.normal(0, 0.008, (*x.shape, 1))
        return (np.clip(picture + grain, 0, 1) * 255 + 0.5).astype(np.uint8)


# --- Ground ------------------------------------------------------------------------------------


def contact(x: Array, z: Array) -> Array:
    """How much light reaches the ground beside what stands on it."""
    spots = [(car.x, car.z + 2.0, 0.85, 2.0) for car in CARS]
    spots += [(x, z, 0.2, 0.25 + 0.4 * (model is CYCLIST)) for model, x, z, *_ in PEOPLE]
    open_sky = np.ones(x.shape, np.float32)
    for spot_x, spot_z, half_x, half_z in spots:
        over_x, over_z = np.abs(x - spot_x) - half_x, np.abs(z - spot_z) - half_z
        away = np.hypot(np.maximum(over_x, 0), np.maximum(over_z, 0))
        away += np.minimum(np.maximum(over_x, over_z), 0)
        open_sky *= 1 - 0.82 * smooth(min(half_x, 0.45), -min(half_x, 0.45), away)
    return open_sky


def asphalt(hit: Hit) -> Array:
    """The road, with wear, a patch, a crack, a manhole and the markings."""
    x, z = hit.a + LEFT_KERB, hit.b + NEAR
    fine = np.clip(1.6 - z / 14, 0.25, 1)
    tone = 0.31 + 0.03 * smooth(-2, 7, x) + 0.035 * noise(x * 0.5, z * 0.15)
    tone += 0.085 * fine * noise(x * 70, z * 70, 2)
    tone += 0.02 * np.cos((x + 0.2) * 3.6) * (0.6 + 0.4 * noise(x, z * 0.1))
    tone -= 0.05 * (within(x, 3.3, 1.1) & within(z, 12.0, 3.5))
    bend = 0.9 + 0.16 * noise(z * 0.35, z * 0, 5)
    tone -= 0.10 * (within(x - bend, 0, 0.012 + 0.01 * noise(z * 2, z * 0)) & (z < 17))
    tone -= 0.13 * smooth(0.5, 0.0, x - LEFT_KERB) + 0.08 * smooth(0.5, 0.0, RIGHT_KERB - x)
    lid = np.hypot(x + 0.7, z - 6.6)
    tone = np.where(lid < 0.33, 0.20 + 0.1 * (lid > 0.29) + 0.04 * np.sign(np.sin(x * 90)), tone)
    dash = within(x, 1.75, 0.06) & (np.mod(z + 1.2, 5.0) < 2.2)
    dash |= within(x, 5.15, 0.05) & (np.mod(z, 1.6) < 0.9)
    edge = within(x, LEFT_KERB + 0.3, 0.045) | within(x, LEFT_KERB + 0.52, 0.045)
    worn = smooth(0.9, 0.3, noise(x * 9, z * 9))
    colour = mix(tint(tone, 0.97, 1.0, 1.05), (0.78, 0.79, 0.80), 0.85 * dash * worn)
    colour = mix(colour, (0.64, 0.57, 0.34), 0.7 * edge * worn)
    return colour * contact(x, z)[..., None]


def paving(left: float, hit: Hit) -> Array:
    """The slabs of a pavement whose left edge is at x = ``left``, and its kerbstones."""
    x, z = hit.a + left, hit.b + NEAR
    row, near = np.floor(x / 0.6), np.clip(1.5 - z / 16, 0, 1)
    tone = 0.44 + 0.04 * dice(row, (z + row * 0.4) / 0.9) + 0.05 * noise(x * 0.8, z * 0.8)
    tone += 0.05 * near * noise(x * 60, z * 60, 2)
    tone -= 0.16 * near * ((np.mod(x, 0.6) < 0.018) | (np.mod(z + row * 0.4, 0.9) < 0.018))
    tone *= 1 - 0.5 * smooth(0.7, 0.0, np.minimum(np.abs(x - LEFT_WALL), np.abs(x - RIGHT_WALL)))
    kerb = within(x, LEFT_KERB, 0.15) | within(x, RIGHT_KERB, 0.15)
    tone += kerb * (0.08 - 0.25 * (np.mod(z, 0.9) < 0.02))
    return tint(tone * contact(x, z), 1.03, 1.0, 0.96)


def kerbstone(hit: Hit) -> Array:
    """The upright face of a kerb."""
    return tint(0.20 + 0.9 * hit.b + 0.05 * noise(hit.a * 5, hit.b * 9), 1.0, 1.0, 1.0)


# --- Houses ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class House:
    """A house of a terrace, from z ``start`` to ``stop``, perhaps with a shop in it."""

    start: float
    stop: float
    height: float
    wall: tuple[float, float, float]
    floors: int = 2
    shop: str = ""
    front: tuple[float, float, float] = (0, 0, 0)


def brick(colour: ArrayLike, hit: Hit) -> Array:
    """Brickwork, stained by weather."""
    row, near = np.floor(hit.b / 0.075), np.clip(1.5 - hit.depth / 20, 0, 1)
    along = hit.a / 0.225 + 0.5 * np.mod(row, 2)
    tone = 1 + 0.16 * noise(hit.a * 0.5, hit.b * 0.5) + 0.10 * noise(hit.a * 6, hit.b * 6, 3)
    tone = (tone + 0.16 * near * dice(along, row)) * (0.55 + 0.45 * smooth(-0.2, 1.2, hit.b))
    mortar = (np.mod(hit.b, 0.075) < 0.012) | (np.mod(along, 1) < 0.05)
    return mix(tint(tone, 1, 1, 1) * np.asarray(colour), (0.45, 0.43, 0.40), 0.45 * near * mortar)


def sash(wall: Array, hit: Hit, u: Array, v: Array) -> Array:
    """Put windows into a wall; ``u`` and ``v`` are metres from the middle of the nearest one."""
    wide, high, key = 0.54, 0.84, dice((hit.a - u) * 3.1, (hit.b - v) * 2.3)
    trim = within(u, 0, wide + 0.12) & within(v, 0.055, high + 0.185)
    wall = mix(wall, wall * 0.35 + 0.33, trim)
    wall = mix(wall, wall * 0.6, within(u, 0, wide + 0.1) & within(v, -high - 0.2, 0.07))
    u2, v2 = u + hit.slant_a * 0.13, v + hit.slant_b * 0.13
    u3, v3 = u + hit.slant_a * 0.5, v + hit.slant_b * 0.5
    pane = tint(1 + 0.6 * noise(u3 * 2 + key * 40, v3 * 2), 0.09, 0.10, 0.12)
    curtain = (np.abs(u3) > wide * (0.5 + 0.3 * key)) & (key > -0.2)
    pane = mix(pane, (0.42, 0.41, 0.38), 0.7 * curtain)
    shine = smooth(-0.3, 0.6, noise(u2 * 0.7 + key * 30, v2 * 0.9 + hit.b * 0.2, 3))
    pane = mix(pane, (0.62, 0.70, 0.78), 0.10 + 0.40 * shine)
    frame = ~within(u2, 0, wide - 0.07) | ~within(v2, 0, high - 0.07)
    pane = mix(pane, (0.74, 0.74, 0.72), frame | within(v2, 0, 0.03) | within(u2, 0, 0.02))
    pane = mix(pane, (0.20, 0.19, 0.18), ~within(u2, 0, wide) | ~within(v2, 0, high))
    return mix(wall, pane, within(u, 0, wide) & within(v, 0, high))


def shopfront(house: House, hit: Hit) -> Array:
    """A painted wooden front with a name board, and wares behind the glass."""
    u, b = np.mod(hit.a, 5.0) - 2.5, hit.b
    front = tint(0.9 + 0.2 * noise(hit.a * 3, b * 3), *house.front)
    front = mix(front, front * 1.3 + 0.06, b > 3.22)
    board = within(b, 2.93, 0.27) & within(u, 0, 2.35)
    front = mix(front, front * 0.7, board)
    front = mix(front, (0.84, 0.80, 0.66), lettering(house.shop, u, b - 2.93, 0.26) * board)
    u3, v3 = u + hit.slant_a * 0.7, b + hit.slant_b * 0.7
    item = dice(u3 / 0.22, v3 / 0.45)
    wares = (np.mod(v3, 0.45) < 0.24 + 0.14 * item) & within(np.mod(u3, 0.22), 0.11, 0.09)
    hue = tint(0.28 + 0.14 * dice(u3 / 0.22 + 7, v3 / 0.45), 1.15, 1.0, 0.8)
    inside = mix((0.17, 0.155, 0.13), hue * 1.4, 0.8 * (wares & (v3 < 1.7) & (item > -0.5)))
    shine = smooth(-0.2, 0.8, noise(u * 0.8, b * 0.5)) * (0.4 + 0.6 * smooth(0.5, 2.5, b))
    inside = mix(inside, (0.52, 0.57, 0.62), 0.06 + 0.40 * shine)
    pane = within(u, 0, 2.2) & (b < 2.5) & (b > np.where(within(u, 1.4, 0.5), 0.1, 0.6))
    pane &= ~(within(u, -0.7, 0.045) | within(u, 0.85, 0.06) | within(u, 1.95, 0.06))
    front = mix(front, inside, pane & ~within(b, 2.05, 0.03))
    return mix(front, front * 0.5, within(b, 2.54, 0.12) | within(b, 3.16, 0.05))


def facade(house: House, light: float, hit: Hit) -> Array:
    """The street side of a house."""
    base, wall = 3.5, brick(house.wall, hit)
    storey = (house.height - base - 0.3) / house.floors
    bay = (house.stop - house.start) / np.round((house.stop - house.start) / 2.5)
    u = np.mod(hit.a, bay) - bay / 2
    v = np.where(hit.b > base, np.mod(hit.b - base, storey) - storey * 0.48, hit.b - 1.75)
    wall = sash(wall, hit, u, v)
    if house.shop:
        wall = np.where((hit.b < 3.4)[..., None], shopfront(house, hit), wall)
    band = (hit.b > house.height - 0.28) | within(hit.b, base, 0.1)
    wall = mix(wall, (0.48, 0.46, 0.42), 0.8 * band)
    eaves = smooth(0.8, 0.28, house.height - hit.b) * (hit.b < house.height - 0.28)
    return mix(wall * light, (0.06, 0.06, 0.06), np.maximum(0.5 * eaves, 0.8 * (hit.a < 0.1)))


def slates(hit: Hit) -> Array:
    """A roof."""
    row = np.floor(hit.b / 0.25)
    tone = 0.25 + 0.05 * dice(hit.a / 0.3 + row * 0.5, row) + 0.05 * noise(hit.a, hit.b)
    return tint(tone - 0.08 * (np.mod(hit.b, 0.25) < 0.03), 1.0, 0.97, 0.95)


def draw_house(canvas: Canvas, house: House, side: int) -> None:
    """Draw one house; ``side`` is -1 left of the road and 1 right of it."""
    x, wide, pitch = (LEFT_WALL if side < 0 else RIGHT_WALL), side * 4.5, 0.75
    length, rise = house.stop - house.start, 4.5 * pitch
    light, wall = (0.85 if side < 0 else 1.12), np.array(house.wall)

    def gable(hit: Hit) -> Array:
        return cut(brick(wall * 0.75, hit), hit.b < house.height + pitch * hit.a)

    front = partial(facade, house, light)
    canvas.rectangle([x, 0, house.start], [0, 0, length], [0, house.height, 0], front)
    canvas.rectangle([x, 0, house.start], [wide, 0, 0], [0, house.height + rise, 0], gable)
    canvas.rectangle([x, house.height, house.start], [0, 0, length], [wide, rise, 0], slates)
    for z in (house.start + 0.5, house.stop - 1.6):
        corner, stack = [x + wide - side * 0.7, house.height + rise - 0.7, z], partial(brick, wall)
        canvas.rectangle(corner, [0, 0, 1.1], [0, 1.5, 0], stack)
        canvas.rectangle(corner, [side * 0.7, 0, 0], [0, 1.5, 0], stack)


# --- Trees -------------------------------------------------------------------------------------


def draw_leaves(canvas: Canvas, pose: Pose, centres: Array) -> None:
    """Draw a leaf at each centre, darker towards the inside and the underside."""
    dots = int(np.clip((0.10 * FOCAL / pose.z) ** 2, 2, 60))
    place = (centres - centres.mean(0)) / (centres.std(0) + 0.1)
    tone = 0.62 + 0.22 * place[:, 1] + 0.12 * np.linalg.norm(place, axis=1) - 0.10 * place[:, 0]
    tone = np.clip(tone + RANDOM.normal(0, 0.22, len(centres)), 0.14, 1.6)
    hue = tint(tone, 0.36, 0.38, 0.21) * (1 + RANDOM.normal(0, 0.08, (len(centres), 3)))
    points = np.repeat(centres, dots, 0) + RANDOM.normal(0, 0.035, (len(centres) * dots, 3))
    canvas.splat(pose.apply(points), np.repeat(hue, dots, 0).astype(np.float32))


def draw_tree(canvas: Canvas, pose: Pose, height: float, leaves: int) -> None:
    """Grow branches from branches, draw their bark, then leaves about the ends of the twigs."""
    starts, ends = np.zeros((1, 3)), np.array([[0.0, height * 0.3, 0.0]])
    radius, length = height * 0.02, height * 0.24
    for level in range(6):
        pixels = np.linalg.norm(ends - starts, axis=1).mean() * FOCAL / pose.z
        dots = int(pixels * max(6 * radius * FOCAL / pose.z, 1.5)) + 2
        out = RANDOM.normal(size=(len(starts), dots, 3))
        out /= np.linalg.norm(out, axis=-1, keepdims=True)
        points = starts[:, None] + (ends - starts)[:, None] * RANDOM.random((len(starts), dots, 1))
        tone = daylight(out) + RANDOM.normal(0, 0.05, out.shape[:2])
        bark = tint(tone, 0.30, 0.27, 0.23).reshape(-1, 3)
        canvas.splat(pose.apply(points + out * radius).reshape(-1, 3), bark)
        heading = (ends - starts) / np.linalg.norm(ends - starts, axis=1, keepdims=True)
        heading = heading + RANDOM.normal(0, 0.55, (4, *heading.shape))
        heading[..., 1] += 0.18 - 0.05 * level
        heading = heading.reshape(-1, 3)
        heading *= length / np.linalg.norm(heading, axis=1, keepdims=True)
        starts = np.tile(ends, (4, 1))
        ends = starts + heading * RANDOM.uniform(0.6, 1.2, (len(starts), 1))
        radius, length = radius * 0.58, length * 0.72
    tips = starts[RANDOM.integers(0, len(starts), leaves)]
    draw_leaves(canvas, pose, tips + RANDOM.normal(0, 0.035 * height, tips.shape))


# --- Cars --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Car:
    """A car of 4 m: its place, its paint, and whether it shows us its tail."""

    x: float
    z: float
    paint: tuple[float, float, float]
    away: bool = False


def car_body() -> Array:
    """Cross sections from nose to tail; the channels are x, y, z and the place in the arc."""
    s = np.linspace(0, 4.0, 161)
    stations = [0, 0.12, 0.5, 1.05, 1.85, 2.4, 3.3, 3.85, 4]
    roof = np.interp(s, stations, [0.70, 0.78, 0.86, 0.96, 1.40, 1.47, 1.42, 0.98, 0.84])
    belt = np.minimum(np.interp(s, [0, 1.0, 4], [0.72, 0.88, 0.97]), roof - 0.02)
    wide = 0.86 - 0.20 * np.abs(s / 2 - 1) ** 6
    lean = wide * 0.97 - 0.42 * np.maximum(roof - belt - 0.05, 0)
    xs = [wide * 0.92, wide, wide, wide * 0.98, lean, lean - 0.12, 0 * s]
    low = np.full_like(s, 0.2)
    ys = [low, low + 0.18, 0.62 * belt + 0.05, belt, roof - 0.07, roof - 0.01, roof + 0.03]
    arc, knots = np.linspace(-6, 6, 193), np.arange(-6, 7)
    x = [np.interp(arc, knots, [*row, *-row[-2::-1]]) for row in np.stack(xs, 1)]
    y = [np.interp(arc, knots, [*row, *row[-2::-1]]) for row in np.stack(ys, 1)]
    place, z = np.meshgrid(np.abs(arc) / 6, s)
    grid = np.dstack([x, y, z, place])
    ends = np.linspace(-0.2, 0.95, 28)
    nose = [grid[:1] * [t, 1, 1, 1] - [0, 0, 0.10 * (1 - t * t), 0] for t in ends]
    tail = [grid[-1:] * [t, 1, 1, 1] + [0, 0, 0.06 * (1 - t * t), 0] for t in ends[::-1]]
    grid = np.concatenate([*nose, grid, *tail]).astype(np.float32)
    grid[..., :3] = cv2.GaussianBlur(grid[..., :3], (0, 0), 2.5)
    return grid


def lacquer(colour: tuple[float, float, float], local: Array, normal: Array, view: Array) -> Array:
    """Car paint, glass, lamps, plates and gaps, by the place on the body."""
    x, y, s, place = (local[..., k] for k in range(4))
    shiny, edge = mirrored(normal, view), np.clip(1 + (normal * view).sum(-1), 0, 1) ** 3
    body = mix(tint(daylight(normal) * 1.15, *colour), shiny, 0.15 + 0.6 * edge)
    gap = within(s, 1.2, 0.012) | within(s, 2.35, 0.012) | within(s, 3.2, 0.012)
    gap |= within(y, 0.78, 0.01) & within(s, 2.2, 1.0)
    body = mix(body, (0.04, 0.04, 0.04), 0.8 * (gap & (place > 0.35)))
    glass = within(place, 0.415, 0.06) & within(s, 2.42, 1.18) & ~within(s, 2.35, 0.05)
    glass |= (place < 0.2) & (within(s, 1.46, 0.34) | within(s, 3.55, 0.19))
    seats = within(np.abs(x), 0.37, 0.2) & (y < 1.22)
    inside = mix((0.09, 0.10, 0.11), (0.03, 0.03, 0.03), seats)
    body = mix(body, mix(inside, shiny, 0.14 + 0.7 * edge), glass)
    nose, tail = s < 0.12, s > 3.9
    grille = nose & within(x, 0, 0.42) & within(y, 0.57, 0.055)
    grille |= (y < 0.28) | (nose & within(y, 0.325, 0.03))
    body = mix(body, (0.06, 0.06, 0.07), 0.9 * grille)
    plate = (nose | tail) & within(x, 0, 0.26) & within(y, 0.42, 0.06)
    text = within(y, 0.42, 0.035) & within(x, 0, 0.22) & (np.mod(x * 17, 1) < 0.6)
    body = mix(body, mix((0.82, 0.82, 0.80), (0.80, 0.66, 0.15), tail), plate)
    body = mix(body, (0.1, 0.1, 0.1), plate & text)
    lamp = (s < 0.22) & ~within(x, 0, 0.48) & within(y, 0.625, 0.06)
    body = mix(body, shiny * 0.5 + 0.3 + 0.1 * np.sin(x * 60)[..., None], lamp)
    body = mix(body, (0.50, 0.04, 0.04), (s > 3.8) & ~within(x, 0, 0.55) & within(y, 0.78, 0.13))
    arch = (np.hypot(s - 0.78, y - 0.31) < 0.37) | (np.hypot(s - 3.22, y - 0.31) < 0.37)
    return cut(body * smooth(0.0, 0.5, y)[..., None] ** 0.5, ~arch | (place < 0.5))


def tyre(local: Array, normal: Array, _: Array) -> Array:
    """Tyre, rim and spokes; the channels are x, y, z, radius and angle."""
    radius, spoke = local[..., 3], np.cos(local[..., 4] * 5) > -0.1
    rim = (radius < 0.215) & (spoke | (radius > 0.19) | (radius < 0.06))
    return tint((0.045 + 0.47 * rim) * (0.5 + daylight(normal)), 1.0, 1.0, 1.04)


def draw_car(canvas: Canvas, car: Car) -> None:
    """Draw the body, the dark inside of the arches, the mirrors and the wheels."""
    pose = Pose(car.x, car.z + 4.0 * car.away, np.pi * car.away)
    canvas.surface(car_body(), pose, partial(lacquer, car.paint))
    angle, radius = np.meshgrid(np.linspace(0, 2 * np.pi, 49), [0.0, 0.05, 0.15, 0.25, 0.29, 0.31])
    for side in (-1, 1):
        inner = [[[side * 0.6, y, z] for y in (0.18, 0.65)] for z in (0.2, 3.8)]
        canvas.surface(np.array(inner), pose, partial(matt, (0.03, 0.03, 0.03)))
        mirror = tube([side * 0.86, 0.97, 1.3], [side * 1.02, 0.99, 1.3], 0.07, 0.06)
        canvas.surface(mirror, pose, partial(matt, car.paint))
        for axle in (0.78, 3.22):
            y, z = 0.31 + radius * np.sin(angle), axle + radius * np.cos(angle)
            disc = np.dstack([side * (0.82 + 0.02 * (radius < 0.28)), y, z, radius, angle])
            canvas.surface(disc, pose, tyre)
            canvas.surface(np.stack([disc[-1], disc[-1] * [0.72, 1, 1, 1, 1]]), pose, tyre)


# --- People and street furniture, built of tubes: colour, two ends, two radii, squeeze in z -------

WALKER = """
coat    0.00 0.84  0.00   0.00 1.47  0.00   0.165 0.215 0.62
coat    0.19 1.42  0.00   0.27 1.14  0.07   0.065 0.055 1.00
coat    0.27 1.15  0.07   0.26 0.90  0.04   0.055 0.042 1.00
skin    0.26 0.92  0.04   0.26 0.78  0.00   0.045 0.035 1.00
coat   -0.19 1.42  0.00  -0.27 1.14 -0.05   0.065 0.055 1.00
coat   -0.27 1.15 -0.05  -0.26 0.93 -0.22   0.055 0.042 1.00
skin   -0.26 0.95 -0.20  -0.26 0.83 -0.28   0.045 0.035 1.00
legs    0.09 0.94  0.00   0.10 0.48 -0.12   0.110 0.078 1.00
legs    0.10 0.52 -0.12   0.10 0.07 -0.20   0.078 0.052 1.00
dark    0.10 0.06 -0.16   0.10 0.04 -0.40   0.060 0.045 1.00
legs   -0.09 0.94  0.00  -0.10 0.50  0.04   0.110 0.078 1.00
legs   -0.10 0.54  0.04  -0.10 0.12  0.30   0.078 0.052 1.00
dark   -0.10 0.12  0.34  -0.10 0.03  0.14   0.060 0.045 1.00
skin    0.00 1.42  0.00   0.00 1.60  0.00   0.060 0.060 1.00
skin    0.00 1.51 -0.01   0.00 1.78 -0.01   0.095 0.100 1.00
dark    0.00 1.60  0.02   0.00 1.82  0.00   0.090 0.104 1.10
"""
CYCLIST = """
coat    0.00 0.92  0.20   0.00 1.46  0.48   0.165 0.215 0.80
coat    0.21 1.40  0.46   0.30 1.05  0.80   0.070 0.050 1.00
coat   -0.21 1.40  0.46  -0.30 1.05  0.80   0.070 0.050 1.00
legs    0.10 0.95  0.20   0.13 0.72  0.62   0.110 0.080 1.00
legs    0.13 0.74  0.62   0.13 0.36  0.45   0.080 0.050 1.00
legs   -0.10 0.95  0.20  -0.13 0.52  0.56   0.110 0.080 1.00
legs   -0.13 0.54  0.56  -0.13 0.15  0.42   0.080 0.050 1.00
dark    0.13 0.34  0.38   0.13 0.32  0.60   0.050 0.045 1.00
dark   -0.13 0.13  0.35  -0.13 0.11  0.57   0.050 0.045 1.00
skin    0.00 1.46  0.50   0.00 1.74  0.56   0.095 0.100 1.00
dark    0.00 1.56  0.52   0.00 1.82  0.55   0.105 0.115 1.20
dark    0.00 0.93  0.05   0.00 0.93  0.32   0.080 0.050 1.00
metal   0.00 0.34  0.00   0.00 0.88  0.25   0.022 0.022 1.00
metal   0.00 0.34  1.05   0.00 1.02  0.88   0.022 0.022 1.00
metal   0.00 0.85  0.25   0.00 0.85  0.90   0.022 0.022 1.00
metal   0.00 0.84  0.28   0.00 0.32  0.48   0.022 0.022 1.00
metal  -0.30 1.04  0.84   0.30 1.04  0.84   0.022 0.022 1.00
red    -0.03 0.72  0.02   0.03 0.72  0.02   0.050 0.050 1.00
"""
LAMP = """
metal   0.00 -0.3  0.00   0.00 1.40  0.00   0.110 0.100 1.00
metal   0.00 0.00  0.00   0.00 7.50  0.00   0.080 0.060 1.00
metal   0.00 7.40  0.00   1.30 7.90  0.00   0.045 0.040 1.00
metal   1.10 7.87  0.00   1.90 7.95  0.00   0.100 0.100 1.00
"""
COLOURS = {"skin": (0.72, 0.52, 0.42), "dark": (0.07, 0.06, 0.06), "metal": (0.26, 0.27, 0.28)}
COLOURS |= {"legs": (0.14, 0.16, 0.23), "red": (0.60, 0.05, 0.05)}


def matt(colour: tuple[float, float, float], local: Array, normal: Array, _: Array) -> Array:
    """A dull, slightly uneven paint or cloth."""
    uneven = noise(local[..., 0] * 14 + local[..., 2] * 9, local[..., 1] * 14)
    return tint(daylight(normal) * (1 + 0.2 * uneven), *colour)


def tube(start: ArrayLike, stop: ArrayLike, *shape: float) -> Array:
    """A round-ended tube as a grid; its shape is two radii and how far it is squeezed in z."""
    start, axis = np.asarray(start, float), np.subtract(stop, start)
    side = np.cross(axis, [0.3, 0.2, 1.0])
    side, up = side / np.linalg.norm(side), np.cross(axis, side)
    t = (1 - np.cos(np.linspace(0, np.pi, 16)))[:, None, None] / 2
    angle = np.linspace(0, 2 * np.pi, 24)[None, :, None]
    ring = np.cos(angle) * side + np.sin(angle) * up / np.linalg.norm(up)
    power = 6 if np.linalg.norm(axis) > 3 * shape[0] else 2
    radius = (shape[0] + (shape[1] - shape[0]) * t) * np.sqrt(1 - np.abs(2 * t - 1) ** power)
    return start + axis * t + radius * ring * [1, 1, *(shape[2:] or [1])]


def draw_tubes(canvas: Canvas, model: str, pose: Pose, coat: tuple[float, float, float]) -> None:
    """Draw somebody or something that is listed as tubes."""
    for line in model.strip().splitlines():
        name, *words = line.split()
        numbers = [float(word) for word in words]
        shape = tube(numbers[:3], numbers[3:6], *numbers[6:])
        canvas.surface(shape, pose, partial(matt, COLOURS.get(name, coat)))


def draw_wheels(canvas: Canvas, pose: Pose) -> None:
    """Draw the two wheels of a bicycle."""
    around, across = np.meshgrid(np.linspace(0, 2 * np.pi, 49), np.linspace(0, 2 * np.pi, 9))
    radius = 0.32 + 0.022 * np.cos(across)
    y, z = 0.34 + radius * np.sin(around), radius * np.cos(around)
    for hub in (0.0, 1.05):
        rim = np.dstack([0.022 * np.sin(across), y, z + hub])
        canvas.surface(rim, pose, partial(matt, COLOURS["dark"]))


def speed_sign(hit: Hit) -> Array:
    """A round speed sign above a blue plate."""
    u, v = hit.a - 0.35, hit.b - 0.90
    disc = np.hypot(u, v)
    face = mix((0.88, 0.88, 0.86), (0.68, 0.08, 0.09), disc > 0.25)
    face = mix(face, (0.05, 0.05, 0.05), lettering("20", u, v, 0.24))
    plate = within(hit.b, 0.26, 0.22) & within(u, 0, 0.3)
    face = mix(face, (0.10, 0.22, 0.55), plate)
    face = mix(face, (0.9, 0.9, 0.9), lettering("ZONE", u, hit.b - 0.26, 0.12))
    return cut(face * 0.9, (disc < 0.34) | plate)


def railing(hit: Hit) -> Array:
    """An iron fence."""
    bars = (np.mod(hit.a, 0.13) < 0.035) | (np.mod(hit.a, 2.2) < 0.09)
    rails = within(hit.b, 0.15, 0.03) | within(hit.b, 1.1, 0.03)
    return cut(tint(0.08 + 0.03 * noise(hit.a * 4, hit.b * 4), 1.0, 1.0, 1.03), bars | rails)


# --- The scene ---------------------------------------------------------------------------------

YELLOW, RED, WHITE = (0.50, 0.44, 0.33), (0.40, 0.26, 0.21), (0.66, 0.65, 0.61)
STONE, BROWN = (0.52, 0.48, 0.41), (0.34, 0.28, 0.23)
LEFT_ROW = [
    House(8.6, 13.6, 9.2, BROWN, shop="BAKERY", front=(0.10, 0.17, 0.14)),
    House(13.6, 18.6, 8.4, WHITE, shop="BOOKS", front=(0.30, 0.07, 0.07)),
    House(18.6, 28.6, 10.2, YELLOW, shop="FLOWERS", front=(0.09, 0.12, 0.22)),
    House(28.6, 38.6, 8.8, RED, shop="CAFE", front=(0.12, 0.11, 0.10)),
    House(38.6, 46, 11.5, STONE, floors=3),
    House(46, 60, 9.0, YELLOW),
    House(60, 80, 10.5, RED),
    House(80, 120, 8.5, BROWN),
]
RIGHT_ROW = [
    House(37, 48, 9.0, YELLOW),
    House(48, 60, 11.0, RED, floors=3),
    House(60, 74, 8.5, WHITE),
    House(74, 120, 10.0, STONE),
]
CARS = [
    Car(3.15, 13.0, (0.05, 0.08, 0.18)),
    Car(6.2, 18.5, (0.42, 0.44, 0.47)),
    Car(6.15, 24.5, (0.34, 0.05, 0.06)),
    Car(6.2, 31.0, (0.62, 0.62, 0.62)),
    Car(6.15, 40.0, (0.10, 0.10, 0.11)),
    Car(0.0, 34.0, (0.45, 0.47, 0.50), away=True),
    Car(3.4, 52.0, (0.60, 0.60, 0.58)),
]
PEOPLE = [
    (WALKER, -3.6, 12.0, 0.2, (0.15, 0.16, 0.20)),
    (WALKER, -4.1, 17.5, 3.0, (0.36, 0.08, 0.09)),
    (WALKER, 8.1, 16.5, 0.1, (0.09, 0.09, 0.10)),
    (WALKER, 8.5, 19.5, 3.3, (0.34, 0.35, 0.38)),
    (CYCLIST, -0.9, 13.0, 0.22, (0.16, 0.18, 0.24)),
]
LAMPS = [(-2.75, 21.0, 0.0), (7.7, 30.0, np.pi), (-2.75, 50.0, 0.0), (7.7, 62.0, np.pi)]
TREES = [(12.5, 19, 8.5), (11.8, 26, 9.5), (13.5, 33, 10), (16, 24, 11), (21, 40, 11), (25, 36, 10)]
TREES += [(x, 130 + 5 * np.sin(x), 12 + 2 * np.sin(3 * x)) for x in range(-10, 16, 3)]


def draw_ground(canvas: Canvas) -> None:
    """Draw the road, its kerbs and the pavements."""
    far = FAR - NEAR
    canvas.rectangle([LEFT_KERB, 0, NEAR], [RIGHT_KERB - LEFT_KERB, 0, 0], [0, 0, far], asphalt)
    for x, width in ((LEFT_WALL - 1, LEFT_KERB - LEFT_WALL + 1), (RIGHT_KERB, 12)):
        canvas.rectangle([x, 0.12, NEAR], [width, 0, 0], [0, 0, far], partial(paving, x))
    for x in (LEFT_KERB, RIGHT_KERB):
        canvas.rectangle([x, 0, NEAR], [0, 0, far], [0, 0.12, 0], kerbstone)


def draw_scene() -> Canvas:
    """Draw everything, large surfaces first."""
    canvas = Canvas()
    draw_ground(canvas)
    for side, row in ((-1, LEFT_ROW), (1, RIGHT_ROW)):
        for house in row:
            draw_house(canvas, house, side)
    for x, z, height in TREES:
        draw_tree(canvas, Pose(x, z), height, 9000)
    hedge = RANDOM.uniform(0, 1, (26000, 3)) ** [1, 0.6, 1]
    draw_leaves(canvas, Pose(FENCE + 0.3, 15.0, y=0.1), hedge * [1.2, 1.5, 21.0])
    draw_leaves(canvas, Pose(-10.0, 130.0), hedge * [26.0, 3.5, 2.0])
    canvas.rectangle([FENCE, 0.1, 13.0], [0, 0, 23.0], [0, 1.25, 0], railing)
    for car in CARS:
        draw_car(canvas, car)
    draw_street_life(canvas)
    return canvas


def draw_street_life(canvas: Canvas) -> None:
    """Draw the people, the lamp posts and the sign."""
    for x, z, turn in LAMPS:
        draw_tubes(canvas, LAMP, Pose(x, z, turn, 0.1), COLOURS["metal"])
    for model, x, z, turn, coat in PEOPLE:
        pose = Pose(x, z, turn, 0.0 if model is CYCLIST else 0.12)
        draw_tubes(canvas, model, pose, coat)
        if model is CYCLIST:
            draw_wheels(canvas, pose)
    draw_tubes(canvas, "metal 0 -0.2 0 0 3.4 0 0.045 0.045", Pose(-2.8, 15.0), COLOURS["metal"])
    canvas.rectangle([-3.15, 2.1, 14.94], [0.7, 0, 0], [0, 1.3, 0], speed_sign)


def main() -> None:
    """Write the picture to the path given, or beside this file."""
    default = Path(__file__).with_name("street.jpg")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    Image.fromarray(draw_scene().develop()).save(target, quality=90)


if __name__ == "__main__":
    main()

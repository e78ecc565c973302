"""Another town on a river at dusk, a photograph to take the light from. Its houses stand on the right."""

from painting.riverside_town import DUSK
from painting.riverside_town import paint as paint_town

MAX_BYTES = 75_000  # of the file


def paint(seed=11):
    """The town, mirrored left to right, as a (480, 640, 3) uint8 array."""
    return paint_town(seed, DUSK, width=640)[:, ::-1]

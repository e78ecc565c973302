"""The very town of `riverside_town`, seen from the same place at dusk: what that photograph would be in another light."""

from painting.riverside_town import DUSK
from painting.riverside_town import paint as paint_town

MAX_BYTES = 75_000  # of the file


def paint(seed=3):
    """The town as a (480, 640, 3) uint8 array."""
    return paint_town(seed, DUSK, width=640)

"""From coarse to fine: at which sizes a picture is optimised, and with how many steps."""

from collections.abc import Sequence
from typing import NamedTuple

from nstlib.images import resized_shape

MIN_SIZE = 80  # longer side of the smallest picture that is optimised on the way
MOST_AT_FULL_SIZE = 100  # steps of a run that has coarser sizes too


class Stage(NamedTuple):
    """One size of a run.

    Attributes
    ----------
    size : longer side in pixels, or (H, W); as for `resize_image`
    steps : evaluations of the objective
    preconditioning : as for `optimize_image`
    """

    size: int | tuple[int, int]
    steps: int
    preconditioning: float = 0


def plan_stages(shape: Sequence[int], steps: int, *, least: int = 1, narrowest: float = 1) -> list[Stage]:
    """A third of the size, two thirds and full size, with a quarter, a quarter and half of the steps. Of more than 200
    steps, 100 are at full size, and the others at the coarse sizes in equal parts.

    Coarse sizes save time: large shapes and colours are settled while pixels are few. There the steps also favour these
    (`precondition`), and a little less at each larger size. A size below 80 pixels is left out, and one at which a
    layer would have less than two positions across.

    Parameters
    ----------
    shape : (H, W) of the result
    steps : over all sizes
    least : shorter side in pixels that the deepest layer needs (`least_size`)
    narrowest : shorter side as a share of the longer one, for the narrowest of the other pictures; a scroll, for
        example, has 0.15

    Notes
    -----
    Measured for tubingen like starry_night, the_scream and edtaonisl at 384 pixels, 160 steps, with the four style
    layers of that time (style, content and grain of data/README.md):

        preconditioning 1, ½, 0       .0043 / .428 / .63
        preconditioning 1, ½, ¼       .0043 / .427 / .47    (this one)
        preconditioning 1, ¾, ½       .0045 / .431 / .31    soft

    More than 100 steps at full size lower the loss further, but add grain that the real VGG-19 does not take for style.
    Style of the_scream after 200, 300 and 600 steps, float32: .0039 .0040 .0040 with half of them at full size, .0039
    .0038 .0037 with 100.

    And for 200 steps, of an objective with fewer layers: none .0066 / .402 / .58; 1, ½, −1 .0069 / .397 / .77. With a
    third of the steps at each size instead, 200 steps in the same time: .0043 / .431 / .43. Adam's moments are not
    carried from size to size: runs that began anew at each size ended lower than those that went on with resized
    moments.

    >>> plan_stages((288, 384), 300, least=16)
    [Stage(size=(96, 128), steps=100, preconditioning=1), Stage(size=(192, 256), steps=100, preconditioning=0.5), \
Stage(size=(288, 384), steps=100, preconditioning=0.25)]
    >>> plan_stages((72, 96), 300, least=16)
    [Stage(size=(72, 96), steps=300, preconditioning=0)]
    """
    size, narrow = max(shape), min(min(shape) / max(shape), narrowest)
    sizes = [(round(size / 3), 1), (round(2 * size / 3), 0.5)]
    coarse = [(side, exponent) for side, exponent in sizes if side >= MIN_SIZE and side * narrow >= 2 * least]
    share = steps // (len(coarse) + 2)  # twice as many at full size
    if coarse and steps - share * len(coarse) > MOST_AT_FULL_SIZE:
        share = (steps - MOST_AT_FULL_SIZE) // len(coarse)
    stages = [Stage(resized_shape(shape, side), share, exponent) for side, exponent in coarse if share]
    return [*stages, Stage(tuple(shape), steps - share * len(stages), 0.25 if stages else 0)]

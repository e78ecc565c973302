"""Paint the course's own style pictures: ``python tools/paint_styles.py [NAME ...] [--out data]``.

Each picture is a module ``tools/painting/NAME.py`` with one function ``paint(seed=...)`` that returns a
(H, W, 3) uint8 array, and perhaps `MAX_BYTES` for its file. The same seed gives the same picture. Without names, all are painted.
"""

import argparse
import importlib
import time
from pathlib import Path

from painting.common import save_jpeg

NAMES = (
    "night_swirls",
    "woodblock_wave",
    "cubist_facets",
    "pointillist_dots",
    "stained_glass",
    "ink_crosshatch",
    "riverside_town",
    "still_life",
    "dusk_town",
    "riverside_town_dusk",
)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder for NAME.jpg (default: data)")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no picture called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        started = time.perf_counter()
        # Imported only when painted, so that one broken painter does not stop the others.
        painter = importlib.import_module(f"painting.{name}")
        picture = painter.paint()
        quality, size = save_jpeg(picture, options.out / f"{name}.jpg", getattr(painter, "MAX_BYTES", 400_000))
        height, width = picture.shape[:2]
        print(
            f"{name}: {width} x {height}, quality {quality}, {size // 1000} kB, {time.perf_counter() - started:.0f} s"
        )


if __name__ == "__main__":
    main()

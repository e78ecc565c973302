"""Paint each photograph in the manner of each painting with default settings, all on one sheet.

    python tools/contact_sheet.py [--photographs NAME ...] [--styles NAME ...] [--size 384] [--out
    outputs/contact_sheet.jpg]

Each tile also goes beside OUT in a file of its own, as PHOTOGRAPH_STYLE.png, to be looked at at full size.
NAME is a path or one of `nstlib pictures`; the famous paintings are downloaded on first use. The numbers above each
tile are its content and style loss, weighted, as percentages of the style loss at the start.
"""

import argparse
from pathlib import Path

from nstlib import load_image, load_network, save_image, style_transfer
from nstlib.plots import show_images

PHOTOGRAPHS = ("riverside_town", "astronaut", "tubingen")
STYLES = (
    "night_swirls",
    "woodblock_wave",
    "cubist_facets",
    "pointillist_dots",
    "stained_glass",
    "ink_crosshatch",
    "starry_night",
    "the_scream",
    "shipwreck",
    "great_wave",
    "wheat_field",
    "night_cafe",
    "edtaonisl",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", nargs="+", default=PHOTOGRAPHS, metavar="NAME")
    parser.add_argument("--styles", nargs="+", default=STYLES, metavar="NAME")
    parser.add_argument(
        "--size", type=int, default=384, help="longer side of each tile in pixels (default %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/contact_sheet.jpg"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    network = load_network()
    tiles = {}
    for photograph in options.photographs:
        tiles[Path(photograph).stem] = load_image(photograph, size=options.size)
        for style in options.styles:
            result = style_transfer(photograph, style, network=network, size=options.size, progress=False)
            content, painted = (100 * result.losses[name] / result.history[0]["total"] for name in ("content", "style"))
            title = f"{Path(photograph).stem} × {Path(style).stem}"
            tiles[f"{title}\ncontent {content:.2f} %, style {painted:.2f} %"] = result.image
            save_image(result.image, options.out.parent / f"{Path(photograph).stem}_{Path(style).stem}.png")
            print(f"{title}: content {content:.2f} %, style {painted:.2f} %", flush=True)
    show_images(tiles, columns=1 + len(options.styles)).savefig(options.out, dpi=options.size / 2.6)
    print(options.out)


if __name__ == "__main__":
    main()

"""Make the pictures of README.md that show what the defaults paint: data/example.jpg and data/content_weight.jpg.

python tools/readme_pictures.py
"""

from PIL import Image

from nstlib import load_image, load_network, style_transfer
from nstlib.commands.demo import CONTENT, STYLE
from nstlib.images import DATA
from nstlib.objectives import CONTENT_WEIGHT
from nstlib.plots import show_images

SIZE, FACTORS = 384, (0.1, 0.3, 1, 3, 10)


def main():
    network = load_network()
    photo, painting = (load_image(name, size=SIZE) for name in (CONTENT, STYLE))
    results = {
        factor: style_transfer(
            photo, painting, network=network, size=SIZE, content_weight=factor * CONTENT_WEIGHT, progress=False
        ).image
        for factor in FACTORS
    }
    save({"photograph": photo, "painting": painting, "result": results[1]}, "example.jpg", height=4)
    save(
        {f"content weight {factor * CONTENT_WEIGHT:.2g}": image for factor, image in results.items()},
        "content_weight.jpg",
        height=2.6,
    )


def save(pictures, name, *, height):
    show_images(pictures, columns=len(pictures), height=height).savefig(DATA / "figure.png", dpi=100)
    with Image.open(DATA / "figure.png") as figure:
        figure.convert("RGB").save(DATA / name, quality=88)
    (DATA / "figure.png").unlink()
    print(DATA / name)


if __name__ == "__main__":
    main()

"""The command line: `nstlib transfer | demo | pictures | fetch | doctor` (also `python -m nstlib`).

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage.
"""

import argparse
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "matplotlib", "ipywidgets", "jupyterlab", "safetensors", "scikit-image", "pooch")
DEMO_CONTENT, DEMO_STYLE = "riverside_town", "night_swirls"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print("nstlib: interrupted", file=sys.stderr)
    except (ValueError, OSError) as error:  # FileNotFoundError and ConnectionError are OSErrors
        print(f"nstlib: {_sentence(error)}", file=sys.stderr)
    except RuntimeError as error:
        if "out of memory" not in str(error) and "not enough memory" not in str(error):
            raise
        print("nstlib: out of memory; try a smaller --size", file=sys.stderr)
    return 1


def _sentence(error: Exception) -> str:
    text = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nstlib", description="Paint a photograph in the manner of a painting "
                                     "(Gatys, Ecker and Bethge, CVPR 2016).")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, text):
        added = commands.add_parser(name, help=text, description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        added.set_defaults(run=run)
        return added

    transfer = command("transfer", _transfer, "Paint a photograph in the manner of a painting.")
    transfer.add_argument("photo", metavar="PHOTO", help="a file, or a name that `nstlib pictures` lists")
    transfer.add_argument("painting", metavar="PAINTING", help="likewise")
    transfer.add_argument("-o", "--output", required=True, metavar="OUT.png", type=Path, help="where the picture goes: .png or .jpg")
    transfer.add_argument("--size", type=_positive, default=384, help="longer side in pixels")
    transfer.add_argument("--steps", type=_positive, default=300, help="evaluations of the losses")
    transfer.add_argument("--network", choices=("mini", "vgg19"), default="mini", help="vgg19 is a download of 548 MB on first use")
    from nstlib.optimize import CONTENT_WEIGHT, STYLE_WEIGHT

    transfer.add_argument("--content-weight", type=float, default=CONTENT_WEIGHT, metavar="W", help="α: more keeps more of the photograph")
    transfer.add_argument("--style-weight", type=float, default=STYLE_WEIGHT, metavar="W", help="β: more takes more of the painting")
    transfer.add_argument("--init", choices=("content", "noise", "style"), default="content", help="picture to start from")
    transfer.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs")
    transfer.add_argument("--seed", type=int, default=0, help="for --init noise")
    transfer.add_argument("--quiet", action="store_true", help="print nothing but errors")

    demo = command("demo", _demo, "Paint a shipped photograph; the pictures go to outputs/ in the present folder.")
    demo.add_argument("--size", type=_positive, default=384, help="longer side in pixels")
    demo.add_argument("--steps", type=_positive, default=300, help="evaluations of the losses")
    command("pictures", _pictures, "List the pictures that can be had by name.")
    fetch = command("fetch", _fetch, "Download VGG-19's weights or a famous picture, to work offline later.")
    fetch.add_argument("name", metavar="vgg19|PICTURE")
    command("doctor", _doctor, "Say what is installed, what is missing and how to mend it.")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _transfer(options) -> int:
    import nstlib

    output = options.output
    if not output.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {output.parent} to write {output.name} into; make it first")
    for source in (options.photo, options.painting):
        if output.exists() and Path(source).exists() and output.samefile(source):
            raise ValueError(f"the output {output} is one of the two input pictures; give it another name")
    if output.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise ValueError(f"the output is called {output.name!r}; its name must end in .png, .jpg or .webp")
    content, style = (nstlib.load_image(source) for source in (options.photo, options.painting))
    network = nstlib.load_network(options.network)
    lines = _plain_lines(options.steps) if not options.quiet and not sys.stderr.isatty() else None
    result = nstlib.style_transfer(
        content, style, network=network, size=options.size, steps=options.steps, content_weight=options.content_weight,
        style_weight=options.style_weight, init=options.init, method=options.method, seed=options.seed,
        progress=not options.quiet and lines is None, on_step=lines)
    nstlib.save_image(result.image, output)
    if not options.quiet:
        print(f"{output}: {result}, {result.history[-1]['time']:.0f} s")
    return 0


def _plain_lines(steps: int):
    """A line for each tenth of the steps: for log files and consoles where a bar would be rubbish."""
    def line(step, image, losses):
        if step == 1 or step == steps or step % max(1, steps // 10) == 0:
            print(f"step {step} of {steps}: " + ", ".join(f"{k} {v:.4g}" for k, v in losses.items()), flush=True)
    return line


def _demo(options) -> int:
    import nstlib
    from nstlib.plots import show_images

    folder = Path("outputs")
    folder.mkdir(exist_ok=True)
    content, style = (nstlib.load_image(name) for name in (DEMO_CONTENT, DEMO_STYLE))
    print(f"Painting {DEMO_CONTENT} in the manner of {DEMO_STYLE}: {options.steps} steps, {options.size} pixels.", flush=True)
    lines = None if sys.stderr.isatty() else _plain_lines(options.steps)
    result = nstlib.style_transfer(content, style, size=options.size, steps=options.steps, progress=lines is None, on_step=lines)
    nstlib.save_image(result.image, folder / "demo_result.png")
    figure = show_images({"photograph": content, "painting": style, "result": result.image}, height=4)
    figure.savefig(folder / "demo.png", dpi=150)
    first, last = ({name: record.get(name, 0) for name in ("content", "style")} for record in (result.history[0], result.history[-1]))
    # At another size a loss is another number, hence the same units: both as the objective counts them.
    print(f"style loss   {first['style']:.4g} at the start, {last['style']:.4g} at the end\n"
          f"content loss {first['content']:.4g} at the start (the photograph itself), {last['content']:.4g} at the end\n"
          f"time         {result.history[-1]['time']:.0f} s\n"
          f"pictures     {(folder / 'demo.png').resolve()}\n"
          f"             {(folder / 'demo_result.png').resolve()}\n"
          "Next: your own pictures with  nstlib transfer PHOTO PAINTING -o OUT.png  (in .venv; `nstlib pictures` lists what is there),\n"
          "      or the lessons with     python3 start.py lab")
    return 0


def _pictures(options) -> int:
    from nstlib.images import picture_info, picture_names

    for kind, title in (("content", "photographs and scenes"), ("style", "paintings and textures")):
        print(title)
        for name in picture_names(kind):
            info = picture_info(name)
            maker = ", ".join(str(info[key]) for key in ("author", "year") if info.get(key))
            print(f"  {name:18} {'here    ' if info['offline'] else 'download'}  {info['title']} ({maker}; {info['licence']})")
    return 0


def _fetch(options) -> int:
    if options.name == "vgg19":
        from nstlib.networks import load_network

        load_network("vgg19", normalized=False, device="cpu")
        print('VGG-19 is here: load_network("vgg19"), or nstlib transfer … --network vgg19')
    else:
        from nstlib.images import fetch_picture

        print(f"{options.name} is here: {fetch_picture(options.name)}")
    return 0


def _doctor(options) -> int:
    problems = []
    print(f"Python       {platform.python_version()} on {platform.system()} ({platform.machine()})")
    for name in PACKAGES:
        try:
            print(f"{name:12} {version(name)}")
        except PackageNotFoundError:
            print(f"{name:12} missing")
            problems.append(f"{name} is missing: pip install {name}")
    from nstlib.images import DATA, picture_names

    try:
        import torch

        from nstlib.networks import default_device, load_network

        device = default_device()
        print(f"device       {device}, {torch.get_num_threads()} threads")
        parameters = sum(p.numel() for p in load_network().parameters())
        print(f"mini         {DATA / 'mini.safetensors'}: right, {parameters / 1e6:.2f} million weights")
        file = Path(torch.hub.get_dir()) / "checkpoints" / "vgg19-dcbb9e9d.pth"
        print(f"vgg19        {'here' if file.is_file() else 'not here; optional: nstlib fetch vgg19 (548 MB)'}")
    except (ImportError, ValueError, OSError) as error:
        problems.append(_sentence(error))
    print(f"pictures     {len(picture_names())} by name: nstlib pictures")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        print(f"memory       {memory:.0f} GiB")
        if memory < 3:
            problems.append("there is less than 3 GiB of memory: use --size 256 or less")
    free = shutil.disk_usage(Path.home() if Path.home().is_dir() else ".").free / 2**30
    print(f"disk         {free:.0f} GiB free")
    for problem in problems:
        print(f"to mend: {problem}")
    print("Something is missing, see above." if problems else "All is well.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

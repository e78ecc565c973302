"""The command line: `nstlib transfer | demo | pictures | fetch | doctor` (also `python -m nstlib`).

Exit status: 0 done, 1 failed (one line says why), 2 wrong usage, 130 stopped: by Ctrl-C, a closed window or SIGTERM. A painting that
is stopped is saved as it is.
"""

import argparse
import contextlib
import logging
import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "matplotlib", "ipywidgets", "jupyterlab", "safetensors", "scikit-image", "pooch")
DEMO_CONTENT, DEMO_STYLE = "riverside_town", "night_swirls"


def main(arguments: list[str] | None = None) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console that has no α, or a file name that is no text
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it says of a broken picture, load_image says better
    options = _parser().parse_args(arguments)
    with _stopped_like_ctrl_c(), warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: print(f"nstlib: {_sentence(message)}", file=sys.stderr)
        try:
            return options.run(options) or 0
        except KeyboardInterrupt:
            print("nstlib: stopped before there was anything to save", file=sys.stderr)
            return 130
        except BrokenPipeError:  # nstlib pictures | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (ValueError, OSError, MemoryError) as error:  # FileNotFoundError and ConnectionError are OSErrors
            print(f"nstlib: {_sentence(error)}", file=sys.stderr)
        except RuntimeError as error:
            from nstlib.memory import is_out_of_memory

            if not is_out_of_memory(error):
                raise
            print("nstlib: out of memory; try a smaller --size", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _stopped_like_ctrl_c():
    """A request to end (SIGTERM) and a closed terminal (SIGHUP) do what Ctrl-C does; one that is ignored (nohup) stays so."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(error: Exception) -> str:
    text = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def _parser() -> argparse.ArgumentParser:
    from nstlib.objectives import CONTENT_WEIGHT
    from nstlib.optimize import STEPS

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
    transfer.add_argument("--steps", type=_positive, default=STEPS, help="evaluations of the losses")
    transfer.add_argument("--network", choices=("mini", "vgg19"), default="mini", help="vgg19 is a download of 548 MB on first use")
    transfer.add_argument("--content-weight", type=float, default=CONTENT_WEIGHT, metavar="W",
                          help="α, the one knob to know: ten times as much keeps the photograph with the painting's colours and small strokes, "
                               "a tenth leaves little but its large forms")
    transfer.add_argument("--style-weight", type=float, default=1, metavar="W", help="β; only its ratio to the other weights counts")
    transfer.add_argument("--tv-weight", type=float, default=0, metavar="W", help="more makes the picture smoother")
    transfer.add_argument("--scales", type=_positive, metavar="N", help="compare styles at N sizes of the picture, each half of the one before; "
                          "1 gives small strokes only (default: down to 60 pixels)")
    transfer.add_argument("--init", choices=("content", "noise", "style"), default="content", help="picture to start from")
    transfer.add_argument("--method", choices=("lbfgs", "adam"), default="lbfgs")
    transfer.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto",
                          help="of the network's convolutions; auto takes bfloat16 where it is faster")
    transfer.add_argument("--seed", type=int, default=0, help="for --init noise")
    transfer.add_argument("--checkpoint", metavar="FILE", type=Path, help="keep the state of the run here, every 30 s, until OUT is written")
    transfer.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    transfer.add_argument("--dry-run", action="store_true", help="paint nothing; say how long it would take and how much memory")
    transfer.add_argument("--quiet", action="store_true", help="print nothing but errors")

    demo = command("demo", _demo, "Paint a shipped photograph; the pictures go to outputs/ in the present folder.")
    demo.add_argument("--size", type=_positive, default=384, help="longer side in pixels")
    demo.add_argument("--steps", type=_positive, default=STEPS, help="evaluations of the losses")
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

    output, checkpoint = options.output, options.checkpoint
    _check_places(options)
    content, style = (nstlib.load_image(source) for source in (options.photo, options.painting))
    # VGG-19 as it was trained: relative losses need no rescaling, and with the paper's some filters that hardly ever fire get so large that
    # L-BFGS needs twice as many steps (VGG-19's blocks 1 to 3, tubingen like starry_night: style .0074 after 150 steps, .0024 without it).
    network = nstlib.load_network(options.network, normalized=options.network == "mini")
    if options.dry_run:
        from nstlib.images import resized_shape
        from nstlib.optimize import estimate

        height, width = resized_shape(content.shape[-2:], options.size)
        seconds, memory = estimate((height, width), network, scales=options.scales, steps=options.steps, method=options.method,
                                   precision=options.precision)
        print(f"{width} × {height} pixels, {options.steps} steps on {network.name}: about {seconds:.0f} s and "
              f"{memory / 2**30:.1f} GiB of memory on this machine")
        return 0
    lines = _plain_lines(options.steps) if not options.quiet and not sys.stderr.isatty() else None
    result = nstlib.style_transfer(
        content, style, network=network, size=options.size, steps=options.steps, content_weight=options.content_weight,
        style_weight=options.style_weight, tv_weight=options.tv_weight, scales=options.scales, init=options.init,
        method=options.method, precision=options.precision, seed=options.seed,
        progress=not options.quiet and lines is None, on_step=lines, checkpoint=checkpoint)
    nstlib.save_image(result.image, output)
    if not options.quiet:
        print(f"{output}: {result}, {result.history[-1]['time']:.0f} s")
    stopped = result.note.startswith("stopped by the user")
    if checkpoint and checkpoint.exists():
        if not result.note:
            checkpoint.unlink()
        elif not options.quiet:
            print(f"{checkpoint} is kept: the same command with --resume goes on from there")
    return 130 if stopped else 0


def _check_places(options) -> None:
    """Refuses, before anything is painted, an output or a checkpoint that could not be written or would harm a picture."""
    output, checkpoint = options.output, options.checkpoint
    for file in (output, checkpoint):
        if file is None:
            continue
        if not file.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {file.parent} to write {file.name} into; make it first")
        if file.is_dir():
            raise ValueError(f"{file} is a folder; give the name of a file in it")
        for source in (options.photo, options.painting):
            if file.exists() and Path(source).exists() and file.samefile(source):
                kind = "output" if file is output else "checkpoint"
                raise ValueError(f"the {kind} {file} is one of the two input pictures; give it another name")
        try:
            tempfile.TemporaryFile(dir=file.parent).close()
        except OSError as error:
            raise OSError(f"nothing can be written into the folder {file.parent} ({error.strerror}); give another one") from None
    if output.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise ValueError(f"the output is called {output.name!r}; its name must end in .png, .jpg or .webp")
    if options.resume and checkpoint is None:
        raise ValueError("--resume needs to know from where: give --checkpoint FILE too")
    if checkpoint and checkpoint.resolve() == output.resolve():
        raise ValueError("the output and the checkpoint are the same file; give one of them another name")
    if checkpoint and checkpoint.exists() and not options.resume:
        raise ValueError(f"there is a checkpoint {checkpoint} already; add --resume to go on from it, or delete it to begin anew")


def _plain_lines(steps: int):
    """A line for each tenth of the steps: for log files and consoles where a bar would be rubbish."""
    def line(step, image, losses):
        if step == 1 or step == steps or step % max(1, steps // 10) == 0:
            with contextlib.suppress(OSError):  # nobody reads it any more: the painting goes on
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
    free = shutil.disk_usage(home if os.path.isdir(home := os.path.expanduser("~")) else ".").free / 2**30
    print(f"disk         {free:.0f} GiB free")
    for problem in problems:
        print(f"to mend: {problem}")
    print("Something is missing, see above." if problems else "All is well.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

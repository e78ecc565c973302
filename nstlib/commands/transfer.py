"""nstlib transfer PHOTO PAINTING -o OUT.png"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from nstlib.commands.options import add_option, command, positive, transfer_defaults

OUTPUTS = (".png", ".jpg", ".jpeg", ".webp")


def add_to(commands) -> None:
    parser = command(commands, "transfer", run, "Paint a photograph in the manner of a painting.")
    parser.add_argument("photo", metavar="PHOTO", help="a file, or a name that `nstlib pictures` lists")
    parser.add_argument("painting", metavar="PAINTING", help="likewise")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT.png", type=Path, help="where the picture goes: .png or .jpg"
    )
    settings = parser.add_argument_group("what is painted")
    add_option(settings, "--size", "longer side in pixels", type=positive)
    add_option(
        settings,
        "--content-weight",
        "α, the one knob to know: ten times as much keeps the photograph with the painting's colours and "
        "small strokes, a tenth leaves little but its large forms",
        type=float,
        metavar="W",
    )
    add_option(settings, "--style-weight", "β; only its ratio to the other weights counts", type=float, metavar="W")
    add_option(settings, "--tv-weight", "more makes the picture smoother", type=float, metavar="W")
    add_option(
        settings,
        "--scales",
        "compare styles at N sizes of the picture, each half of the one before; 1 gives small strokes only "
        "(default: down to 60 pixels)",
        type=positive,
        metavar="N",
    )
    add_option(settings, "--init", "picture to start from", choices=("content", "noise", "style"))
    add_option(settings, "--seed", "for --init noise", type=int)
    settings = parser.add_argument_group("how it is painted")
    settings.add_argument(
        "--network",
        choices=("mini", "vgg19"),
        default="mini",
        help="mini is the default; vgg19 is a download of 548 MB on first use",
    )
    add_option(settings, "--steps", "evaluations of the losses", type=positive)
    add_option(settings, "--method", "optimiser", choices=("lbfgs", "adam"))
    add_option(
        settings,
        "--precision",
        "of the network's convolutions; auto takes bfloat16 where it is faster",
        choices=("auto", "float32", "bfloat16"),
    )
    settings.add_argument(
        "--checkpoint",
        metavar="FILE",
        type=Path,
        help="keep the state of the run here, every 30 s, until OUT is written",
    )
    settings.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    settings.add_argument(
        "--dry-run", action="store_true", help="paint nothing; say how long it would take and how much memory"
    )
    settings.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(options: argparse.Namespace) -> int:
    import nstlib

    defaults = transfer_defaults()
    settings = {
        name: value
        for name, value in vars(options).items()
        if name in defaults and name not in ("network", "checkpoint")
    }
    steps, size = (settings.get(name, defaults[name]) for name in ("steps", "size"))
    _check_places(options)
    content, style = (nstlib.load_image(source) for source in (options.photo, options.painting))
    network = nstlib.transfer.transfer_network(options.network)
    if options.dry_run:
        height, width = nstlib.images.resized_shape(content.shape[-2:], size)
        known = {name: settings[name] for name in ("scales", "steps", "method", "precision") if name in settings}
        seconds, memory = nstlib.estimate((height, width), network, **known)
        print(
            f"{width} × {height} pixels, {steps} steps on {network.name}: about {seconds:.0f} s and "
            f"{memory / 2**30:.1f} GiB of memory "
            "on this machine"
        )
        return 0
    lines = plain_lines(steps) if not options.quiet and not sys.stderr.isatty() else None
    result = nstlib.style_transfer(
        content,
        style,
        network=network,
        **settings,
        progress=not options.quiet and lines is None,
        on_step=lines,
        checkpoint=options.checkpoint,
    )
    nstlib.save_image(result.image, options.output)
    if not options.quiet:
        print(f"{options.output}: {result}, {result.history[-1]['time']:.0f} s")
    if options.checkpoint and options.checkpoint.exists():
        if not result.stopped:
            options.checkpoint.unlink()
        elif not options.quiet:
            print(f"{options.checkpoint} is kept: the same command with --resume goes on from there")
    return 130 if result.stopped is nstlib.Stopped.INTERRUPTED else 0


def _check_places(options: argparse.Namespace) -> None:
    """Refuses, before anything is painted, an output or a checkpoint that could not be written or would harm a
    picture.
    """
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
            raise OSError(
                f"nothing can be written into the folder {file.parent} ({error.strerror}); give another one"
            ) from None
    if output.suffix.lower() not in OUTPUTS:
        raise ValueError(f"the output is called {output.name!r}; its name must end in .png, .jpg or .webp")
    if options.resume and checkpoint is None:
        raise ValueError("--resume needs to know from where: give --checkpoint FILE too")
    if checkpoint and checkpoint.resolve() == output.resolve():
        raise ValueError("the output and the checkpoint are the same file; give one of them another name")
    if checkpoint and checkpoint.exists() and not options.resume:
        raise ValueError(
            f"there is a checkpoint {checkpoint} already; add --resume to go on from it, or delete it to begin anew"
        )


def plain_lines(steps: int):
    """A line for each tenth of the steps: for log files and consoles where a bar would be rubbish."""

    def line(step, image, losses) -> None:
        if step == 1 or step == steps or step % max(1, steps // 10) == 0:
            with contextlib.suppress(OSError):  # nobody reads it any more: the painting goes on
                print(f"step {step} of {steps}: " + ", ".join(f"{k} {v:.4g}" for k, v in losses.items()), flush=True)

    return line

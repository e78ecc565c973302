"""nstlib transfer PHOTO PAINTING -o OUT.png, and nstlib transfer PHOTO… PAINTING -o FOLDER"""

import argparse
import inspect
import sys
from pathlib import Path

from nstlib.commands.options import (
    add_option,
    command,
    names,
    numbers,
    one_line,
    path,
    positive,
    size_or_own,
    transfer_defaults,
    weights,
)
from nstlib.commands.output import check_place, exit_status, keep_result, plain_lines, tell
from nstlib.files import sole_use

OUTPUTS = (".png", ".jpg", ".jpeg", ".webp")
EXAMPLES = """examples:
  nstlib transfer photo.jpg night_swirls -o painted.png
  nstlib transfer photo.jpg painting.jpg -o large.png --size 1024 --dry-run
  nstlib transfer holiday/ night_swirls -o painted/     each picture of a folder
  nstlib transfer photo.jpg --style night_swirls --style wave.jpg -o both.png
"""


def add_to(commands) -> None:
    parser = command(
        commands,
        "transfer",
        run,
        "Paint a photograph in the manner of a painting.",
        usage="nstlib transfer PHOTO [PHOTO ...] PAINTING -o OUT [options]",
        epilog=EXAMPLES,
    )
    parser.set_defaults(wrong_usage=parser.error)
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="a file, a folder, or a name of `nstlib pictures`")
    # The last of the photos, in fact: argparse cannot tell whether --style comes
    parser.add_argument("painting", metavar="PAINTING", nargs="?", help="a file or a name; none with --style")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", type=path, help="a .png, .jpg or .webp; or a folder"
    )
    group = parser.add_argument_group("the picture")
    add_option(group, "--size", "longer side; own: the photograph's", type=size_or_own, metavar="N|own")
    add_option(group, "--init", "start from: content, noise, style, or a picture", metavar="START")
    add_option(group, "--seed", "for --init noise", type=int, metavar="N")
    add_option(group, "--edges", "what is beyond them", choices=("mirror", "zeros"))
    add_option(
        group,
        "--keep-colors",
        "the photograph's: histogram, meanstd, covariance (of the painting) or luminance",
        choices=("histogram", "meanstd", "covariance", "luminance"),
        metavar="HOW",
    )
    group = parser.add_argument_group("paintings and regions")
    group.add_argument("--style", action="append", metavar="PAINTING", help="in place of PAINTING; again for a mixture")
    add_option(group, "--style-weights", "of the paintings: 2,1 (default: all alike)", type=numbers, metavar="W,W")
    add_option(
        group,
        "--style-mix",
        "of losses, of statistics, or by layers or scales: the first for strokes",
        choices=("losses", "statistics", "layers", "scales"),
        metavar="HOW",
    )
    add_option(group, "--style-scale", "size of the painting: 2 gives strokes twice as large", type=float, metavar="F")
    add_option(
        group,
        "--mask",
        "white where to paint; one for each painting (or one for two: black is the second's)",
        action="append",
        metavar="PICTURE",
    )
    add_option(
        group,
        "--style-mask",
        "white where the painting counts; one for each",
        action="append",
        metavar="PICTURE",
        dest="style_masks",
    )
    group = parser.add_argument_group("what is minimised")
    add_option(
        group,
        "--content-weight",
        "α, the one knob to know: ten times as much keeps the photograph, a tenth its large forms",
        type=float,
        metavar="W",
    )
    add_option(group, "--style-weight", "β; only its ratio to the others counts", type=float, metavar="W")
    add_option(group, "--tv-weight", "more makes the picture smoother", type=float, metavar="W")
    add_option(group, "--content-layers", "with commas between them", type=names, metavar="L,L")
    add_option(group, "--style-layers", "likewise", type=names, metavar="L,L")
    add_option(
        group,
        "--layer-weights",
        "1,0.5,… or relu1_1=1,relu2_1=0.5,… (default: all alike)",
        type=weights,
        metavar="W,W",
    )
    add_option(
        group,
        "--style-loss",
        "distance of styles: gram, meanstd, covariance, wasserstein, histogram, sliced, "
        "mmd-linear, mmd-polynomial, mmd-gaussian",
        metavar="NAME",
    )
    add_option(
        group,
        "--scales",
        "compare styles at N sizes of the picture; 1: small strokes only (default: down to 60 pixels)",
        type=positive,
        metavar="N",
    )
    group.add_argument(
        "--paper",
        action="store_true",
        help="the paper's layers and losses; its content weight, 5e-7, is for 256 pixels",
    )
    group = parser.add_argument_group("how it is painted")
    group.add_argument(
        "--network", choices=("mini", "vgg19"), default="mini", help="vgg19: 548 MB on first use (default: mini)"
    )
    add_option(group, "--steps", "evaluations of the losses", type=positive, metavar="N")
    add_option(group, "--method", "optimiser", choices=("lbfgs", "adam"))
    add_option(group, "--learning-rate", "(default: 1 for lbfgs, 0.02 for adam)", type=float, metavar="R")
    add_option(
        group,
        "--one-size",
        "all steps at full size, not from coarse to fine",
        action="store_const",
        const=False,
        dest="coarse_to_fine",
    )
    add_option(
        group, "--precision", "of the convolutions; auto: what is fast here", choices=("auto", "float32", "bfloat16")
    )
    group = parser.add_argument_group("on the way")
    group.add_argument(
        "--dry-run", action="store_true", help="paint nothing; say how long it takes, and how much memory"
    )
    group.add_argument("--save-every", metavar="N", type=positive, help="also save each N-th step, as OUT_050.png")
    group.add_argument("--checkpoint", metavar="FILE", type=path, help="keep the state here until OUT is written")
    group.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(options: argparse.Namespace) -> int:
    import nstlib
    from nstlib.commands.batch import paint_all, photographs

    settings = {name: value for name, value in vars(options).items() if name in transfer_defaults()}
    if options.paper:
        settings = {**nstlib.PAPER, **settings}
    given, options.styles = options.photos, options.style
    if not options.styles:
        if len(given) < 2:
            options.wrong_usage("the following arguments are required: PAINTING")
        *options.photos, painting = given
        options.styles = [painting]
    photos = photographs(options.photos)
    if len(photos) > 1 or photos != options.photos:
        return paint_all(options, photos, settings)
    if options.output.is_dir():
        options.output /= f"{Path(photos[0]).stem}.png"
    return _paint(options, photos[0], settings)


def _paint(options: argparse.Namespace, photo: str, settings: dict) -> int:
    import nstlib

    runs = len(options.styles) if "mask" in settings else 1  # one for each region
    steps = runs * settings.get("steps", transfer_defaults()["steps"])
    on_the_way = _pictures_on_the_way(options, steps)
    masks = [*settings.get("mask", ()), *settings.get("style_masks", ())]
    check_places(options, [photo, *options.styles, *masks], [options.output, *on_the_way.values()])
    content, *styles = (nstlib.load_image(source) for source in (photo, *options.styles))
    style = styles[0] if len(styles) == 1 else styles
    settings = {**settings, **start_image(settings), "network": nstlib.networks.transfer_network(options.network)}
    if options.dry_run:
        shape = begin(content, style, settings, options.checkpoint if options.resume else None)
        seconds, memory = foresee(shape, settings)
        seconds *= runs
        tell(
            f"{shape[1]} × {shape[0]} pixels, {steps} steps on {options.network}: about {seconds:.0f} s and "
            f"{memory / 2**30:.1f} GiB of memory on this machine"
        )
        return 0
    lines = plain_lines(steps) if not options.quiet and not sys.stderr.isatty() else None
    size = settings.get("size", transfer_defaults()["size"]) or max(content.shape[-2:])
    shape = nstlib.images.resized_shape(content.shape[-2:], size)

    def on_step(step, image, losses) -> None:
        if lines:
            lines(step, image, losses)
        if step in on_the_way:
            try:
                image = nstlib.resize_image(image, shape)
                if settings.get("keep_colors") == "luminance":
                    image = nstlib.transfer_luminance(image, content)
                nstlib.save_image(image, on_the_way[step])
            except OSError as error:  # the painting goes on
                tell(f"nstlib: {one_line(error)}", to="stderr")

    result = nstlib.style_transfer(
        content,
        style,
        **settings,
        progress=not options.quiet and lines is None,
        on_step=on_step,
        checkpoint=options.checkpoint,
    )
    saved = keep_result(result, options.output)
    if not options.quiet:
        tell(f"{saved}: {result}, {result.history[-1]['time']:.0f} s in {result.settings['precision']}")
    if options.checkpoint and options.checkpoint.exists():
        if not result.stopped:
            options.checkpoint.unlink(missing_ok=True)
        elif not options.quiet:
            tell(f"{options.checkpoint} is kept: the same command with --resume goes on from there")
    return exit_status(result)


def start_image(settings: dict) -> dict:
    """{"init": a picture} where --init names one."""
    import nstlib

    if settings.get("init", "content") in ("content", "noise", "style"):
        return {}
    try:
        return {"init": nstlib.load_image(settings["init"])}
    except FileNotFoundError as error:
        raise FileNotFoundError(f"--init is neither content, noise nor style, and {error}") from None


def begin(content, style, settings: dict, checkpoint: Path | None = None) -> tuple[int, int]:
    """(height, width) of the picture that a run would paint. The run begins, so that what would make it fail does so
    here, and ends with its first step.
    """
    import nstlib

    run = {**settings, "progress": False, "on_step": lambda *_: False, "checkpoint": checkpoint}
    return tuple(nstlib.style_transfer(content, style, **run).image.shape[-2:])


def foresee(shape: tuple[int, int], settings: dict) -> tuple[float, float]:
    """Seconds and bytes of a run."""
    import nstlib

    known = inspect.signature(nstlib.estimate).parameters
    return nstlib.estimate(shape, **{name: value for name, value in settings.items() if name in known})


def _pictures_on_the_way(options: argparse.Namespace, steps: int) -> dict[int, Path]:
    """Step -> file, for --save-every."""
    every, output, digits = options.save_every or steps + 1, options.output, len(str(steps))
    return {
        step: output.with_name(f"{output.stem}_{step:0{digits}}{output.suffix}")
        for step in range(every, steps + 1, every)
    }


def check_places(options: argparse.Namespace, sources: list[str], outputs: list[Path]) -> None:
    """Refuses, before anything is painted, an output or a checkpoint that could not be written or would harm a
    picture.
    """
    checkpoint = options.checkpoint
    for file in [*outputs, *([checkpoint] if checkpoint else [])]:
        for source in map(path, sources):
            if file.exists() and source.exists() and file.samefile(source):
                kind = "checkpoint" if file is checkpoint else "output"
                raise ValueError(f"the {kind} {file} is one of the input pictures; give it another name")
        check_place(file)
        if file is not checkpoint and file.suffix.lower() not in OUTPUTS:
            raise ValueError(
                f"the output is called {file.name!r}; its name must end in .png, .jpg or .webp (or be a folder)"
            )
    if options.resume and checkpoint is None:
        raise ValueError("--resume needs to know from where: give --checkpoint FILE too")
    if checkpoint and checkpoint.resolve() == options.output.resolve():
        raise ValueError("the output and the checkpoint are the same file; give one of them another name")
    if checkpoint:
        with sole_use(checkpoint):  # an error of its own where another run has it
            pass
    if checkpoint and checkpoint.exists() and not options.resume:
        raise ValueError(
            f"there is a checkpoint {checkpoint} already; add --resume to go on from it, or delete it to begin anew"
        )

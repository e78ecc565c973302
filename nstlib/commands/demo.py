"""nstlib demo"""

import argparse
import io
import sys
from pathlib import Path

from nstlib.commands.options import add_option, command, positive, transfer_defaults, what_next
from nstlib.commands.output import check_place, exit_status, keep, keep_result, plain_lines, tell

CONTENT, STYLE = "riverside_town", "night_swirls"


def add_to(commands) -> None:
    parser = command(
        commands, "demo", run, "Paint a shipped photograph; the pictures go to outputs/ in the present folder."
    )
    add_option(parser, "--size", "longer side in pixels", type=positive)
    add_option(parser, "--steps", "evaluations of the losses", type=positive)


def run(options: argparse.Namespace) -> int:
    folder = Path("outputs").resolve()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OSError(
            f"the folder {folder} cannot be made ({error.strerror}); run the demo in another folder"
        ) from None
    for name in ("demo.png", "demo_result.png"):
        check_place(folder / name)
    import nstlib
    from nstlib.plots import show_images

    size, steps = (vars(options).get(name, transfer_defaults()[name]) for name in ("size", "steps"))
    content, style = (nstlib.load_image(name) for name in (CONTENT, STYLE))
    tell(f"Painting {CONTENT} in the manner of {STYLE}: {steps} steps, {size} pixels.")
    lines = None if sys.stderr.isatty() else plain_lines(steps)
    result = nstlib.style_transfer(content, style, size=size, steps=steps, progress=lines is None, on_step=lines)
    picture, drawing = keep_result(result, folder / "demo_result.png"), io.BytesIO()
    figure = show_images({"photograph": content, "painting": style, "result": result.image}, height=4)
    figure.savefig(drawing, dpi=150)
    together = keep(drawing.getvalue(), folder / "demo.png")
    first, last = (
        {name: losses.get(name, 0) for name in ("content", "style")} for losses in (result.history[0], result.losses)
    )
    # At another size a loss is another number, hence the same units: both as the objective counts them.
    tell(
        f"style loss   {first['style']:.4g} at the start, {last['style']:.4g} at the end",
        f"content loss {first['content']:.4g} at the start (the photograph itself), {last['content']:.4g} at the end",
        f"time         {result.history[-1]['time']:.0f} s, in {result.settings['precision']}",
        f"pictures     {together}",
        f"             {picture}",
        *([f"note         {result.note}"] if result.note else []),
        what_next(),
    )
    return exit_status(result)

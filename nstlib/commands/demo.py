"""nstlib demo"""

import argparse
import sys
from pathlib import Path

from nstlib.commands.options import add_option, command, positive, transfer_defaults
from nstlib.commands.transfer import plain_lines

CONTENT, STYLE = "riverside_town", "night_swirls"


def add_to(commands) -> None:
    parser = command(
        commands, "demo", run, "Paint a shipped photograph; the pictures go to outputs/ in the present folder."
    )
    add_option(parser, "--size", "longer side in pixels", type=positive)
    add_option(parser, "--steps", "evaluations of the losses", type=positive)


def run(options: argparse.Namespace) -> None:
    import nstlib
    from nstlib.plots import show_images

    size, steps = (vars(options).get(name, transfer_defaults()[name]) for name in ("size", "steps"))
    folder = Path("outputs")
    folder.mkdir(exist_ok=True)
    content, style = (nstlib.load_image(name) for name in (CONTENT, STYLE))
    print(f"Painting {CONTENT} in the manner of {STYLE}: {steps} steps, {size} pixels.", flush=True)
    lines = None if sys.stderr.isatty() else plain_lines(steps)
    result = nstlib.style_transfer(content, style, size=size, steps=steps, progress=lines is None, on_step=lines)
    nstlib.save_image(result.image, folder / "demo_result.png")
    figure = show_images({"photograph": content, "painting": style, "result": result.image}, height=4)
    figure.savefig(folder / "demo.png", dpi=150)
    first, last = (
        {name: losses.get(name, 0) for name in ("content", "style")} for losses in (result.history[0], result.losses)
    )
    # At another size a loss is another number, hence the same units: both as the objective counts them.
    print(
        f"style loss   {first['style']:.4g} at the start, {last['style']:.4g} at the end\n"
        f"content loss {first['content']:.4g} at the start (the photograph itself), {last['content']:.4g} at the end\n"
        f"time         {result.history[-1]['time']:.0f} s\n"
        f"pictures     {(folder / 'demo.png').resolve()}\n"
        f"             {(folder / 'demo_result.png').resolve()}\n"
        "Next: your own pictures with  nstlib transfer PHOTO PAINTING -o OUT.png  (in .venv; `nstlib pictures` lists "
        "what is there),\n"
        "      or the lessons with     python3 start.py lab"
    )

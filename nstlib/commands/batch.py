"""nstlib transfer PHOTO… PAINTING -o FOLDER: several photographs, over all cores (`nstlib.sweep`)."""

import argparse
import contextlib
import re
import shutil
import sys
from pathlib import Path

from nstlib.commands.options import one_line, path
from nstlib.commands.output import tell
from nstlib.commands.transfer import OUTPUTS, begin, check_places, foresee, start_image
from nstlib.files import atomic_write

PICTURES = (*OUTPUTS, ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".mpo", ".ppm")  # in a folder
STATE = ".nstlib"  # folder in the output's, for what is done, until all is


def photographs(given: list[str]) -> list[str]:
    """The photographs that are meant: of a folder, the pictures in it."""
    import nstlib

    found = []
    for text in given:
        folder = path(text)
        if not folder.is_dir() or text in nstlib.picture_names():
            found.append(text)
            continue
        inside = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES and file.name[0] != ".")
        if not inside:
            raise FileNotFoundError(f"there is no picture in the folder {folder}; give one with pictures in it")
        found += map(str, inside)
    return list(dict.fromkeys(found))


def paint_all(options: argparse.Namespace, photos: list[str], settings: dict) -> int:
    """Paints each into the folder `options.output`. One that fails is reported and stops no other."""
    folder = options.output
    if folder.suffix.lower() in OUTPUTS and not folder.is_dir():
        raise ValueError(f"there are {len(photos)} photographs, and {folder.name!r} is one file; give -o a folder")
    if alone := [name for name in ("checkpoint", "resume", "save_every", "mask") if getattr(options, name, None)]:
        option = "--" + alone[0].replace("_", "-")
        raise ValueError(f"{option} is for one photograph; with several, the same command goes on where it stopped")
    outputs = dict(zip(photos, _outputs(photos, folder), strict=True))
    existed = folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        masks = settings.get("style_masks", ())
        check_places(options, [*photos, *options.styles, *masks], list(outputs.values()))
        settings = {**settings, **start_image(settings)}
        if options.dry_run:
            return _dry_run(options, photos, settings)
    finally:
        if not existed:
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
    return _paint(options, outputs, settings)


def _paint(options: argparse.Namespace, outputs: dict[str, Path], settings: dict) -> int:
    import nstlib
    from nstlib.experiments.sweeps import NOT_DONE

    arrived, state = {}, options.output / STATE

    def on_run(record: dict) -> None:
        photo = record["settings"]["content"]
        arrived[photo] = record["error"]
        try:
            if not record["error"]:
                with atomic_write(outputs[photo]) as temporary:
                    shutil.copyfile(record["picture"], temporary)
        except OSError as error:
            arrived[photo] = one_line(error)
        if not (options.quiet or sys.stderr.isatty() or arrived[photo]):
            tell(f"{outputs[photo]}: painted ({len(arrived)} of {len(outputs)})")

    for style in options.styles:  # or it would be the error of every run
        nstlib.load_image(style)
    style = options.styles[0] if len(options.styles) == 1 else options.styles
    settings = {**settings, "style": style, "network": options.network}
    progress = not options.quiet and sys.stderr.isatty()
    done = nstlib.sweep({"content": list(outputs)}, settings, folder=state, progress=progress, on_run=on_run)
    for record in done.records:
        if record["settings"]["content"] not in arrived:  # painted by an earlier call, or not at all
            on_run(record)
    failed = {photo: error for photo, error in arrived.items() if error and error != NOT_DONE}
    for error in dict.fromkeys(failed.values()):
        photos = ", ".join(photo for photo in failed if failed[photo] == error)
        tell(f"nstlib: {photos}: {re.sub(r'^[A-Z][A-Za-z]+: ', '', error)}", to="stderr")
    if not any(arrived.values()):
        shutil.rmtree(state, ignore_errors=True)
    elif not options.quiet:
        tell(f"{state} keeps what is done: the same command goes on with the rest")
    if not options.quiet:
        tell(f"{options.output}: {list(arrived.values()).count('')} of {len(outputs)} pictures painted")
    return 130 if NOT_DONE in arrived.values() else 1 if failed else 0


def _dry_run(options: argparse.Namespace, photos: list[str], settings: dict) -> int:
    import nstlib

    style, network = [*map(nstlib.load_image, options.styles)], nstlib.networks.transfer_network(options.network)
    settings, shapes, failed = {**settings, "network": network}, [], 0
    for photo in photos:
        try:
            shapes.append(begin(nstlib.load_image(photo), style, settings))
        except (OSError, ValueError, MemoryError) as error:
            failed += 1
            tell(f"nstlib: {photo}: {one_line(error)}", to="stderr")
    if shapes:
        foreseen = {shape: foresee(shape, settings) for shape in set(shapes)}
        seconds, memory = sum(foreseen[shape][0] for shape in shapes), max(memory for _, memory in foreseen.values())
        tell(
            f"{len(shapes)} of {len(photos)} pictures on {options.network}: about {seconds:.0f} s one after another, "
            f"and {memory / 2**30:.1f} GiB of memory for each on this machine"
        )
    return 1 if failed else 0


def _outputs(photos: list[str], folder: Path) -> list[Path]:
    """A .png for each photograph, called as it is; a second one of that name gets a number."""
    stems = [Path(photo).stem for photo in photos]
    numbers = [stems[:at].count(stem) for at, stem in enumerate(stems)]
    return [folder / f"{stem}{-n - 1 if n else ''}.png" for stem, n in zip(stems, numbers, strict=True)]

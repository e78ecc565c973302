"""Pictures by name: those shipped here, scikit-image's, and famous ones that are downloaded on first use.

All that is known about one (title, author, licence, address, SHA-256) is in ``data/registry.json`` alone.
"""

import difflib
import importlib.util
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from nstlib.images.downloads import download, has_hash

PACKAGE = Path(__file__).resolve().parents[1]
#: Folder of the shipped pictures and weights: inside the package where a wheel put it, else beside it in the checkout.
DATA = PACKAGE / "data" if (PACKAGE / "data").is_dir() else PACKAGE.parent / "data"


def picture_names(kind: str | None = None) -> list[str]:
    """Names that `load_image` knows: pictures shipped here, scikit-image's, and famous ones, downloaded on first use.

    `kind` is "content" (photographs and scenes), "style" (paintings and textures) or None for both.

    Examples
    --------
    >>> picture_names("style")[:2]
    ['night_swirls', 'woodblock_wave']
    """
    if kind not in (None, "content", "style"):
        raise ValueError(f"kind is {kind!r}, wanted 'content', 'style' or None for both")
    return [name for name, entry in registry().items() if kind in (None, entry["kind"])]


def picture_info(name: str) -> dict:
    """What is known about a named picture; ValueError, with the nearest name, for an unknown one.

    Keys: `name`, `title`, `author`, `year` (None where unknown), `licence`, `kind`, `source` ("shipped", "scikit-image"
    or "download"), `address` (a file in `DATA`, or a URL), `sha256` (with a URL), `offline` (True: no network needed).

    Examples
    --------
    >>> info = picture_info("starry_night")
    >>> info["author"], info["year"], info["licence"]
    ('Vincent van Gogh', 1889, 'public domain')
    """
    if name not in registry():
        nearest = nearest_name(str(name))
        hint = f"did you mean {nearest!r}?" if nearest else f"known are {', '.join(picture_names())}"
        raise ValueError(f"no picture is called {name!r}; {hint}")
    return {"name": name, **registry()[name], "offline": local_file(name) is not None}


def fetch_picture(name: str) -> Path:
    """The file of a named picture, downloaded on first use.

    A download goes to the user's cache folder (or to the one that the environment variable NSTLIB_CACHE names) and is
    kept only if its SHA-256 is the registered one. ValueError: unknown name. ConnectionError: failed download.
    """
    entry = picture_info(name)
    if local := local_file(name):
        return local
    if entry["source"] == "shipped":
        raise FileNotFoundError(f"the shipped picture {entry['address']} is missing from {DATA}; install nstlib again")
    offline = ", ".join(other for other in picture_names() if local_file(other))
    target, otherwise = cached_file(name), f"these work without a network: {offline}"
    download(entry["address"], target, entry["sha256"], what=repr(name), variable="NSTLIB_CACHE", otherwise=otherwise)
    return target


@cache
def registry() -> dict[str, dict]:
    return json.loads((DATA / "registry.json").read_text(encoding="utf-8"))


def cached_file(name: str) -> Path:
    """Where a picture that is downloaded is kept: in the user's cache folder, or in that of NSTLIB_CACHE."""
    import pooch

    folder = os.path.expanduser(os.environ.get("NSTLIB_CACHE") or pooch.os_cache("nstlib"))
    if folder.startswith("~"):  # a user without a home
        folder = os.path.join(tempfile.gettempdir(), "nstlib")
    return Path(folder) / (name + Path(urlsplit(registry()[name]["address"]).path).suffix)


def local_file(name: str) -> Path | None:
    """The picture's file if it is on this machine already (and, of a download, if it is the right one)."""
    entry = registry()[name]
    if entry["source"] == "shipped":
        return path if (path := DATA / entry["address"]).is_file() else None
    package = importlib.util.find_spec("skimage") if entry["source"] == "scikit-image" else None  # found, not imported
    if package and (path := Path(package.origin).parent / "data" / entry["file"]).is_file():
        return path
    path = cached_file(name)
    return path if path.is_file() and has_hash(path, entry["sha256"]) else None


def nearest_name(text: str) -> str | None:
    plain = Path(text).stem.lower().replace(" ", "_").replace("-", "_")
    return next(iter(difflib.get_close_matches(plain, picture_names(), 1)), None)


def find_picture(text: str) -> Path:
    """The file meant by a path or by a picture's name."""
    path = Path(os.path.expanduser(text))
    known = text in registry()
    if text and (os.path.isfile(path) or (os.path.exists(path) and not known)):  # a folder "cat" hides no picture
        return path
    if known:
        return fetch_picture(text)
    if "://" in text:
        raise ValueError(f"{text!r} is an address, and load_image downloads none; save the picture and give its path")
    folder = path.parent.absolute()
    beside = os.listdir(folder) if folder.is_dir() else []
    nearest = next(iter(difflib.get_close_matches(path.name, beside, 1, 0.75)), None) or nearest_name(text)
    raise FileNotFoundError(
        f"no file {path.name!r} "
        + (f"in {folder}" if folder.is_dir() else f"(there is no folder {folder})")
        + ", and no picture of that name; "
        + (f"did you mean {nearest!r}?" if nearest else "picture_names() lists the pictures that come by name")
    )

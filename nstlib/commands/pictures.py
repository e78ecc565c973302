"""nstlib pictures, and nstlib fetch NAME"""

import argparse

from nstlib.commands.options import called_as, command


def add_to(commands) -> None:
    command(commands, "pictures", list_pictures, "List the pictures that can be had by name.")
    fetching = command(
        commands, "fetch", fetch, "Download VGG-19's weights or a famous picture, to work offline later."
    )
    fetching.add_argument("name", metavar="vgg19|PICTURE")


def list_pictures(options: argparse.Namespace) -> None:
    from nstlib.images import picture_info, picture_names

    for kind, title in (("content", "photographs and scenes"), ("style", "paintings and textures")):
        print(title)
        for name in picture_names(kind):
            info = picture_info(name)
            maker = ", ".join(str(info[key]) for key in ("author", "year") if info.get(key))
            where = "here    " if info["offline"] else "download"
            print(f"  {name:18} {where}  {info['title']} ({maker}; {info['licence']})")


def fetch(options: argparse.Namespace) -> None:
    import nstlib

    if options.name == "vgg19":
        nstlib.load_network("vgg19", normalized=False, device="cpu")
        print(f'VGG-19 is here: load_network("vgg19"), or {called_as()} transfer … --network vgg19')
    else:
        print(f"{options.name} is here: {nstlib.fetch_picture(options.name)}")

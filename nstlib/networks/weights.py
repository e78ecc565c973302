"""Networks by name: `mini`, which ships with nstlib, the paper's `vgg19`, and `random`."""

import difflib
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from nstlib.arguments import check_seed
from nstlib.images import DATA, load_image, picture_info, picture_names
from nstlib.images.downloads import download, has_hash
from nstlib.networks.devices import default_device
from nstlib.networks.layers import CONVOLUTIONS
from nstlib.networks.network import FeatureNetwork, check_network
from nstlib.networks.normalization import normalize_activations


def load_network(
    name: str = "mini",
    *,
    pooling: str = "average",
    normalized: bool = True,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> FeatureNetwork:
    """A network by name, frozen and ready to look at pictures.

    Parameters
    ----------
    name : "mini", "vgg19" or "random"
        - "mini" ships with nstlib (3 MB, works offline): VGG-19's sixteen convolutions at a fraction of their width.
          Its blocks 1 to 3 were taught to see as the real VGG-19's do, blocks 4 and 5 as its third block does in
          smaller copies (data/README.md).
        - "vgg19" is the paper's, with torchvision's weights: a download of 548 MB on first use, kept under TORCH_HOME.
        - "random" has the shape of "mini" and untrained weights, for comparison.
    pooling : "average" (as in the paper) or "max"
    normalized : bool
        Rescale every filter to a mean activation of one, as in the paper (`normalize_activations` over the shipped
        pictures; "mini" is stored that way). False: the weights as they were trained ("vgg19", "random").
    seed : int
        For the weights of "random".
    device : where to put it; None takes the first of CUDA, Apple's MPS and the CPU that there is.

    Raises
    ------
    ValueError: an unknown name, "mini" with `normalized=False`, or a weights file that is not the one it should be.
    FileNotFoundError: the file of "mini" is missing.
    ConnectionError: "vgg19" is not here yet and cannot be downloaded.
    """
    if name not in ("mini", "vgg19", "random"):
        near = difflib.get_close_matches(str(name), ("mini", "vgg19", "random"), n=1, cutoff=0.3)
        raise ValueError(
            f"There is no network {name!r}; "
            + (f"did you mean {near[0]!r}? " if near else "")
            + 'known are "mini", "vgg19" and "random".'
        )
    if name == "mini":
        if not normalized:
            raise ValueError(
                '"mini" is stored with its activations normalised, there is no other version of it; leave out '
                'normalized=False, or take "vgg19".'
            )
        weights = mini_weights()
    elif name == "vgg19":
        weights = vgg19_weights()
    else:
        weights = random_weights(mini_weights(), check_seed(seed))
    network = FeatureNetwork(weights, pooling=pooling, name=name)
    if normalized and (name != "mini" or pooling != "average"):
        network = normalize_activations(network, shipped_pictures())
    return network.to(device or default_device())


def mini_weights() -> dict[str, Tensor]:
    file = DATA / "mini.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"The network file {file.name} is missing from {DATA}; install nstlib again.")
    data = file.read_bytes()
    wanted = json.loads((DATA / "mini.json").read_text(encoding="utf-8"))["sha256"]
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(
            f"{file} is damaged: its SHA-256 is not the one in mini.json. Get the file again (git checkout "
            "data/mini.safetensors, or install nstlib again)."
        )
    return load_safetensors(data)


def vgg19_file() -> tuple[str, Path]:
    """The address of torchvision's weights, and the file where torch.hub keeps them; it need not be there yet."""
    from torchvision.models import VGG19_Weights

    url = VGG19_Weights.IMAGENET1K_V1.url
    return url, Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def vgg19_weights() -> dict[str, Tensor]:
    """torchvision's VGG-19, opened only if its bytes are the ones promised; the three large linear layers are
    dropped.
    """
    url, file = vgg19_file()
    promised = file.stem.rsplit("-", 1)[-1]  # the name ends in the first digits of its SHA-256
    instead = 'load_network("mini") needs no download.'
    if not file.exists():
        what = "VGG-19's weights (548 MB)"
        download(url, file, promised, what=what, variable="TORCH_HOME", otherwise=instead)
    if not has_hash(file, promised):  # before anything in it is read
        try:
            file.unlink()
        except OSError:
            raise ValueError(
                f"The file of VGG-19's weights is damaged. Delete {file} and try again; {instead}"
            ) from None
        raise ValueError(
            f"The file of VGG-19's weights was damaged and is thrown away: {file}. Try again, which downloads it anew "
            f"(548 MB); {instead}"
        )
    state = torch.load(file, map_location="cpu", weights_only=True)
    indices = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    return {
        f"conv{name}.{part}": state[f"features.{index}.{part}"]
        for name, index in zip(CONVOLUTIONS, indices, strict=True)
        for part in ("weight", "bias")
    }


def random_weights(like: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """He's initialisation (2015) for the shapes of `like`: normal with variance 2 / inputs, no bias."""
    generator = torch.Generator().manual_seed(seed)
    # Sorted: safetensors promises no order
    return {
        key: torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5
        if value.ndim == 4
        else torch.zeros(value.shape)
        for key, value in sorted(like.items())
    }


def shipped_pictures(size: int = 256) -> list[Tensor]:
    return [load_image(name, size=size) for name in picture_names() if picture_info(name)["source"] == "shipped"]


def transfer_network(name: str) -> FeatureNetwork:
    """The network of this name that suits `style_transfer` best.

    That is VGG-19 as it was trained: relative losses need no rescaling, and the paper's makes some filters that hardly
    ever fire so large that L-BFGS needs twice as many steps (VGG-19's blocks 1 to 3, tubingen like starry_night: style
    .0074 after 150 steps, .0024 without).
    """
    return load_network(name, normalized=name == "mini")


def as_network(network: FeatureNetwork | str | None) -> FeatureNetwork:
    """`network` itself, or the one of that name; "mini" where None. ValueError where it is anything else."""
    if network is None or isinstance(network, str):
        return transfer_network(network or "mini")
    check_network(network)
    return network

"""The networks whose activations say what a picture shows and how it is painted.

`FeatureNetwork` is the convolutional part of VGG-19 (Simonyan and Zisserman, 2015): sixteen 3 × 3 convolutions in five blocks of
2, 2, 4, 4 and 4, each followed by a ReLU, with a 2 × 2 pooling after each block. Every activation has one name:

    conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 ... relu5_4 pool5

`convB_I` is the activation before the ReLU, `reluB_I` after it. The paper's "conv4_2" is `relu4_2`: the factor [F > 0] in its
equations 2 and 6 is the derivative of the ReLU. Lesson: notebooks/02_activations.
"""

import difflib
import functools
import hashlib
import json
import time
import urllib.error
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from nstlib.files import one_at_a_time, sha256
from nstlib.images import DATA, load_image, picture_info, picture_names

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
CONVOLUTIONS = tuple(f"{b}_{i}" for b, n in enumerate(CONVOLUTIONS_PER_BLOCK, 1) for i in range(1, n + 1))
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FeatureNetwork(nn.Module):
    """The convolutions, ReLUs and poolings of a VGG-19, any width, frozen: `network(image, layers)` gives named activations.

    Parameters
    ----------
    weights : dict of name -> Tensor
        `convB_I.weight` (out, in, 3, 3) and `convB_I.bias` (out,) for the sixteen convolutions in order, or for the first few.
    mean, std : three floats
        Input normalisation: the first convolution sees (image - mean) / std, channel by channel, image in [0, 1].
    pooling : "average" or "max"
        The paper paints with average pooling; VGG-19 was trained with max pooling.
    edges : "zeros" or "mirror"
        What the convolutions of blocks 1 and 2 find beyond the edge of a feature map: zeros, as VGG-19 was trained, or its mirror image.
    name : str
        What the network calls itself.
    """

    def __init__(self, weights: dict[str, Tensor], *, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD,
                 pooling: str = "average", edges: str = "zeros", name: str = "network"):
        super().__init__()
        if pooling not in ("average", "max"):
            raise ValueError(f'pooling is {pooling!r}; it must be "average" (as in the paper) or "max".')
        if edges not in ("zeros", "mirror"):
            raise ValueError(f'edges is {edges!r}; it must be "zeros" (as in the paper) or "mirror".')
        self.name, self.pooling, self.edges = name, pooling, edges
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        for key in CONVOLUTIONS:
            if f"conv{key}.weight" not in weights:
                break
            weight, bias = weights[f"conv{key}.weight"].float(), weights[f"conv{key}.bias"].float()
            kind = _MirrorConv2d if edges == "mirror" and key[0] in "12" else nn.Conv2d
            convolution = nn.utils.skip_init(kind, weight.shape[1], weight.shape[0], 3, padding=1)
            convolution.weight.data, convolution.bias.data = weight.clone(), bias.clone()
            self.add_module(f"conv{key}", convolution)
        self.layers = _layer_names(self)
        known = {f"{name}.{part}" for name in self.layers if name.startswith("conv") for part in ("weight", "bias")}
        if not known or not known.issuperset(weights):
            raise ValueError(f"weights has {next((key for key in weights if key not in known), 'nothing')!r}; wanted are the names "
                             "conv1_1.weight, conv1_1.bias, conv1_2.weight and so on, in VGG-19's order and none left out.")
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Activations of `image` at the named layers; nothing deeper than the deepest of them is computed.

        Parameters
        ----------
        image : Tensor (B, 3, H, W), in [0, 1]; brought to the network's device
        layers : names such as "relu4_2"

        Returns
        -------
        dict of name -> Tensor (B, C, h, w), in the order asked for; h = H // 2**(block - 1), and after `poolB` H // 2**B

        Raises
        ------
        ValueError
            An unknown name, or a picture too small for the deepest layer.
        """
        wanted = [layers] if isinstance(layers, str) else list(layers)
        found = dict(self.activations(image, wanted))
        return {name: found[name] for name in wanted}

    def activations(self, image: Tensor, layers: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """As `forward`, but one (name, activation) at a time, from shallow to deep.

        A loss that is calculated between two of them is differentiated between them too, and nothing of it is held before or after.
        """
        wanted = [layers] if isinstance(layers, str) else list(layers)
        self._check(image, wanted)
        x, left = ((image.to(self.mean.device) - self.mean) / self.std).to(self.precision), set(wanted)
        for name in self.layers:
            if not left:
                break
            if name.startswith("conv"):
                x = self.get_submodule(name)(x)
            elif name.startswith("relu"):
                x = F.relu(x)  # never in place: whoever asked may hold the activation before it
            else:
                x = F.avg_pool2d(x, 2) if self.pooling == "average" else F.max_pool2d(x, 2)
            if name in left:
                left.remove(name)
                yield name, x

    @property
    def precision(self) -> torch.dtype:
        """What it computes in: that of its weights."""
        return self.conv1_1.weight.dtype

    def for_painting(self, precision: torch.dtype = torch.float32, edges: str = "mirror") -> "FeatureNetwork":
        """A copy for the optimisation of pixels: it computes in `precision`, gives its activations in it, and mirrors them at the edges.

        torch.bfloat16 has float32's range and 8 of its 24 bits of mantissa, in two bytes: half the memory, and fast where the processor
        multiplies it by itself (`fast_precision`). The weights of the copy lie channels-last, the order that fast convolutions want.
        Zeros beyond the edge are a dark frame around every picture, and an optimisation that tries to make up for it leaves lines of one or
        two pixels along the edges; mirrored, there is no frame (as in the encoder of Huang and Belongie, 2017). Blocks 1 and 2 are
        enough: deeper, a position is a patch of four pixels and more, and VGG-19's own zeros keep what it was trained for.
        Images are float32 as before.
        """
        weights = {name: value for name, value in self.state_dict().items() if name.startswith("conv")}
        network = FeatureNetwork(weights, mean=self.mean.flatten().tolist(), std=self.std.flatten().tolist(), pooling=self.pooling,
                                 edges=edges, name=self.name).to(self.mean.device)
        order = torch.contiguous_format if self.mean.device.type == "mps" else torch.channels_last
        for convolution in network.children():
            convolution.to(dtype=precision, memory_format=order)
        return network

    def _check(self, image: Tensor, wanted: list[str]) -> None:
        for name in wanted:
            if name not in self.layers:
                near = difflib.get_close_matches(name, self.layers, n=1, cutoff=0) or self.layers[:1]
                raise ValueError(f"{self.name} has no layer {name!r}; did you mean {near[0]!r}? "
                                 f"Its layers run from {self.layers[0]} to {self.layers[-1]}.")
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"The image has shape {tuple(image.shape)}; wanted (1, 3, height, width). "
                             "nstlib.load_image makes one from any picture.")
        least = {name: least_size(name) for name in wanted}
        if least and min(image.shape[-2:]) < max(least.values()):
            name = max(least, key=least.get)
            raise ValueError(f"The picture is {image.shape[-1]} × {image.shape[-2]} pixels; {name} needs at least "
                             f"{least[name]} × {least[name]}. Use a larger picture or a shallower layer.")
        if self.edges == "mirror" and min(image.shape[-2:]) < 4:
            raise ValueError(f"The picture is {image.shape[-1]} × {image.shape[-2]} pixels; to be mirrored at its edges it needs at least "
                             '4 × 4. Use a larger picture or edges="zeros".')

    def extra_repr(self) -> str:
        return f"{self.name!r}, pooling={self.pooling!r}, edges={self.edges!r}"


class _MirrorConv2d(nn.Conv2d):
    """A convolution of a feature map that goes on as its mirror image."""

    def forward(self, x: Tensor) -> Tensor:
        convolve = F.conv2d if self.weight.requires_grad else _FrozenConvolution.apply
        return convolve(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, self.bias)


class _FrozenConvolution(torch.autograd.Function):
    """Convolution with a gradient for its input alone, the transposed convolution. Unlike PyTorch's own it keeps nothing but the weights
    for that: no mirrored copy of every large feature map."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return F.conv2d(x, weight, bias)

    @staticmethod
    def backward(ctx, derivative: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return F.conv_transpose2d(derivative, weight), None, None


def least_size(layer: str) -> int:
    """Shorter side in pixels that a picture must have so that `layer` has at least one position.

    >>> least_size("relu1_1"), least_size("relu5_1"), least_size("pool5")
    (1, 16, 32)
    """
    block = int(layer[4])
    return 2**block if layer.startswith("pool") else 2 ** (block - 1)


def _layer_names(network: nn.Module) -> list[str]:
    names = []
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, 1):
        for index in range(1, count + 1):
            if not hasattr(network, f"conv{block}_{index}"):
                return names
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        names.append(f"pool{block}")
    return names


@torch.no_grad()
def normalize_activations(network: FeatureNetwork, images: Iterable[Tensor]) -> FeatureNetwork:
    """The paper's rescaling: the same network with every filter's mean activation over images and positions equal to one.

    With μᵢ the mean of filter i of layer l after its ReLU, W′ᵢⱼ = Wᵢⱼ μⱼ⁽ˡ⁻¹⁾ / μᵢ⁽ˡ⁾ and b′ᵢ = bᵢ / μᵢ⁽ˡ⁾ (Gatys et al. 2016,
    section 2). A ReLU network's activations only scale along, F′ᵢ = Fᵢ / μᵢ: nothing else changes, for either kind of pooling.

    Parameters
    ----------
    network : FeatureNetwork
    images : Tensors (B, 3, H, W) in [0, 1], any sizes, at least one

    Returns
    -------
    FeatureNetwork: a new one. A filter that no image excites (mean zero) keeps its scale.
    """
    relus = [name for name in network.layers if name.startswith("relu")]
    total, positions = dict.fromkeys(relus, 0.0), dict.fromkeys(relus, 0)
    for image in images:
        for name, features in network(image, relus).items():
            total[name] = total[name] + features.cpu().double().sum((0, 2, 3))  # Apple's MPS has no double
            positions[name] += features.shape[0] * features.shape[2] * features.shape[3]
    if not positions["relu1_1"]:
        raise ValueError("normalize_activations needs at least one image, and `images` is empty.")
    weights, before = {}, None
    for name in relus:
        mean = total[name] / positions[name]
        mean = torch.where(mean > 0, mean, 1.0).to(network.mean)
        convolution = network.get_submodule(name.replace("relu", "conv"))
        weight = convolution.weight / mean.view(-1, 1, 1, 1)
        weights[name.replace("relu", "conv") + ".weight"] = weight if before is None else weight * before.view(1, -1, 1, 1)
        weights[name.replace("relu", "conv") + ".bias"] = convolution.bias / mean
        before = mean
    return FeatureNetwork(weights, mean=network.mean.flatten().tolist(), std=network.std.flatten().tolist(),
                          pooling=network.pooling, edges=network.edges, name=network.name).to(network.mean.device)


def load_network(name: str = "mini", *, pooling: str = "average", normalized: bool = True, seed: int = 0,
                 device: str | torch.device | None = None) -> FeatureNetwork:
    """A network by name, frozen and ready to look at pictures.

    Parameters
    ----------
    name : "mini", "vgg19" or "random"
        - "mini" ships with nstlib (4 MB, works offline): VGG-19's sixteen convolutions at a fraction of their width. Its blocks 1 to 3
          were taught to see as the real VGG-19's do, blocks 4 and 5 as its third block does in smaller copies (data/README.md).
        - "vgg19" is the paper's, with torchvision's weights: a download of 548 MB on first use, kept under TORCH_HOME.
        - "random" has the shape of "mini" and untrained weights, for comparison.
    pooling : "average" (as in the paper) or "max"
    normalized : bool
        Rescale every filter to a mean activation of one, as in the paper (`normalize_activations` over the shipped pictures;
        "mini" is stored that way). False: the weights as they were trained ("vgg19", "random").
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
        raise ValueError(f"There is no network {name!r}; " + (f"did you mean {near[0]!r}?" if near else "")
                         + ' Known are "mini", "vgg19" and "random".')
    if name == "mini":
        if not normalized:
            raise ValueError('"mini" is stored with its activations normalised, there is no other version of it; leave out '
                             'normalized=False, or take "vgg19".')
        weights = _mini_weights()
    elif name == "vgg19":
        weights = _vgg19_weights()
    else:
        weights = _random_weights(_mini_weights(), seed)
    network = FeatureNetwork(weights, pooling=pooling, name=name)
    if normalized and (name != "mini" or pooling != "average"):
        network = normalize_activations(network, _shipped_pictures())
    return network.to(device or default_device())


def default_device() -> torch.device:
    """CUDA where there is a usable GPU, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@functools.cache
def fast_precision(device: torch.device) -> torch.dtype:
    """torch.bfloat16 where a convolution and its gradient are clearly faster in it, else torch.float32.

    Found by a measurement (about 0.1 s) and remembered: some processors have no instruction for bfloat16 and are slower with it.
    """
    def seconds(precision: torch.dtype) -> float:
        image = torch.ones(1, 64, 96, 96, device=device, dtype=precision).to(memory_format=torch.channels_last).requires_grad_(True)
        weight = torch.ones(64, 64, 3, 3, device=device, dtype=precision).to(memory_format=torch.channels_last)
        started = time.perf_counter()
        F.conv2d(image, weight, padding=1).sum().backward()
        image.grad.sum().item()  # waits for a GPU
        return time.perf_counter() - started

    try:  # in turn, so that other work of the machine falls on both alike
        turns = [(seconds(torch.float32), seconds(torch.bfloat16)) for _ in range(8)]
    except (RuntimeError, TypeError, NotImplementedError):  # a device that has no bfloat16
        return torch.float32
    plain, half = map(min, zip(*turns, strict=True))
    return torch.bfloat16 if half < plain / 1.2 else torch.float32


def _mini_weights() -> dict[str, Tensor]:
    file = DATA / "mini.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"The network file {file.name} is missing from {DATA}; install nstlib again.")
    data = file.read_bytes()
    wanted = json.loads((DATA / "mini.json").read_text(encoding="utf-8"))["sha256"]
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(f"{file} is damaged: its SHA-256 is not the one in mini.json. Get the file again (git checkout "
                         "data/mini.safetensors, or install nstlib again).")
    return load_safetensors(data)


def _vgg19_weights() -> dict[str, Tensor]:
    """torchvision's VGG-19, opened only if its bytes are the ones promised; the three large linear layers are dropped."""
    from torchvision.models import VGG19_Weights  # here, not above: "mini" does not need torchvision

    url = VGG19_Weights.IMAGENET1K_V1.url
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    promised = file.stem.rsplit("-", 1)[-1]  # the name ends in the first digits of its SHA-256
    instead = 'load_network("mini") needs no download.'
    try:
        if not file.exists():
            with one_at_a_time(file):
                if not file.exists():  # nobody else has fetched it while we waited
                    torch.hub.download_url_to_file(url, str(file), promised)
    except urllib.error.URLError as error:
        raise ConnectionError(f"VGG-19's weights (548 MB) could not be downloaded from {url}: {' '.join(str(error.reason).split())}. "
                              f"Try again with a network; {instead}") from None
    except OSError as error:
        raise ConnectionError(f"VGG-19's weights could not be downloaded to {file}: {error}. Free 600 MB there or set TORCH_HOME "
                              f"to another folder; {instead}") from None
    except Exception as error:  # a bad hash, an answer that is none: torch and http raise many kinds
        raise ConnectionError(f"VGG-19's weights did not arrive whole from {url} ({type(error).__name__}) and were "
                              f"thrown away. Try again; {instead}") from None
    if not sha256(file).startswith(promised):  # before anything in it is read
        try:
            file.unlink()
        except OSError:
            raise ValueError(f"The file of VGG-19's weights is damaged. Delete {file} and try again; {instead}") from None
        raise ValueError(f"The file of VGG-19's weights was damaged and is thrown away: {file}. Try again, which downloads it anew "
                         f"(548 MB); {instead}")
    state = torch.load(file, map_location="cpu", weights_only=True)
    indices = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    return {f"conv{name}.{part}": state[f"features.{index}.{part}"]
            for name, index in zip(CONVOLUTIONS, indices, strict=True) for part in ("weight", "bias")}


def _random_weights(like: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """He's initialisation (2015) for the shapes of `like`: normal with variance 2 / inputs, no bias."""
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5 if value.ndim == 4
            else torch.zeros(value.shape) for key, value in sorted(like.items())}  # sorted: safetensors promises no order


def _shipped_pictures(size: int = 256) -> list[Tensor]:
    return [load_image(name, size=size) for name in picture_names() if picture_info(name)["source"] == "shipped"]

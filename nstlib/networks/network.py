"""`FeatureNetwork`: the convolutional part of a VGG-19, of any width."""

from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nstlib.networks.devices import as_dtype
from nstlib.networks.layers import CONVOLUTIONS, LAYERS, check_size, layer_names

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FeatureNetwork(nn.Module):
    """The convolutions, ReLUs and poolings of a VGG-19, any width, frozen: `network(image, layers)` gives named
    activations.

    Parameters
    ----------
    weights : dict of name -> Tensor
        `convB_I.weight` (out, in, 3, 3) and `convB_I.bias` (out,) for the sixteen convolutions in order, or for the
        first few.
    mean, std : three floats
        Input normalisation: the first convolution sees (image - mean) / std, channel by channel, image in [0, 1].
    pooling : "average" or "max"
        The paper paints with average pooling; VGG-19 was trained with max pooling.
    edges : "zeros" or "mirror"
        What the convolutions of blocks 1 and 2 find beyond the edge of a feature map: zeros, as VGG-19 was trained, or
        its mirror image.
    name : str
        What the network calls itself.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        *,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        pooling: str = "average",
        edges: str = "zeros",
        name: str = "network",
    ):
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
            kind = MirrorConv2d if edges == "mirror" and key[0] in "12" else nn.Conv2d
            convolution = nn.utils.skip_init(kind, weight.shape[1], weight.shape[0], 3, padding=1)
            convolution.weight.data, convolution.bias.data = weight.clone(), bias.clone()
            self.add_module(f"conv{key}", convolution)
        self.layers = _layer_names(self)
        known = {f"{name}.{part}" for name in self.layers if name.startswith("conv") for part in ("weight", "bias")}
        if not known or not known.issuperset(weights):
            raise ValueError(
                f"weights has {next((key for key in weights if key not in known), 'nothing')!r}; wanted are the names "
                "conv1_1.weight, conv1_1.bias, conv1_2.weight and so on, in VGG-19's order and none left out."
            )
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Activations of `image` at the named layers; nothing deeper than the deepest of them is computed.

        Parameters
        ----------
        image : Tensor (B, 3, H, W), in [0, 1]; brought to the network's device
        layers : names such as "relu4_2"

        Returns
        -------
        dict of name -> Tensor (B, C, h, w), in the order asked for; h = H // 2**(block - 1), and after `poolB` H //
            2**B

        Raises
        ------
        ValueError
            An unknown name, or a picture too small for the deepest layer.
        """
        wanted = layer_names(layers, self.layers, self.name)
        found = dict(self.activations(image, wanted))
        return {name: found[name] for name in wanted}

    def activations(self, image: Tensor, layers: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """As `forward`, but one (name, activation) at a time, from shallow to deep.

        A loss that is calculated between two of them is differentiated between them too, and nothing of it is held
        before or after.
        """
        wanted = layer_names(layers, self.layers, self.name)
        self._check(image, wanted)
        x, left = ((image.to(self.device) - self.mean) / self.std).to(self.dtype), set(wanted)
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
    def device(self) -> torch.device:
        """Where it computes."""
        return self.conv1_1.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in: that of its weights."""
        return self.conv1_1.weight.dtype

    def for_optimization(self, precision: str = "float32", edges: str = "mirror") -> "FeatureNetwork":
        """A copy for the optimisation of pixels, with mirrored edges.

        Parameters
        ----------
        precision : "float32", "bfloat16" or "auto"
            Of its weights and activations. bfloat16 has float32's range and 8 of its 24 bits of mantissa, in two bytes.
            It needs half the memory, and is fast on processors that multiply it directly. "auto" takes the faster one
            (`fast_precision`). Images are float32 in any case.
        edges : "mirror" or "zeros"
            Zeros beyond the edge are a dark frame around every picture. An optimisation tries to make up for it, which
            leaves lines of one or two pixels along the edges. With mirrored edges there is no frame (as in the encoder
            of Huang and Belongie, 2017). Only blocks 1 and 2 are mirrored: deeper, a position covers four pixels or
            more, and VGG-19 was trained with zeros.

        The weights of the copy are stored channels-last, the order that fast convolutions use.
        """
        weights = {name: value for name, value in self.state_dict().items() if name.startswith("conv")}
        network = FeatureNetwork(
            weights,
            mean=self.mean.flatten().tolist(),
            std=self.std.flatten().tolist(),
            pooling=self.pooling,
            edges=edges,
            name=self.name,
        ).to(self.device)
        order = torch.contiguous_format if self.device.type == "mps" else torch.channels_last
        for convolution in network.children():
            convolution.to(dtype=as_dtype(precision, self.device), memory_format=order)
        return network

    def _check(self, image: Tensor, wanted: Sequence[str]) -> None:
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f"The image has shape {tuple(image.shape)}; wanted (1, 3, height, width). "
                "nstlib.load_image makes one from any picture."
            )
        check_size("The picture", image.shape[-2:], wanted)
        if self.edges == "mirror" and min(image.shape[-2:]) < 4:
            raise ValueError(
                f"The picture is {image.shape[-1]} × {image.shape[-2]} pixels; to be mirrored at its edges it needs "
                'at least 4 × 4. Use a larger picture or edges="zeros".'
            )

    def extra_repr(self) -> str:
        return f"{self.name!r}, pooling={self.pooling!r}, edges={self.edges!r}"


class MirrorConv2d(nn.Conv2d):
    """A convolution of a feature map that goes on as its mirror image."""

    def forward(self, x: Tensor) -> Tensor:
        convolve = F.conv2d if self.weight.requires_grad else FrozenConvolution.apply
        return convolve(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, self.bias)


class FrozenConvolution(torch.autograd.Function):
    """Convolution with a gradient for its input alone, the transposed convolution. Unlike PyTorch's own it keeps
    nothing but the weights for that: no mirrored copy of every large feature map."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return F.conv2d(x, weight, bias)

    @staticmethod
    def backward(ctx, derivative: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return F.conv_transpose2d(derivative, weight), None, None


def _layer_names(network: nn.Module) -> list[str]:
    """Those of VGG-19's names that come before the first convolution that `network` does not have."""
    missing = [f"conv{key}" for key in CONVOLUTIONS if not hasattr(network, f"conv{key}")]
    return list(LAYERS[: LAYERS.index(missing[0])] if missing else LAYERS)


def check_network(network: object) -> None:
    """ValueError, which says how to get one, where `network` is no `FeatureNetwork`."""
    if not isinstance(network, FeatureNetwork):
        what = repr(network) if isinstance(network, str) else f"a {type(network).__name__}"
        raise ValueError(
            f'network is {what}; wanted a FeatureNetwork, as load_network("mini") and load_network("vgg19", '
            "normalized=False) give."
        )

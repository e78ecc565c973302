"""The names of VGG-19's layers, and what follows from a name alone.

VGG-19 has sixteen 3 × 3 convolutions in five blocks of 2, 2, 4, 4 and 4 (Simonyan and Zisserman, 2015), each followed
by a ReLU, and a 2 × 2 pooling after each block. Every activation has one name:

    conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 ... relu5_4 pool5

`convB_I` is the activation before the ReLU, `reluB_I` after it. The paper's "conv4_2" is `relu4_2`: the factor [F > 0]
in its equations 2 and 6 is the derivative of the ReLU. Lesson: notebooks/02_activations.
"""

import difflib
import math
import re
from collections.abc import Iterable, Sequence

from nstlib.images import resized_shape

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
CONVOLUTIONS = tuple(f"{b}_{i}" for b, n in enumerate(CONVOLUTIONS_PER_BLOCK, 1) for i in range(1, n + 1))
#: All names, in order. torchvision's `vgg19().features` has the same order, so its index is the index here.
LAYERS = tuple(
    name
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK, 1)
    for name in [f"{kind}{block}_{i}" for i in range(1, count + 1) for kind in ("conv", "relu")] + [f"pool{block}"]
)
VGG19_WIDTHS = (64, 128, 256, 512, 512)  # filters of a convolution in each block of VGG-19


def layer_names(layers: str | Iterable[str], known: Sequence[str] = LAYERS, owner: str = "VGG-19") -> tuple[str, ...]:
    """The names as a tuple, each looked up: the check of every function that takes layers.

    Parameters
    ----------
    layers : one name or several
    known : the names that there are
    owner : whose names they are, for the message

    Raises
    ------
    ValueError: one of them is no such name. The message says what tutorials and other libraries mean by it.

    >>> layer_names("relu4_2"), layer_names(["relu1_1", "pool1"])
    (('relu4_2',), ('relu1_1', 'pool1'))
    >>> layer_names(["block4_conv2"])
    Traceback (most recent call last):
    ValueError: VGG-19 has no layer 'block4_conv2'; Keras's block4_conv2 is 'relu4_2' here, and 'conv4_2' before its \
ReLU. Its layers run from conv1_1 to pool5.
    """
    several = isinstance(layers, Iterable) and not isinstance(layers, (str, bytes))
    names = tuple(layers) if several else (layers,)
    for name in names:
        if not isinstance(name, str) or name not in known:
            hint = meant_by(name, known)
            raise ValueError(
                f"{owner} has no layer {name!r:.80}{'; ' + hint if hint else '.'} Its layers run from {known[0]} to "
                f"{known[-1]}."
            )
    return names


def meant_by(name: object, known: Sequence[str] = LAYERS) -> str:
    """What a name that is not one of `known` probably means, as the end of a sentence; "" where nothing is near.

    >>> meant_by("conv_4"), meant_by("Relu4-2")
    ("the PyTorch tutorial's conv_4 is 'conv2_2' here, and 'relu2_2' after its ReLU.", "did you mean 'relu4_2'?")
    >>> meant_by(21)
    "index 21 of torchvision's vgg19 is 'conv4_2' here, and 'relu4_2' after its ReLU."
    """
    text, whose, here = str(name).strip().lower(), "", ""
    if found := re.search(r"block(\d)_(?:conv(\d)|pool)$", text):
        whose, here = f"Keras's {found[0]}", f"relu{found[1]}_{found[2]}" if found[2] else f"pool{found[1]}"
    elif found := re.fullmatch(r"(?:.*features\W?)?(\d{1,2})\W?", text):
        whose, here = f"index {int(found[1])} of torchvision's vgg19", dict(enumerate(LAYERS)).get(int(found[1]))
    elif found := re.fullmatch(r"(conv|relu|pool)_(\d{1,2})", text):  # counted through the network; a pooling counts on
        key = dict(enumerate(CONVOLUTIONS, 1)).get(int(found[2]), "")
        whose, here = f"the PyTorch tutorial's {text}", f"pool{key[:1]}" if found[1] == "pool" else found[1] + key
    if here in known:
        kind, key = here[:4], here[4:]
        more = {"conv": f", and 'relu{key}' after its ReLU", "relu": f", and 'conv{key}' before its ReLU", "pool": ""}
        return f"{whose} is {here!r} here{more[kind]}."
    if found := re.findall(r"(?<!\d)(\d)[\W_]?(\d)(?!\d)", text):  # "4_2", "r42", "vgg_19/conv4/conv4_2"
        key, kind = "_".join(found[-1]), next((kind for kind in ("relu", "conv") if kind in text), "")
        kind = kind or {"r": "relu", "c": "conv"}.get(text[0], "")
        if kind + key in known:
            return f"did you mean {kind + key!r}?"
        if not kind and "conv" + key in known:
            return f"did you mean 'conv{key}', or 'relu{key}' after its ReLU (the paper's conv{key})?"
    if alike := [layer for layer in known if text and layer.startswith(text)]:  # "relu", "conv4"
        return f"there are {len(alike)} that begin so, {alike[0]} to {alike[-1]}: say which."
    near = [] if text in LAYERS else difflib.get_close_matches(text, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def block_of(layer: str) -> int:
    """The block of a layer.

    >>> block_of("conv4_2"), block_of("pool1")
    (4, 1)
    """
    layer_names([layer])
    return int(layer[4])


def least_size(layer: str) -> int:
    """Shorter side in pixels that a picture must have so that `layer` has at least one position.

    >>> least_size("relu1_1"), least_size("relu5_1"), least_size("pool5")
    (1, 16, 32)
    """
    block = block_of(layer)
    return 2**block if layer.startswith("pool") else 2 ** (block - 1)


def check_size(picture: str, shape: Sequence[int], layers: Iterable[str]) -> None:
    """ValueError where a picture of `shape`, (H, W), is too small for one of `layers`; `picture` names it.

    >>> check_size("The painting", (13, 384), ["relu1_1", "relu5_1"])
    Traceback (most recent call last):
    ValueError: The painting is 384 × 13 pixels; relu5_1 needs at least 16 × 16. Use a larger picture or a shallower \
layer.
    """
    deepest = max(layers, key=least_size, default="conv1_1")
    if min(shape) < least_size(deepest):
        least = least_size(deepest)
        raise ValueError(
            f"{picture} is {shape[1]} × {shape[0]} pixels; {deepest} needs at least {least} × {least}. Use a larger "
            "picture or a shallower layer."
        )


def check_shapes(
    pictures: dict[str, Sequence[int]], shape: Sequence[int], layers: Iterable[str], *, style_scale: float = 1
) -> None:
    """ValueError, with a size that works, where a picture is too small or too narrow for the deepest of `layers`.

    Parameters
    ----------
    pictures : "photograph", or "painting" ("painting 2", …) -> its own (H, W). A photograph takes the shape of the
        result; a painting keeps its proportions, and its longer side becomes `style_scale` times that of the result.
    shape : (H, W) of the result
    layers : names of activations

    >>> check_shapes({"photograph": (300, 400), "painting": (200, 6000)}, (288, 384), ["relu5_1"])
    Traceback (most recent call last):
    ValueError: The painting is 6000 × 200 pixels, and 384 × 13 for a result of size 384; relu5_1 needs at least \
16 × 16. Ask for a size of 480, or for shallower layers.
    """
    size, deepest = max(shape), max(layers, key=least_size, default="conv1_1")
    least = least_size(deepest)
    for name, own in pictures.items():
        height, width = shape if name == "photograph" else resized_shape(own, scaled_size(size, style_scale))
        if min(height, width) < least:
            fits = max(
                math.ceil(least * max(each) / min(each) / (1 if other == "photograph" else style_scale))
                for other, each in pictures.items()
            )
            raise ValueError(
                f"The {name} is {own[1]} × {own[0]} pixels, and {width} × {height} for a result of size {size}; "
                f"{deepest} needs at least {least} × {least}. Ask for a size of {fits}, or for shallower layers."
            )


def scaled_size(size: int, style_scale: float) -> int:
    """Longer side of a painting for a result of this size."""
    return max(1, round(size * style_scale))


def receptive_field(layer: str) -> tuple[int, int, int]:
    """What one position of a layer sees, in pixels: (size, stride, start). Exercise of notebooks/02_activations.

    Position (i, j) sees the square of `size` × `size` pixels whose first row is i · stride + start and whose first
    column is j · stride + start; what lies outside the picture is zero (padding). A 3 × 3 convolution adds two steps of
    its input, a pooling adds one and doubles the step.

    >>> receptive_field("relu1_1"), receptive_field("pool1"), receptive_field("relu2_1")
    ((3, 1, -1), (6, 2, -2), (10, 2, -4))
    """
    size, stride, start, block = 1, 1, 0, block_of(layer)
    for b in range(1, block + 1):
        convolutions = CONVOLUTIONS_PER_BLOCK[b - 1] if b < block or layer.startswith("pool") else int(layer[6])
        size, start = size + 2 * stride * convolutions, start - stride * convolutions
        if b < block or layer.startswith("pool"):
            size, stride = size + stride, 2 * stride
    return size, stride, start

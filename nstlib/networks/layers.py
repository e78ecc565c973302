"""The names of VGG-19's layers, and what follows from a name alone.

VGG-19 has sixteen 3 × 3 convolutions in five blocks of 2, 2, 4, 4 and 4 (Simonyan and Zisserman, 2015), each followed
by a ReLU, and a 2 × 2 pooling after each block. Every activation has one name:

    conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 ... relu5_4 pool5

`convB_I` is the activation before the ReLU, `reluB_I` after it. The paper's "conv4_2" is `relu4_2`: the factor [F > 0]
in its equations 2 and 6 is the derivative of the ReLU. Lesson: notebooks/02_activations.
"""

CONVOLUTIONS_PER_BLOCK = (2, 2, 4, 4, 4)
CONVOLUTIONS = tuple(f"{b}_{i}" for b, n in enumerate(CONVOLUTIONS_PER_BLOCK, 1) for i in range(1, n + 1))
VGG19_WIDTHS = (64, 128, 256, 512, 512)  # filters of a convolution in each block of VGG-19


def block_of(layer: str) -> int:
    """The block of a layer.

    >>> block_of("conv4_2"), block_of("pool1")
    (4, 1)
    """
    return int(layer[4])


def least_size(layer: str) -> int:
    """Shorter side in pixels that a picture must have so that `layer` has at least one position.

    >>> least_size("relu1_1"), least_size("relu5_1"), least_size("pool5")
    (1, 16, 32)
    """
    block = block_of(layer)
    return 2**block if layer.startswith("pool") else 2 ** (block - 1)


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

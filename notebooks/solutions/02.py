# Solutions of lesson 02. Cells as in tests/course/test_exercises.py: a solution, another way, and wrong answers with the hint that each must get.

# %% patch_rows
def my_patch_rows(layer, i):
    size, step, start = 1, 1, 0
    for name in nstlib.load_network("mini").layers:
        if name.startswith("conv"):
            size, start = size + 2 * step, start - step
        elif name.startswith("pool"):
            size, step = size + step, step * 2
        if name == layer:
            return i * step + start, i * step + start + size - 1


# %% patch_rows, another way
def my_patch_rows(layer, i):
    first = last = i
    layers = nstlib.load_network("mini").layers
    for name in reversed(layers[:layers.index(layer) + 1]):  # back, layer by layer, to the picture
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return first, last


# %% patch_rows, wrong: The poolings are missing
def my_patch_rows(layer, i):
    n = sum((2, 2, 4, 4, 4)[:int(layer[4]) - 1]) + int(layer[6])
    return i - n, i + n


# %% patch_rows, wrong: That is the stride only
def my_patch_rows(layer, i):
    stride = 2 ** (int(layer[4]) - 1)
    return i * stride, i * stride + stride - 1


# %% patch_rows, wrong: Off by one
def my_patch_rows(layer, i):
    size, step, start = 1, 1, 0
    for name in nstlib.load_network("mini").layers:
        if name.startswith("conv"):
            size, start = size + 2 * step, start - step
        elif name.startswith("pool"):
            size, step = size + step, step * 2
        if name == layer:
            return i * step + start, i * step + start + size


# %% patch_rows, wrong: The stride is missing
def my_patch_rows(layer, i):
    size, step, start = 1, 1, 0
    for name in nstlib.load_network("mini").layers:
        if name.startswith("conv"):
            size, start = size + 2 * step, start - step
        elif name.startswith("pool"):
            size, step = size + step, step * 2
        if name == layer:
            return i + start, i + start + size - 1


# %% patch_rows, wrong: A field does not begin at i times the stride
def my_patch_rows(layer, i):
    size, step, start = 1, 1, 0
    for name in nstlib.load_network("mini").layers:
        if name.startswith("conv"):
            size, start = size + 2 * step, start - step
        elif name.startswith("pool"):
            size, step = size + step, step * 2
        if name == layer:
            return i * step, i * step + size - 1


# %% patch_rows, wrong: A pooling looks at 2 × 2 values itself
def my_patch_rows(layer, i):
    first = last = i
    layers = nstlib.load_network("mini").layers
    for name in reversed(layers[:layers.index(layer) + 1]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last
    return first, last


# %% patch_rows, wrong: Do not stop at the picture's edge
def my_patch_rows(layer, i):
    first = last = i
    layers = nstlib.load_network("mini").layers
    for name in reversed(layers[:layers.index(layer) + 1]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return max(0, first), last


# %% normalize_input
def my_normalize_input(image):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (image - mean) / std


# %% normalize_input, another way
def my_normalize_input(image):
    channels = [(image[:, c] - m) / s for c, m, s in zip(range(3), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    return torch.stack(channels, dim=1)


# %% normalize_input, wrong: The means are in the order blue, green, red
def my_normalize_input(image):
    mean = torch.tensor([0.406, 0.456, 0.485]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (image - mean) / std


# %% normalize_input, wrong: Means and deviations are in the order blue, green, red
def my_normalize_input(image):
    mean = torch.tensor([0.406, 0.456, 0.485]).view(1, 3, 1, 1)
    std = torch.tensor([0.225, 0.224, 0.229]).view(1, 3, 1, 1)
    return (image - mean) / std


# %% normalize_input, wrong: pixels are in [0, 1] here, not in 0 to 255
def my_normalize_input(image):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (255 * image - mean) / std


# %% normalize_input, wrong: The division is missing
def my_normalize_input(image):
    return image - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)


# %% normalize_input, wrong: ran along the width
def my_normalize_input(image):
    return (image - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])


# %% normalize_input, wrong: changed its input in place
def my_normalize_input(image):
    image -= torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    return image / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


# %% sparsity
def my_sparsity(features):
    return (features == 0).float().mean(dim=(0, 2, 3))


# %% sparsity, another way
def my_sparsity(features):
    flat = features[0].flatten(1)  # (C, M)
    return 1 - torch.count_nonzero(flat, dim=1) / flat.shape[1]


# %% sparsity, wrong: You averaged over the channels
def my_sparsity(features):
    return (features == 0).float().mean(dim=1)


# %% sparsity, wrong: where the channel fires
def my_sparsity(features):
    return (features > 0).float().mean(dim=(0, 2, 3))


# %% sparsity, wrong: one number for all channels together
def my_sparsity(features):
    return (features == 0).float().mean()


# %% sparsity, wrong: That is how many positions
def my_sparsity(features):
    return (features == 0).sum(dim=(0, 2, 3))

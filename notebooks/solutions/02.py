# Solutions of lesson 02. Cells as in tests/course/test_exercises.py: a solution, another way, and wrong answers with the hint that each must get.
# `# - OLD` and `# + NEW`: the first solution of this exercise, with OLD replaced by NEW.

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


# %% patch_rows, wrong: one layer too early
def my_patch_rows(layer, i):
    first = last = i
    layers = nstlib.load_network("mini").layers
    for name in reversed(layers[:layers.index(layer)]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return first, last


# %% patch_rows, wrong: right for some inputs, but not for ('relu3_1', 5)
def my_patch_rows(layer, i):
    size, stride, start = {"relu1_1": (3, 1, -1), "relu1_2": (5, 1, -2), "conv2_2": (14, 2, -6), "relu2_1": (10, 2, -4)}.get(layer, (24, 4, -12))
    return i * stride + start, i * stride + start + size - 1


# %% patch_rows, wrong: Off by one
# - start + size - 1
# + start + size

# %% patch_rows, wrong: the last row is wanted
# - i * step + start + size - 1
# + size

# %% patch_rows, wrong: The stride is missing
# - return i * step + start, i * step + start + size - 1
# + return i + start, i + start + size - 1

# %% patch_rows, wrong: A field does not begin at i times the stride
# - return i * step + start, i * step + start + size - 1
# + return i * step, i * step + size - 1

# %% patch_rows, wrong: the first row lies before i times the stride
# - return i * step + start, i * step + start + size - 1
# + return i * step - start, i * step - start + size - 1

# %% patch_rows, wrong: not at i times the stride
# - return i * step + start, i * step + start + size - 1
# + return i * step - size // 2, i * step - size // 2 + size - 1

# %% patch_rows, wrong: not at i times the stride
# - return i * step + start, i * step + start + size - 1
# + return i * step - size // 2, i * step + size // 2

# %% patch_rows, wrong: You doubled the step before the pooling had used it
# - size, step = size + step, step * 2
# + step *= 2; size += step

# %% patch_rows, wrong: A pooling looks at 2 × 2 values itself
# - size, step = size + step, step * 2
# + step *= 2

# %% patch_rows, wrong: A pooling looks ahead only
# - size, step = size + step, step * 2
# + size, start, step = size + 2 * step, start - step, step * 2

# %% patch_rows, wrong: Do not stop at the picture's edge
# - return i * step + start, i * step + start + size - 1
# + return max(0, i * step + start), i * step + start + size - 1


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


# %% normalize_input, wrong: is what other networks want
def my_normalize_input(image):
    return (image - 0.5) / 0.5


# %% normalize_input, wrong: this picture's own mean and deviation
def my_normalize_input(image):
    return (image - image.mean(dim=(2, 3), keepdim=True)) / image.std(dim=(2, 3), keepdim=True)


# %% normalize_input, wrong: this picture's own mean and deviation
def my_normalize_input(image):
    return (image - image.mean()) / image.std()


# %% normalize_input, wrong: stretched this picture
def my_normalize_input(image):
    return (image - image.min()) / (image.max() - image.min())


# %% normalize_input, wrong: the type is not: yours is torch.float64
def my_normalize_input(image):
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
    return (image - mean) / std


# %% normalize_input, wrong: yours is (3, 4, 3), (1, 3, 4, 3) is wanted
def my_normalize_input(image):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (image[0] - mean) / std


# %% normalize_input, wrong: The order is wrong
def my_normalize_input(image):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return image / std - mean


# %% normalize_input, wrong: exchanged
def my_normalize_input(image):
    std = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    mean = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (image - mean) / std


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


# %% sparsity, wrong: A weak activation is not a silent one
def my_sparsity(features):
    return (features < 0.1).float().mean(dim=(0, 2, 3))


# %% sparsity, wrong: A weak activation is not a silent one
def my_sparsity(features):
    return (features.round() == 0).float().mean(dim=(0, 2, 3))


# %% sparsity, wrong: yours is (1, 5), (5,) is wanted
def my_sparsity(features):
    return (features == 0).float().mean(dim=(2, 3))


# %% sparsity, wrong: divided by all numbers of the layer
def my_sparsity(features):
    return (features == 0).sum(dim=(0, 2, 3)) / features.numel()


# %% sparsity, wrong: That is the mean activation
def my_sparsity(features):
    return features.mean(dim=(0, 2, 3))


# %% sparsity, wrong: list; a tensor is wanted
def my_sparsity(features):
    return [(channel == 0).float().mean().item() for channel in features[0]]

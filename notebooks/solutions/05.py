"""Answers to the exercises of lesson 05, right and wrong; tests/course/test_exercises.py runs them all."""

# %% weighted_style_loss
def weighted_style_loss(features, grams, weights):
    total = 0
    for name, A in grams.items():
        F = features[name].flatten(2)
        N, M = F.shape[1:]
        total = total + weights[name] * ((F @ F.mT - A) ** 2).sum() / (4 * N**2 * M**2)
    return total

# %% weighted_style_loss, another way
def weighted_style_loss(features, grams, weights):
    return sum(weights[name] * nstlib.layer_style_loss(features[name], A) for name, A in grams.items())

# %% weighted_style_loss, wrong: The weights are inside the square
def weighted_style_loss(features, grams, weights):
    total = 0
    for name, A in grams.items():
        F = features[name].flatten(2)
        N, M = F.shape[1:]
        total = total + ((weights[name] * (F @ F.mT - A)) ** 2).sum() / (4 * N**2 * M**2)
    return total

# %% weighted_style_loss, wrong: One normaliser for all layers
def weighted_style_loss(features, grams, weights):
    first = next(iter(features.values()))
    N, M = first.shape[1], first.shape[2] * first.shape[3]
    return sum(weights[name] * (nstlib.gram_matrix(features[name]) - A).square().sum() / (4 * N**2 * M**2) for name, A in grams.items())

# %% weighted_style_loss, wrong: The weights are missing
def weighted_style_loss(features, grams, weights):
    return sum(nstlib.layer_style_loss(features[name], A) for name, A in grams.items())

# %% weighted_style_loss, wrong: the last layer only
def weighted_style_loss(features, grams, weights):
    for name, A in grams.items():
        total = weights[name] * nstlib.layer_style_loss(features[name], A)
    return total

# %% alpha_for
def alpha_for(alpha, width, height):
    return alpha * 512**2 / (width * height)

# %% alpha_for, another way
def alpha_for(alpha, width, height):
    share = (width / 512) * (height / 512)
    return torch.tensor(alpha / share)

# %% alpha_for, wrong: The other way round
def alpha_for(alpha, width, height):
    return alpha * width * height / 512**2

# %% alpha_for, wrong: Count pixels, not the longer side
def alpha_for(alpha, width, height):
    return alpha * 512 / max(width, height)

# %% alpha_for, wrong: α does not stay
def alpha_for(alpha, width, height):
    return alpha

# %% to_bytes
def to_bytes(image):
    return (image * 255).round().clamp(0, 255).to(torch.uint8)

# %% to_bytes, another way
def to_bytes(image):
    return (image.clamp(0, 1) * 255 + 0.5).floor().byte()

# %% to_bytes, wrong: The strays wrap around
def to_bytes(image):
    return (image * 255).to(torch.int64).to(torch.uint8)

# %% to_bytes, wrong: Cut off, not rounded
def to_bytes(image):
    return (image.clamp(0, 1) * 255).to(torch.uint8)

# %% to_bytes, wrong: the type is not
def to_bytes(image):
    return (image * 255).round().clamp(0, 255)

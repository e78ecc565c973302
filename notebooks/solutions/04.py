
"""Lesson 04, Gram matrices and style: solutions, and mistakes that the checkers must name (tests/course/test_exercises.py runs all)."""

# %% gram_matrix
def my_gram_matrix(features):
    flat = features.flatten(2)  # (1, N, M)
    return flat @ flat.mT


# %% gram_matrix, with einsum
def my_gram_matrix(features):
    return torch.einsum("bihw,bjhw->bij", features, features)


# %% gram_matrix, by loops
def my_gram_matrix(features):
    rows = [filter.flatten() for filter in features[0]]
    return torch.stack([torch.stack([(f * g).sum() for g in rows]) for f in rows])[None]


# %% gram_matrix, wrong: yours is (3, 3), (1, 3, 3) is wanted
def my_gram_matrix(features):
    rows = features[0].reshape(features.shape[1], -1)
    return rows.mm(rows.t())


# %% gram_matrix, wrong: positions × positions
def my_gram_matrix(features):
    flat = features.flatten(2)
    return flat.mT @ flat


# %% gram_matrix, wrong: stopped with RuntimeError
def my_gram_matrix(features):
    flat = features.flatten(2)
    return flat @ flat  # the transpose is missing


# %% gram_matrix, wrong: mean over positions
def my_gram_matrix(features):
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


# %% gram_matrix, wrong: filters and positions
def my_gram_matrix(features):
    flat = features.flatten(2)
    return flat @ flat.mT / flat[0].numel()


# %% gram_matrix, wrong: covariance
def my_gram_matrix(features):
    flat = features.flatten(2)
    flat = flat - flat.mean(2, keepdim=True)
    return flat @ flat.mT


# %% gram_matrix, wrong: A reshape has mixed
def my_gram_matrix(features):
    _, N, h, w = features.shape
    flat = features.reshape(1, h * w, N)
    return flat.mT @ flat


# %% gram_matrix, wrong: in place
def my_gram_matrix(features):
    flat = features.flatten(2)
    flat /= flat.shape[2]
    return flat @ flat.mT


# %% gram_matrix, wrong: scaled each filter's row to length 1
def my_gram_matrix(features):
    flat = torch.nn.functional.normalize(features.flatten(2), dim=2)
    return flat @ flat.mT


# %% gram_matrix, wrong: that is a correlation
def my_gram_matrix(features):
    return torch.corrcoef(features[0].flatten(1))[None]


# %% gram_matrix, wrong: covariance
def my_gram_matrix(features):
    return torch.cov(features[0].flatten(1))[None]


# %% gram_matrix, wrong: number of filters
def my_gram_matrix(features):
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[1]


# %% gram_matrix, wrong: products of the filters' sums
def my_gram_matrix(features):
    sums = features.sum((2, 3))
    return sums[:, :, None] * sums[:, None, :]


# %% gram_matrix, wrong: the diagonal only
def my_gram_matrix(features):
    return features.square().sum((2, 3))


# %% gram_matrix, wrong: Make each map one long row first
def my_gram_matrix(features):
    return features @ features.mT


# %% layer_style_loss
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    gram = nstlib.gram_matrix(features)
    return (gram - target_gram).square().sum() / (4 * N**2 * M**2)


# %% layer_style_loss, as a mean squared error of Gram matrices per position
def my_layer_style_loss(features, target_gram):
    M = features.shape[2] * features.shape[3]
    gram = nstlib.gram_matrix(features)
    return torch.nn.functional.mse_loss(gram / M, target_gram / M) / 4


# %% layer_style_loss, wrong: ¼ is missing
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (N * M) ** 2


# %% layer_style_loss, wrong: divided by the filters only
def my_layer_style_loss(features, target_gram):
    N = features.shape[1]
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (4 * N**2)


# %% layer_style_loss, wrong: Normalised twice
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    gram, target_gram = nstlib.gram_matrix(features) / M, target_gram / M
    return (gram - target_gram).square().sum() / (4 * N**2 * M**2)


# %% layer_style_loss, wrong: mean over N² entries was taken
def my_layer_style_loss(features, target_gram):
    NM = features[0].numel()
    return torch.nn.functional.mse_loss(nstlib.gram_matrix(features) / NM, target_gram / NM)


# %% layer_style_loss, wrong: This is the mean over entries
def my_layer_style_loss(features, target_gram):
    return torch.nn.functional.mse_loss(nstlib.gram_matrix(features), target_gram)


# %% layer_style_loss, wrong: as squares
def my_layer_style_loss(features, target_gram):
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (4 * features.numel())


# %% layer_style_loss, wrong: both must be treated alike
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    return (nstlib.gram_matrix(features) / M - target_gram).square().sum() / (4 * N**2)


# %% layer_style_loss, wrong: you took one side of the map
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[3]
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (4 * N**2 * M**2)


# %% layer_style_loss, wrong: you took the square of one side
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] ** 2
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (4 * N**2 * M**2)


# %% layer_style_loss, wrong: M stands below the line as a square
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / (4 * N**2 * M)


# %% layer_style_loss, wrong: both must be treated alike
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    return 0.25 * (nstlib.gram_matrix(features) / (N * M) - target_gram).square().sum()


# %% layer_style_loss, wrong: put everything below the line in brackets
def my_layer_style_loss(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    return 1 / 4 * N**2 * M**2 * (nstlib.gram_matrix(features) - target_gram).square().sum()


# %% layer_style_loss, wrong: right for some inputs, but not for
def my_layer_style_loss(features, target_gram):
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / 3600


# %% layer_style_loss, wrong: The number is not right
def my_layer_style_loss(features, target_gram):
    return (nstlib.gram_matrix(features) - target_gram).square().sum() / 900


# %% layer_style_loss, wrong: no gradient can go back through a plain number
def my_layer_style_loss(features, target_gram):
    return nstlib.layer_style_loss(features, target_gram).item()


# %% layer_style_loss, wrong: no gradient goes back from it
def my_layer_style_loss(features, target_gram):
    return nstlib.layer_style_loss(features, target_gram).detach()


# %% layer_style_loss, wrong: a part of your calculation is detached
def my_layer_style_loss(features, target_gram):
    flat = features.flatten(2)
    gram = flat @ flat.detach().mT
    return (gram - target_gram).square().sum() / (4 * features.numel() ** 2)


# %% layer_style_loss, wrong: yours is (1,), () is wanted
def my_layer_style_loss(features, target_gram):
    return (nstlib.gram_matrix(features) - target_gram).square().sum((1, 2)) / (4 * features.numel() ** 2)


# %% layer_style_loss, wrong: changed its input in place
def my_layer_style_loss(features, target_gram):
    target_gram -= nstlib.gram_matrix(features).detach()
    return target_gram.square().sum() / (4 * features.numel() ** 2)


# %% style_loss_gradient
def my_style_loss_gradient(features, target_gram):
    N, M = features.shape[1], features.shape[2] * features.shape[3]
    flat = features.flatten(2)
    gradient = (flat @ flat.mT - target_gram) @ flat / (N**2 * M**2)
    return torch.where(features > 0, gradient.view_as(features), 0)


# %% style_loss_gradient, from the other side, the mask as a factor
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    turned = flat.mT @ (flat @ flat.mT - target_gram) / features[0].numel() ** 2
    return turned.mT.reshape(features.shape) * (features > 0)


# %% style_loss_gradient, wrong: The mask is missing
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = (flat @ flat.mT - target_gram) @ flat / features[0].numel() ** 2
    return gradient.view_as(features)


# %% style_loss_gradient, wrong: A transpose is missing
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    turned = flat.mT @ (flat @ flat.mT - target_gram) / features[0].numel() ** 2
    return turned * (flat.mT > 0)


# %% style_loss_gradient, wrong: A reshape is not a transpose
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    turned = flat.mT @ (flat @ flat.mT - target_gram) / features[0].numel() ** 2
    return turned.reshape(features.shape) * (features > 0)


# %% style_loss_gradient, wrong: A factor 4 too large
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = 4 * (flat @ flat.mT - target_gram) @ flat / features[0].numel() ** 2
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: 1 / (N² M²) is missing
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    return ((flat @ flat.mT - target_gram) @ flat).view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: The sign is wrong
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = (target_gram - flat @ flat.mT) @ flat / features[0].numel() ** 2
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: A factor 2 too large
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = 2 * (flat @ flat.mT - target_gram) @ flat / features[0].numel() ** 2
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: you took one side of the map
def my_style_loss_gradient(features, target_gram):
    flat, N, M = features.flatten(2), features.shape[1], features.shape[3]
    gradient = (flat @ flat.mT - target_gram) @ flat / (N**2 * M**2)
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: N² and M²
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = (flat @ flat.mT - target_gram) @ flat / flat.numel()
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: M stands below the line as a square
def my_style_loss_gradient(features, target_gram):
    flat, N, M = features.flatten(2), *features.flatten(2).shape[1:]
    gradient = (flat @ flat.mT - target_gram) @ flat / (N**2 * M)
    return gradient.view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: Your answer has shape (1, 3, 10); (1, 3, 2, 5) is wanted
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    return (flat @ flat.mT - target_gram) @ flat / flat.numel() ** 2


# %% style_loss_gradient, wrong: the shape is not: yours is (1, 3, 10), (1, 3, 2, 5) is wanted
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    return (flat @ flat.mT - target_gram) @ flat / flat.numel() ** 2 * (flat > 0)


# %% style_loss_gradient, wrong: right for some inputs, but not for
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    return ((flat @ flat.mT - target_gram) @ flat / 900).view_as(features) * (features > 0)


# %% style_loss_gradient, wrong: A is missing
def my_style_loss_gradient(features, target_gram):
    flat = features.flatten(2)
    gradient = flat @ flat.mT @ flat / features[0].numel() ** 2
    return gradient.view_as(features) * (features > 0)

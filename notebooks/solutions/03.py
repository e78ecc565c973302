
"""Lesson 03: solutions, and wrong answers with the words of their hints. tests/course/test_exercises.py runs them all."""

# %% content_loss
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).square().sum()


# %% content_loss, another way
def my_content_loss(features, target, weight):
    return 0.5 * weight * torch.linalg.norm((features - target).flatten()) ** 2


# %% content_loss, by loops
def my_content_loss(features, target, weight):
    total = 0.0
    for f, p in zip(features.flatten(), target.flatten(), strict=True):
        total += (f - p) ** 2
    return weight * total / 2


# %% content_loss, wrong: This is a mean; equation 1 is a sum
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).square().mean()


# %% content_loss, wrong: This is a mean, and without the factor ½
def my_content_loss(features, target, weight):
    return weight * torch.nn.functional.mse_loss(features, target)


# %% content_loss, wrong: The factor ½ is missing
def my_content_loss(features, target, weight):
    return weight * ((features - target) ** 2).sum()


# %% content_loss, wrong: The weight is inside the square, where 7 counts as 49: put it before the sum
def my_content_loss(features, target, weight):
    return 0.5 * ((weight * (features - target)) ** 2).sum()


# %% content_loss, wrong: The ½ is inside the square
def my_content_loss(features, target, weight):
    return weight * (0.5 * (features - target)).square().sum()


# %% content_loss, wrong: The weight is missing
def my_content_loss(features, target, weight):
    return 0.5 * (features - target).square().sum()


# %% content_loss, wrong: not squared
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).sum()


# %% content_loss, wrong: absolute differences
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).abs().sum()


# %% content_loss, wrong: without the root
def my_content_loss(features, target, weight):
    return weight * 0.5 * torch.linalg.norm((features - target).flatten())


# %% content_loss, wrong: one number is wanted
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target) ** 2


# %% content_loss, wrong: changed its input in place
def my_content_loss(features, target, weight):
    features -= target
    return weight * 0.5 * features.square().sum()


# %% content_loss, wrong: no gradient can go back through a plain number
def my_content_loss(features, target, weight):
    return (weight * 0.5 * (features - target).square().sum()).item()


# %% content_loss, wrong: leave out .detach()
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features.detach() - target).square().sum()


# %% content_loss, wrong: leave out .detach(), torch.no_grad()
def my_content_loss(features, target, weight):
    with torch.no_grad():
        return weight * 0.5 * (features - target).square().sum()


# %% content_loss, wrong: a part of your calculation is detached
def my_content_loss(features, target, weight):
    difference = features - target
    return weight * 0.5 * (difference * difference.detach()).sum()


# %% content_loss, wrong: divided by the number of filters
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).square().sum() / features.shape[1]


# %% content_loss, wrong: divided by the number of positions
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).square().mean((2, 3)).sum()


# %% content_loss, wrong: You squared the sum
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).sum() ** 2


# %% content_loss, wrong: put F − P in brackets
def my_content_loss(features, target, weight):
    return 0.5 * (weight * features - target).square().sum()


# %% content_loss, wrong: The weight is missing, and this is a mean
def my_content_loss(features, target, weight):
    return torch.nn.functional.mse_loss(features, target)


# %% content_loss, wrong: yours is (1,), () is wanted
def my_content_loss(features, target, weight):
    return weight * 0.5 * (features - target).square().sum((1, 2, 3))


# %% content_loss_gradient
def my_content_loss_gradient(before, target):
    F = torch.relu(before)
    return torch.where(F > 0, F - target, 0)


# %% content_loss_gradient, another way
def my_content_loss_gradient(before, target):
    return (before - target) * (before > 0)


# %% content_loss_gradient, wrong: The mask is missing
def my_content_loss_gradient(before, target):
    return torch.relu(before) - target


# %% content_loss_gradient, wrong: The ReLU is missing, and with it the mask
def my_content_loss_gradient(before, target):
    return before - target


# %% content_loss_gradient, wrong: The sign is wrong: the gradient points uphill
def my_content_loss_gradient(before, target):
    return (target - before) * (before > 0)


# %% content_loss_gradient, wrong: A factor 2 too large
def my_content_loss_gradient(before, target):
    return 2 * (before - target) * (before > 0)


# %% content_loss_gradient, wrong: The mask looks at the target
def my_content_loss_gradient(before, target):
    return (torch.relu(before) - target) * (target > 0)


# %% content_loss_gradient, wrong: The mask looks at the difference
def my_content_loss_gradient(before, target):
    return torch.relu(torch.relu(before) - target)


# %% content_loss_gradient, wrong: gradient of a mean
def my_content_loss_gradient(before, target):
    return ((before - target) * (before > 0)) / before.numel()


# %% content_loss_gradient, wrong: changed its input in place
def my_content_loss_gradient(before, target):
    F = before.relu_()
    return (F - target) * (F > 0)


# %% content_loss_gradient, wrong: The mask is C > 0, not C ≥ 0
def my_content_loss_gradient(before, target):
    return (torch.relu(before) - target) * (before >= 0)


# %% content_loss_gradient, wrong: the wrong way round
def my_content_loss_gradient(before, target):
    return torch.where(before > 0, 0, torch.relu(before) - target)


# %% content_loss_gradient, wrong: Half of it
def my_content_loss_gradient(before, target):
    return 0.5 * (before - target) * (before > 0)


# %% content_loss_gradient, wrong: That is the loss
def my_content_loss_gradient(before, target):
    return 0.5 * (torch.relu(before) - target).square().sum()

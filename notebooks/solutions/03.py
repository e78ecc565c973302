
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
    for f, p in zip(features.flatten().tolist(), target.flatten().tolist(), strict=True):
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


# %% content_loss, wrong: The weight is inside the square, where 5 counts as 25: put it before the sum
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

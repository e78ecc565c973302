"""Answers to the exercises of lesson 05, right and wrong; tests/course/test_exercises.py runs them all.

`# - OLD` and `# + NEW`: the first solution of this exercise, with OLD replaced by NEW.
"""

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

# %% weighted_style_loss, with einsum
def weighted_style_loss(features, grams, weights):
    losses = []
    for name, weight in weights.items():
        F = features[name]
        G = torch.einsum("bihw,bjhw->bij", F, F)
        losses.append(weight * torch.nn.functional.mse_loss(G, grams[name]) / (4 * F[0, 0].numel() ** 2))
    return torch.stack(losses).sum()

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

# %% weighted_style_loss, wrong: the first layer only
def weighted_style_loss(features, grams, weights):
    total = 0
    for name, A in grams.items():
        total = total + weights[name] * nstlib.layer_style_loss(features[name], A)
        return total

# %% weighted_style_loss, wrong: paired by their place
def weighted_style_loss(features, grams, weights):
    return sum(w * nstlib.layer_style_loss(F, A) for F, A, w in zip(features.values(), grams.values(), weights.values(), strict=False))

# %% weighted_style_loss, wrong: look up each one by its name
def weighted_style_loss(features, grams, weights):
    return nstlib.style_loss(features, grams, list(weights.values()))

# %% weighted_style_loss, wrong: you took one side, or its square
def weighted_style_loss(features, grams, weights):
    total = 0
    for name, A in grams.items():
        N, M = features[name].shape[1], features[name].shape[3] ** 2
        total = total + weights[name] * (nstlib.gram_matrix(features[name]) - A).square().sum() / (4 * N**2 * M**2)
    return total

# %% weighted_style_loss, wrong: you took one side, or its square
def weighted_style_loss(features, grams, weights):
    total = 0
    for name, A in grams.items():
        N, M = features[name].shape[1:3]
        total = total + weights[name] * (nstlib.gram_matrix(features[name]) - A).square().sum() / (4 * N**2 * M**2)
    return total

# %% weighted_style_loss, wrong: You divided by the number of layers
def weighted_style_loss(features, grams, weights):
    return sum(weights[name] * nstlib.layer_style_loss(features[name], A) for name, A in grams.items()) / len(grams)

# %% weighted_style_loss, wrong: You divided by the sum of the weights
def weighted_style_loss(features, grams, weights):
    return nstlib.style_loss(features, grams, [weights[name] / sum(weights.values()) for name in grams])

# %% weighted_style_loss, wrong: no gradient can go back through a plain number
def weighted_style_loss(features, grams, weights):
    return sum(weights[name] * nstlib.layer_style_loss(features[name], A).item() for name, A in grams.items())

# %% weighted_style_loss, wrong: no gradient goes back from it
def weighted_style_loss(features, grams, weights):
    return sum(weights[name] * nstlib.layer_style_loss(features[name].detach(), A) for name, A in grams.items())

# %% weighted_style_loss, wrong: a part of your calculation is detached
def weighted_style_loss(features, grams, weights):
    losses = [weights[name] * nstlib.layer_style_loss(features[name], A) for name, A in grams.items()]
    return losses[0] + sum(loss.item() for loss in losses[1:])

# %% weighted_style_loss, wrong: stopped with KeyError
def weighted_style_loss(features, grams, weights):
    return sum(weights[name] * nstlib.layer_style_loss(F, grams[name]) for name, F in features.items())

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

# %% alpha_for, wrong: right for some inputs, but not for (0.03, 420, 700)
def alpha_for(alpha, width, height):
    return alpha * 8

# %% alpha_for, wrong: of this width
def alpha_for(alpha, width, height):
    return alpha * (512 / width) ** 2

# %% alpha_for, wrong: the root of the right factor
def alpha_for(alpha, width, height):
    return alpha * 512 / (width * height) ** 0.5

# %% alpha_for, wrong: put width * height in brackets
def alpha_for(alpha, width, height):
    return alpha * 512**2 / width * height

# %% alpha_for, wrong: cuts off what is behind the decimal point
def alpha_for(alpha, width, height):
    return alpha * (512**2 // (width * height))

# %% alpha_for, wrong: multiply it by α
def alpha_for(alpha, width, height):
    return 512**2 / (width * height)

# %% to_bytes
def to_bytes(image):
    return (image * 255).round().clamp(0, 255).to(torch.uint8)

# %% to_bytes, by NumPy
def to_bytes(image):
    return torch.from_numpy((image.numpy().clip(0, 1) * 255).round().astype("uint8"))

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

# %% to_bytes, wrong: The strays wrap around
def to_bytes(image):
    return (image * 255).round().to(torch.int64).to(torch.uint8).clamp(0, 255)

# %% to_bytes, wrong: stretched this picture
def to_bytes(image):
    return ((image - image.min()) / (image.max() - image.min()) * 255).round().to(torch.uint8)

# %% to_bytes, wrong: divided by this picture's largest value
def to_bytes(image):
    return (image / image.max() * 255).round().clamp(0, 255).to(torch.uint8)

# %% to_bytes, wrong: white is 255
def to_bytes(image):
    return (image.clamp(0, 1) * 256).clamp(max=255).to(torch.uint8)

# %% to_bytes, wrong: Only 0 and 1 are left
def to_bytes(image):
    return image.clamp(0, 1).round().to(torch.uint8)

# %% to_bytes, wrong: Rounding is missing
def to_bytes(image):
    return image.clamp(0, 1) * 255

# %% to_bytes, wrong: Your answer has shape (2, 5, 3)
def to_bytes(image):
    return (image[0].permute(1, 2, 0) * 255).round().clamp(0, 255).to(torch.uint8)

# %% my_objective
def my_objective(network, photo, painting, content_layer, style_layers, alpha, beta):
    with torch.no_grad():
        P = network(photo, [content_layer])[content_layer]
        features = network(painting, style_layers)
    A = {l: nstlib.gram_matrix(f) for l, f in features.items()}
    positions = {l: f[0, 0].numel() for l, f in features.items()}

    def objective(image):
        F = network(image, [content_layer, *style_layers])
        E = [nstlib.layer_style_loss(F[l], A[l], target_positions=positions[l]) for l in style_layers]
        return {"content": alpha * nstlib.content_loss(F[content_layer], P), "style": beta * sum(E) / len(E)}

    return objective

# %% my_objective, by hand, with matrices per position
def my_objective(network, photo, painting, content_layer, style_layers, alpha, beta):
    def grams(picture):
        rows = [f[0].flatten(1) for f in network(picture, style_layers).values()]
        return [torch.einsum("ik,jk->ij", F, F) / F.shape[1] for F in rows]

    P, A = network(photo, [content_layer])[content_layer].detach(), [gram.detach() for gram in grams(painting)]

    def objective(image):
        F = network(image, [content_layer])[content_layer]
        style = torch.stack([(g - a).square().mean() / 4 for g, a in zip(grams(image), A, strict=True)]).mean()
        return {"style": beta * style, "content": alpha / 2 * (F - P).square().sum()}

    return objective

# %% my_objective, the library's
def my_objective(network, photo, painting, content_layer, style_layers, alpha, beta):
    return nstlib.gatys_objective(
        photo, painting, network, content_layers=content_layer, style_layers=style_layers,
        content_weight=alpha, style_weight=beta, scales=1, relative=False)

# %% my_objective, wrong: α is missing
# - "content": alpha *
# + "content":

# %% my_objective, wrong: The content loss is multiplied by β
# - "content": alpha
# + "content": beta
# - "style": beta
# + "style": alpha

# %% my_objective, wrong: β is missing
# - beta * sum(E)
# + sum(E)

# %% my_objective, wrong: Your content loss is a mean
# - nstlib.content_loss(F[content_layer], P)
# + torch.nn.functional.mse_loss(F[content_layer], P)

# %% my_objective, wrong: divide the sum by len(style_layers)
# - sum(E) / len(E)
# + sum(E)

# %% my_objective, wrong: You divided by 5
# - sum(E) / len(E)
# + sum(E) / 5

# %% my_objective, wrong: Only one layer is in your style loss
# - sum(E)
# + E[-1]

# %% my_objective, wrong: give layer_style_loss its target_positions
# - , target_positions=positions[l]
# +

# %% my_objective, wrong: You resized the painting
# - network(painting, style_layers)
# + network(nstlib.resize_image(painting, tuple(photo.shape[-2:])), style_layers)

# %% my_objective, wrong: A comes from the photograph
# - network(painting, style_layers)
# + network(photo, style_layers)

# %% my_objective, wrong: Is P taken from the image itself?
# - F = network(image, [content_layer, *style_layers])
# + F = network(image, [content_layer, *style_layers]); P = F[content_layer].detach()

# %% my_objective, wrong: Is A taken from the image itself?
# - F = network(image, [content_layer, *style_layers])
# + F = network(image, [content_layer, *style_layers]); A = {l: nstlib.gram_matrix(F[l]).detach() for l in style_layers}; positions = {l: F[l][0, 0].numel() for l in A}

# %% my_objective, wrong: Every evaluation computes the targets anew
# - F = network(image, [content_layer, *style_layers])
# + F = network(image, [content_layer, *style_layers]); P = network(photo, [content_layer])[content_layer]

# %% my_objective, wrong: Your targets keep the graph
# - with torch.no_grad():
# + if True:

# %% my_objective, wrong: The content loss is right, but no gradient goes back
# - network(image, [
# + network(image.detach(), [

# %% my_objective, wrong: The style loss is right, but no gradient goes back
# - beta * sum(E) / len(E)
# + (beta * sum(E) / len(E)).detach()

# %% my_objective, wrong: no gradient can go back through a plain number
# - nstlib.content_loss(F[content_layer], P)
# + nstlib.content_loss(F[content_layer], P).item()

# %% my_objective, wrong: a dictionary {"content": …, "style": …} is wanted
# - {"content": alpha * nstlib.content_loss(F[content_layer], P), "style": beta * sum(E) / len(E)}
# + sum({"content": alpha * nstlib.content_loss(F[content_layer], P), "style": beta * sum(E) / len(E)}.values())

# %% my_objective, wrong: 'c', 's'; "content" and "style" are wanted
# - "content"
# + "c"
# - "style"
# + "s"

# %% my_objective, wrong: returns nothing for a picture
# - return {
# + {

# %% my_objective, wrong: it must return a function
# - return objective
# + return objective(photo)

# %% my_objective, wrong: changes the network
# - return objective
# + network.requires_grad_(True); return objective

# %% my_objective, wrong: never asks the network that it is given
# - P = network(photo
# + network = nstlib.load_network("mini", device="cpu"); P = network(photo

# %% my_paint
def my_paint(image, objective, steps):
    image = image.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=1, history_size=20, tolerance_grad=0, tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        total = sum(objective(image).values())
        total.backward()
        return total

    for _ in range(steps):
        optimizer.step(closure)
    return image.detach()

# %% my_paint, all steps at once
def my_paint(image, objective, steps):
    image = image.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=steps)

    def closure():
        optimizer.zero_grad()
        total = sum(objective(image).values())
        total.backward()
        return total

    optimizer.step(closure)
    return image.detach()

# %% my_paint, with Adam
def my_paint(image, objective, steps):
    image = image.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.02)
    for _ in range(steps):
        losses = objective(image)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    return image.detach().clamp(0, 1)

# %% my_paint, downhill by hand
def my_paint(image, objective, steps):
    for _ in range(steps):
        image = image.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(sum(objective(image).values()), image)
        image = image - 0.02 * gradient / gradient.square().mean().sqrt()
    return image.detach()

# %% my_paint, wrong: returned the picture that it began with
# - image = image.clone()
# + start, image = image, image.clone()
# - return image.detach()
# + return start

# %% my_paint, wrong: clear the old one
# - optimizer.zero_grad()
# + pass

# %% my_paint, wrong: these stay: style, tv
# - sum(objective(image).values())
# + objective(image)["content"]

# %% my_paint, wrong: these stay: tv
# - sum(objective(image).values())
# + (lambda losses: losses["content"] + losses["style"])(objective(image))

# %% my_paint, wrong: begin with image.clone()
# - image.clone()
# + image

# %% my_paint, wrong: still needs a gradient
# - image.detach()
# + image

# %% my_paint, wrong: The picture never moves
# - LBFGS([image]
# + LBFGS([image.detach().clone().requires_grad_(True)]

# %% my_paint, wrong: The picture never moves
# - LBFGS([image]
# + LBFGS(torch.nn.Conv2d(3, 4, 3).parameters()

# %% my_paint, wrong: needs no gradient
# - .requires_grad_(True)
# +

# %% my_paint, wrong: call backward() on the sum
# - total.backward()
# + pass

# %% my_paint, wrong: Your closure returns nothing
# - return total
# + pass

# %% my_paint, wrong: once for each is enough
# - , max_iter=1
# +

# %% my_paint, wrong: once for each is enough
# - optimizer.step(closure)
# + optimizer.step(closure); sum(objective(image).values())

# %% my_paint, wrong: make as many steps as `steps` says
# - range(steps)
# + range(60)

# %% my_paint, wrong: needs a gradient of its own
# - range(steps)
# + range(1)

# %% my_paint, wrong: tuple; the painted picture alone is wanted
# - return image.detach()
# + return image.detach(), []

# %% my_paint, wrong: Take larger steps, or L-BFGS
# - torch.optim.LBFGS([image], max_iter=1, history_size=20, tolerance_grad=0, tolerance_change=0)
# + torch.optim.Adam([image], lr=0.001)

# %% my_paint, wrong: step against the gradient
# - torch.optim.LBFGS([image], max_iter=1, history_size=20, tolerance_grad=0, tolerance_change=0)
# + torch.optim.Adam([image], lr=0.02, maximize=True)

# %% my_paint, wrong: never asks the objective
# - range(steps)
# + range(0)

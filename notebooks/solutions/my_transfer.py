"""Paint a photograph in the manner of a painting (Gatys, Ecker and Bethge, 2016):

python my_transfer.py PHOTO PAINTING OUT.png [SIZE]
"""

import sys

import torch

from nstlib import load_image, load_network, save_image


def gram(F):  # activations (1, N, h, w) -> which filters fire together, per position (1, N, N)
    F = F.flatten(2)
    return F @ F.mT / F.shape[2]


def my_objective(network, photo, painting, content_layer, style_layers, alpha, beta):
    with torch.no_grad():
        P = network(photo, [content_layer])[content_layer]
        A = {l: gram(F) for l, F in network(painting, style_layers).items()}

    def objective(image):
        F = network(image, [content_layer, *style_layers])
        content = (F[content_layer] - P).square().sum() / 2
        E = [(gram(F[l]) - A[l]).square().mean() / 4 for l in style_layers]
        return {"content": alpha * content, "style": beta * sum(E) / len(E)}

    return objective


def my_paint(image, objective, steps):
    image, losses = image.clone().requires_grad_(True), {}
    optimizer = torch.optim.LBFGS([image], max_iter=1, history_size=20)

    def closure():
        optimizer.zero_grad()
        losses.update(objective(image))
        total = sum(losses.values())
        total.backward()
        return total

    for step in range(1, steps + 1):
        optimizer.step(closure)
        if step in (1, steps) or step % 20 == 0:
            print(f"step {step:3}", *(f" {name} {loss:.0f}" for name, loss in losses.items()))
    return image.detach()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    size = int(sys.argv[4]) if len(sys.argv) > 4 else 256  # longer side in pixels
    network = load_network("mini")
    photo, painting = (load_image(x, size=size).to(network.device) for x in sys.argv[1:3])
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    objective = my_objective(network, photo, painting, "relu4_2", layers, alpha=5e-3, beta=1e4)
    save_image(my_paint(photo, objective, steps=100).clamp(0, 1), sys.argv[3])

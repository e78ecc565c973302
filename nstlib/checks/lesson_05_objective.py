"""Checker for the first long exercise of lesson 05: the objective, what is minimised."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nstlib.checks.answers import attempt, compare, compare_gradients, one_line, random_numbers, refuse_if
from nstlib.images import resize_image
from nstlib.losses import content_loss, gram_matrix, layer_style_loss
from nstlib.networks import FeatureNetwork


class Watched(FeatureNetwork):
    """A network of three convolutions that remembers the pictures it was asked about."""

    def __init__(self):
        widths = {"1_1": (4, 3), "1_2": (5, 4), "2_1": (7, 5)}
        weights = {
            f"conv{key}.weight": random_numbers(*width, 3, 3, seed=i) - 0.4
            for i, (key, width) in enumerate(widths.items())
        }
        biases = {f"conv{key}.bias": torch.full((width[0],), 0.2) for key, width in widths.items()}
        super().__init__({**weights, **biases}, name="the checker's small network")
        self.asked: list[Tensor] = []

    def activations(self, image: Tensor, layers: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        self.asked.append(image.detach().clone())
        return super().activations(image, layers)


class Task(NamedTuple):
    """What `my_objective` is given."""

    network: Watched
    photo: Tensor
    painting: Tensor
    content_layer: str
    style_layers: list[str]
    alpha: float
    beta: float


def content(task: Task, image: Tensor) -> Tensor:
    """Equation 1."""
    F, P = (task.network(picture, [task.content_layer])[task.content_layer] for picture in (image, task.photo))
    return content_loss(F, P)


def style(task: Task, image: Tensor, painting: Tensor | None = None, positions: float = 1.0) -> list[Tensor]:
    """Equation 4 for each layer. A is multiplied by the ratio of the positions to the power of `positions`: by 1 where
    that is 0.
    """
    F = task.network(image, task.style_layers)
    features = task.network(task.painting if painting is None else painting, task.style_layers)
    ratio = {l: F[l][0, 0].numel() / features[l][0, 0].numel() for l in F}
    return [layer_style_loss(F[l], gram_matrix(features[l]) * ratio[l] ** positions) for l in F]


# Each formula stands below its hint.
# fmt: off
CONTENT_MISTAKES = {
    "Your content loss is 0 for every picture. Is P taken from the image itself? It comes from the photograph, once, before the inner function.":
        lambda t, x: 0.0,
    "α is missing in the content loss.":
        lambda t, x: content(t, x),
    "The content loss is multiplied by β; α belongs to the content, β to the style.":
        lambda t, x: t.beta * content(t, x),
    "α is inside the square: multiply the content loss by it, once.":
        lambda t, x: t.alpha**2 * content(t, x),
    "The factor ½ is missing in the content loss.":
        lambda t, x: 2 * t.alpha * content(t, x),
    "Your content loss is a mean; equation 1 is half a sum.": (
        lambda t, x: 2 * t.alpha * content(t, x) / t.network(x, [t.content_layer])[t.content_layer].numel(),
        lambda t, x: t.alpha * content(t, x) / t.network(x, [t.content_layer])[t.content_layer].numel(),
    ),
}

STYLE_MISTAKES = {
    "Your style loss is 0 for every picture. Is A taken from the image itself? It comes from the painting, once, before the inner function.":
        lambda t, x: 0.0,
    "β is missing in the style loss.":
        lambda t, x: sum(style(t, x)) / len(t.style_layers),
    "The style loss is multiplied by α; α belongs to the content, β to the style.":
        lambda t, x: t.alpha * sum(style(t, x)) / len(t.style_layers),
    "The style loss is the mean over its layers: divide the sum by len(style_layers).":
        lambda t, x: t.beta * sum(style(t, x)),
    "You divided by 5; divide by the number of layers that you were given, len(style_layers).":
        lambda t, x: t.beta * sum(style(t, x)) / 5,
    "Only one layer is in your style loss; add up all of style_layers.": (
        lambda t, x: t.beta * style(t, x)[0],
        lambda t, x: t.beta * style(t, x)[-1],
        lambda t, x: t.beta * style(t, x)[0] / len(t.style_layers),
        lambda t, x: t.beta * style(t, x)[-1] / len(t.style_layers),
    ),
    "The painting has another number of positions than the image: give layer_style_loss its target_positions.":
        lambda t, x: t.beta * sum(style(t, x, positions=0)) / len(t.style_layers),
    "The numbers of positions are the wrong way round: target_positions counts the painting's.":
        lambda t, x: t.beta * sum(style(t, x, positions=-1)) / len(t.style_layers),
    "A comes from the photograph; it should come from the painting.":
        lambda t, x: t.beta * sum(style(t, x, t.photo)) / len(t.style_layers),
    "You resized the painting to the photograph's shape. Leave it as it is, and give layer_style_loss its target_positions.": (
        lambda t, x: t.beta * sum(style(t, x, resize_image(t.painting, tuple(t.photo.shape[-2:])))) / len(t.style_layers),
        lambda t, x: t.beta * sum(style(t, x, interpolate(t.painting, t.photo.shape[-2:], mode="bilinear"))) / len(t.style_layers),
    ),
    "The factor ¼ is missing in the style loss.":
        lambda t, x: 4 * t.beta * sum(style(t, x)) / len(t.style_layers),
}
# fmt: on


def check_my_objective(function: Callable[..., Callable[[Tensor], dict[str, Tensor]]]) -> None:
    """Exercise of lesson 05: equation 7 as a function `image -> {"content": …, "style": …}`, made of a network, a
    photograph, a painting, the layers, α and β. Each style layer weighs 1 / (number of layers).
    """
    layers = ["relu2_1", "relu1_1", "relu1_2"]
    tasks = [
        Task(Watched(), *_pictures((12, 16), (10, 26), seed=0), "relu1_2", layers, 0.03, 700.0),
        Task(Watched(), *_pictures((14, 8), (6, 12), seed=2), "relu2_1", layers[:2], 1.7, 40.0),
    ]
    with one_line("my_objective", "nstlib.gatys_objective does the same for relative=False and scales=1."):
        cases, found, anew = [], [], False
        for task in tasks:
            weights = {name: weight.clone() for name, weight in task.network.state_dict().items()}
            objective = _objective(function, task)
            before = len(task.network.asked)
            for seed in (7, 8):
                image = random_numbers(*task.photo.shape, seed=seed).requires_grad_(True)
                found.append(_losses(objective, image))
                cases.append((task, image))
            asked = task.network.asked
            refuse_if(not asked, "Your function never asks the network that it is given; use its own arguments only.")
            anew |= any(_equal(picture, target) for picture in asked[before:] for target in task[1:3])
            _refuse_a_changed_network(task.network, weights)
        losses = {"content": (_right_content, CONTENT_MISTAKES), "style": (_right_style, STYLE_MISTAKES)}
        for name, (right, mistakes) in losses.items():
            compare([f[name] for f in found], cases, right, mistakes, what=f"The {name} loss")
        refuse_if(
            anew,
            "Every evaluation computes the targets anew. They never change: compute P and A once, before the inner "
            "function.",
        )
        for name, (right, _) in losses.items():
            for f, (task, image) in zip(found, cases, strict=True):
                compare_gradients(f[name], right(task, image), image, what=f"The {name} loss")
        _refuse_a_graph(function, tasks[0])


def _right_content(task: Task, image: Tensor) -> Tensor:
    return task.alpha * content(task, image)


def _right_style(task: Task, image: Tensor) -> Tensor:
    return task.beta * sum(style(task, image)) / len(task.style_layers)


def _pictures(*sizes: tuple[int, int], seed: int) -> list[Tensor]:
    return [random_numbers(1, 3, *size, seed=seed + i) for i, size in enumerate(sizes)]


def _equal(picture: Tensor, other: Tensor) -> bool:
    return picture.shape == other.shape and torch.equal(picture, other)


def _objective(function: Callable, task: Task) -> Callable:
    objective = attempt(function, *task)
    refuse_if(
        not callable(objective),
        f"Your function returned {type(objective).__name__}; it must return a function. Define `objective(image)` "
        "inside it, and return that.",
    )
    return objective


def _losses(objective: Callable, image: Tensor) -> Mapping[str, Tensor]:
    (losses,) = attempt(lambda image: (objective(image),), image)
    refuse_if(losses is None, "Your objective returns nothing for a picture: is its `return` missing?")
    refuse_if(
        not isinstance(losses, Mapping),
        f'Your objective returned {type(losses).__name__}; a dictionary {{"content": …, "style": …}} is wanted, so that '
        "both losses can be followed.",
    )
    refuse_if(
        set(losses) != {"content", "style"},
        f'The keys of your dictionary are {", ".join(map(repr, losses)) or "none"}; "content" and "style" are wanted.',
    )
    return losses


def _refuse_a_changed_network(network: Watched, weights: Mapping[str, Tensor]) -> None:
    refuse_if(
        any(not torch.equal(weight, weights[name]) for name, weight in network.state_dict().items())
        or any(weight.requires_grad for weight in network.parameters()),
        "Your function changes the network. It stays as it is, frozen; only the image needs a gradient.",
    )


def _refuse_a_graph(function: Callable, task: Task) -> None:
    """Targets that can be differentiated by the photograph or the painting."""
    photo, painting = (picture.clone().requires_grad_(True) for picture in (task.photo, task.painting))
    objective = _objective(function, task._replace(photo=photo, painting=painting))
    losses = _losses(objective, random_numbers(*photo.shape, seed=7).requires_grad_(True))
    found = torch.autograd.grad(sum(losses.values()), [photo, painting], allow_unused=True)
    refuse_if(
        any(gradient is not None for gradient in found),
        "Your targets keep the graph of their calculation, and memory with it: compute P and A inside "
        "`with torch.no_grad():`.",
    )

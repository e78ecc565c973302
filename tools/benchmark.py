"""Time one evaluation of the Gatys objective (both losses and the gradient) on mini and on a network of VGG-19's size.

    python tools/benchmark.py [--size 384] [--rounds 9]

The two networks take turns, so that whatever else the machine does falls on both alike. Time depends on shapes alone, so the
large one has random weights: nothing is downloaded.
"""

import argparse
import statistics
import time

import torch

from nstlib import load_network
from nstlib.losses import content_loss, gram_matrix, layer_style_loss
from nstlib.networks import CONVOLUTIONS_PER_BLOCK, FeatureNetwork
from nstlib.optimize import CONTENT_LAYERS, STYLE_LAYERS, VGG_WIDTHS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=384, help="longer side of a 4:3 picture (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="(default %(default)s)")
    options = parser.parse_args()
    networks = {"mini": load_network("mini", device="cpu"), "vgg19 (random weights)": vgg19_sized()}
    evaluations = {name: evaluation(network, options.size) for name, network in networks.items()}
    seconds = {name: [] for name in networks}
    for turn in range(options.rounds + 2):
        for name, evaluate in evaluations.items():
            start = time.perf_counter()
            evaluate()
            if turn >= 2:  # two to warm up
                seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"one evaluation, {options.size} × {options.size * 3 // 4} pixels, float32, {torch.get_num_threads()} threads, "
          f"median of {options.rounds}")
    for name, time_ in median.items():
        print(f"{name:24s}{time_:8.3f} s")
    print(f"{'ratio':24s}{median['vgg19 (random weights)'] / median['mini']:8.2f}")


def vgg19_sized():
    """A network of VGG-19's shape, its weights drawn by He's rule."""
    weights, inputs = {}, 3
    for block, (width, count) in enumerate(zip(VGG_WIDTHS, CONVOLUTIONS_PER_BLOCK, strict=True), 1):
        for index in range(1, count + 1):
            weights[f"conv{block}_{index}.weight"] = torch.randn(width, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            weights[f"conv{block}_{index}.bias"] = torch.zeros(width)
            inputs = width
    return FeatureNetwork(weights, name="vgg19-sized")


def evaluation(network, size):
    """A function without arguments: losses of the default objective and their gradient at a picture of 4:3."""
    shape = (1, 3, size * 3 // 4, size)
    photo, painting, image = (torch.rand(shape) for _ in range(3))
    image.requires_grad_(True)
    with torch.no_grad():
        targets = network(photo, CONTENT_LAYERS)
        grams = {name: gram_matrix(f) for name, f in network(painting, STYLE_LAYERS).items()}

    def evaluate():
        image.grad = None
        features = network(image, [*CONTENT_LAYERS, *STYLE_LAYERS])
        loss = sum(content_loss(features[name], target) for name, target in targets.items())
        loss = loss + sum(layer_style_loss(features[name], gram) for name, gram in grams.items())
        loss.backward()

    return evaluate


if __name__ == "__main__":
    main()

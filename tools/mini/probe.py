"""What the layers of mini know: a table of linear probes, and a figure of content reconstructions.

    python tools/mini/probe.py --images IMAGES [--out outputs]

IMAGES is the folder or tar that `train.py` was given. Of its pictures with labels only those that it held out are used,
every tenth: a ridge classifier on the means over positions of one layer's activations names the object, or the domain,
tested by five-fold cross-validation. For comparison, blocks 4 and 5 are replaced by random ones on top of the same
relu3_4.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from train import HELD_OUT, crop, read_pictures, to_tensor

from nstlib import load_image, load_network, reconstruct_content
from nstlib.networks import CONVOLUTIONS, FeatureNetwork, normalize_activations
from nstlib.plots import show_images

PROBED = ("relu3_4", "relu4_2", "relu5_1", "relu5_4")
DEPTHS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, type=Path, help="folder or tar of pictures, as for train.py")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs"), help="folder for reconstructions.jpg (default %(default)s)"
    )
    parser.add_argument("--picture", default="astronaut", help="what is reconstructed (default %(default)s)")
    options = parser.parse_args()
    network = load_network("mini", device="cpu")
    probe(network, *read_pictures(options.images))
    reconstructions(network, options.picture, options.out)


def probe(network, pictures, labels):
    random = np.random.default_rng(0)
    held_out = [i for i, label in enumerate(labels) if label and i % HELD_OUT == 0]
    images = [to_tensor(crop(pictures[i], 160, random)) for i in held_out]
    kinds = {"object": [labels[i][1] for i in held_out], "domain": [labels[i][0] for i in held_out]}
    rows = {
        "mini": network,
        **{f"random deep blocks {seed}": random_deep(network, images[:100], seed) for seed in range(3)},
    }
    print(f"{len(images)} held-out pictures; share named rightly, in percent")
    print(f"{'':24s}" + "".join(f"{f'{kind} {layer}':>18s}" for kind in kinds for layer in PROBED))
    for name, net in rows.items():
        means = {layer: [] for layer in PROBED}
        with torch.no_grad():
            for image in images:
                for layer, features in net(image, PROBED).items():
                    means[layer].append(features.mean((2, 3))[0])
        scores = [accuracy(torch.stack(means[layer]), kind) for kind in kinds.values() for layer in PROBED]
        print(f"{name:24s}" + "".join(f"{100 * score:18.1f}" for score in scores), flush=True)


def random_deep(network, images, seed):
    """`network` with blocks 4 and 5 drawn anew by He's rule and normalised as the others are."""
    torch.manual_seed(seed)
    weights = {name: value for name, value in network.state_dict().items() if name.startswith("conv")}
    for key in CONVOLUTIONS:
        if key[0] in "45":
            weight = weights[f"conv{key}.weight"]
            weights[f"conv{key}.weight"] = torch.randn_like(weight) * (2 / weight[0].numel()) ** 0.5
            weights[f"conv{key}.bias"] = torch.zeros_like(weights[f"conv{key}.bias"])
    return normalize_activations(FeatureNetwork(weights), images)


def accuracy(vectors, names, folds=5):
    """Share named rightly by a one-against-the-rest ridge classifier, over `folds` folds."""
    kinds = sorted(set(names))
    wanted = torch.tensor([kinds.index(name) for name in names])
    vectors = torch.cat(
        [(vectors - vectors.mean(0)) / vectors.std(0).clamp_min(1e-6), torch.ones(len(vectors), 1)], 1
    ).double()
    fold = torch.arange(len(vectors))[torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))] % folds
    right = 0
    for k in range(folds):
        train, test = fold != k, fold == k
        signs = 2 * torch.nn.functional.one_hot(wanted[train], len(kinds)).double() - 1
        normal = vectors[train].T @ vectors[train] + 0.1 * train.sum() * torch.eye(vectors.shape[1])
        right += (
            (vectors[test] @ torch.linalg.solve(normal, vectors[train].T @ signs))
            .argmax(1)
            .eq(wanted[test])
            .sum()
            .item()
        )
    return right / len(vectors)


def reconstructions(network, picture, out):
    image = load_image(picture, size=256)
    tiles = {picture: image}
    for layer in DEPTHS:
        result = reconstruct_content(image, layer, network=network, progress=False)
        tiles[f"{layer} (loss {result.history[-1]['content']:.1e})"] = result.image
    out.mkdir(parents=True, exist_ok=True)
    show_images(tiles, columns=3).savefig(out / "reconstructions.jpg", dpi=150)
    print(f"{out / 'reconstructions.jpg'}")


if __name__ == "__main__":
    main()

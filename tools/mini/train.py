"""Train `mini`, the network that ships with nstlib: VGG-19's sixteen convolutions at a fraction of their width.

    python tools/mini/train.py --teacher TEACHER --images IMAGES --out data/mini.safetensors

TEACHER is a safetensors file with `convB_I.weight` and `convB_I.bias` for RGB in 0...255 minus VGG's mean, or the word
`vgg19` (torchvision's). IMAGES is a folder or a tar of JPEG or PNG files; folders named DOMAIN/OBJECT give the labels
for blocks 4 and 5.

1. Blocks 1-3 start as the teacher's most independent filters (`prune`) and learn the teacher's features where style
   transfer uses them. Per layer a linear map W, kept close to a multiple of an isometry so that distances between Gram
   matrices carry over, takes our features to the teacher's; the loss is the relative squared error of the features plus
   that of the Gram matrices, and a pull of each filter's mean activation to one. A quarter of each batch are pictures
   painted *by the network in training*, with content and style loss, half done or finished: what the optimisation would
   exploit, training sees. There the difference between a picture and its photograph is compared as well: a ripple that
   the teacher notices in a smooth sky is a small part of all features, but most of that difference.
2. Blocks 4-5 learn on the frozen pool3 what the teacher's third block sees in the picture at half and at quarter size
   (DEEP_GOALS): the same resolution, and patches of 48 and 96 pixels. Features, Gram matrices and differences are
   compared as in blocks 1-3, and in relu4_2 the lengths of differences. relu5_4 also names objects and domains and
   tells one half of a picture by the other. Pictures are painted in rounds: at first with blocks 1-3, later with the
   paper's five layers as they are then, some of them textures from noise.
3. Each filter is rescaled to a mean activation of one (nstlib.networks.normalize_activations) and all is stored in
   float16.
"""

import argparse
import hashlib
import io
import json
import math
import tarfile
import time
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save
from torch import nn
from torch.optim.swa_utils import AveragedModel

from nstlib.networks import IMAGENET_MEAN, IMAGENET_STD, FeatureNetwork, block_of, load_network, normalize_activations
from nstlib.optimize import optimize_image

# Filters of each convolution. Only relu1_1 is compared at full size; conv1_2 with half as many as conv1_1 saves a
# seventh of all time. conv4_2 has many, because a content layer of a few filters cannot
# tell what the teacher's 256 tell.
WIDTHS = {
    "1_1": 32,
    "1_2": 16,
    "2_1": 64,
    "2_2": 64,
    "3_1": 128,
    "3_2": 112,
    "3_3": 112,
    "3_4": 128,
    "4_1": 128,
    "4_2": 144,
    "4_3": 80,
    "4_4": 80,
    "5_1": 128,
    "5_2": 96,
    "5_3": 96,
    "5_4": 128,
}
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")  # features and Gram matrices are compared here,
FEATURES = ("relu1_2", "relu2_2", "relu3_2", "relu3_3")  # features alone here
# Style layers and content layer of the pictures painted meanwhile
SHALLOW_PAINTING = (
    ("relu1_1", "relu2_1", "relu3_1", "relu3_4"),
    "relu3_2",
)
SCALES = (1, 2, 4)  # pictures are painted for their Gram matrices at full, half and quarter size
# The teacher's layer, of the picture so much smaller
DEEP_GOALS = {
    "relu4_1": ("relu3_1", 2),
    "relu4_2": ("relu3_2", 2),
    "relu5_1": ("relu3_1", 4),
}
DEEP_PAINTING = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "relu4_2"  # the paper's layers
DEEP_CROP, DEEP_CROPS = 160, 2  # side, and how many of each picture
CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
DOMAINS = ("photo", "art_painting", "cartoon", "sketch")
HELD_OUT = 10  # every tenth picture takes no part in training blocks 4 and 5: tools/mini/probe.py tests on those


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True, help='safetensors file or "vgg19"')
    parser.add_argument("--images", required=True, type=Path, help="folder or tar of pictures")
    parser.add_argument("--out", required=True, type=Path, help="safetensors file to write; OUT with .json beside it")
    parser.add_argument("--steps", type=int, default=6000, help="steps for blocks 1-3 (default %(default)s)")
    parser.add_argument("--deep-steps", type=int, default=2500, help="steps for blocks 4-5 (default %(default)s)")
    parser.add_argument(
        "--crop", type=int, default=96, help="side of the training crops in pixels (default %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument(
        "--start",
        type=Path,
        help="go on from this file: an OUT, or its OUT.raw (float32, before normalisation); "
        "where it is wider than WIDTHS, its most independent filters are kept",
    )
    parser.add_argument(
        "--keep-deep", action="store_true", help="go on from START's blocks 4-5 too, not from random filters"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    began = time.time()

    pictures, labels = read_pictures(options.images)
    print(f"{len(pictures)} pictures read in {time.time() - began:.0f} s", flush=True)
    teacher = load_teacher(options.teacher)
    weights = he_weights(WIDTHS)
    found = load_file(options.start) if options.start else {}
    weights |= {name: value for name, value in found.items() if options.keep_deep or name[4] in "123"}
    if not found or any(len(weights[f"conv{key}.weight"]) != width for key, width in WIDTHS.items()):
        some = to_tensor(*(crop(pictures[i], 96, random) for i in random.permutation(len(pictures))[:64]))
        weights |= prune(FeatureNetwork(found) if found else teacher, WIDTHS, some)
    if wrong := [key for key, width in WIDTHS.items() if len(weights[f"conv{key}.weight"]) != width]:
        parser.error(f"conv{wrong[0]} has another width in {options.start} than in WIDTHS; leave out --keep-deep.")
    student = FeatureNetwork(weights, name="mini").to(memory_format=torch.channels_last)
    raw = options.out.with_suffix(".raw")  # float32, not yet normalised: what --start reads
    train_shallow(student, teacher, pictures, labels, random, options, raw)
    train_deep(student, teacher, pictures, labels, random, options, raw)

    images = [to_tensor(crop(pictures[i], 160, random)) for i in random.permutation(len(pictures))[:400]]
    student = normalize_activations(student.to(memory_format=torch.contiguous_format), images)
    data = save({k: v.half().contiguous() for k, v in student.state_dict().items() if k.startswith("conv")})
    options.out.write_bytes(data)
    record = {
        "file": options.out.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "widths": WIDTHS,
        "steps": options.steps,
        "deep_steps": options.deep_steps,
        "crop": options.crop,
        "rate": options.rate,
        "start": options.start and options.start.name,
        "seed": options.seed,
        "torch": torch.__version__,
        "minutes": round((time.time() - began) / 60),
    }
    options.out.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{options.out}: {len(data) / 1e6:.2f} MB, sha256 {record['sha256']}, {record['minutes']} min")


# ------------------------------------------------------------------------------------------------------------- pictures


def read_pictures(source):
    """All pictures of a folder or tar as (H, W, 3) uint8 arrays, and for each (domain, object) or None."""
    if source.is_dir():
        files = ((str(f.relative_to(source)), f.read_bytes()) for f in sorted(source.rglob("*")) if f.is_file())
    else:
        with tarfile.open(source) as tar:
            files = [(m.name, tar.extractfile(m).read()) for m in tar if m.isfile()]
    pictures, labels = [], []
    for name, data in files:
        if name.lower().endswith((".jpg", ".jpeg", ".png")):
            pictures.append(np.array(Image.open(io.BytesIO(data)).convert("RGB")))
            domain, thing = (["", *Path(name).parts])[-3:-1]
            labels.append((domain, thing) if domain in DOMAINS else None)
    return pictures, labels


def crop(picture, size, random):
    """A random square crop at a random scale (0.6 to 1.7), mirrored half the time, resized to size × size."""
    side = min(round(size / math.exp(random.uniform(math.log(0.6), math.log(1.7)))), *picture.shape[:2])
    y, x = (random.integers(0, n - side + 1) for n in picture.shape[:2])
    patch = picture[y : y + side, x : x + side]
    if random.random() < 0.5:
        patch = patch[:, ::-1]
    return patch if side == size else np.asarray(Image.fromarray(patch).resize((size, size), Image.BICUBIC))


def to_tensor(*arrays):
    return (
        torch.from_numpy(np.stack(arrays))
        .permute(0, 3, 1, 2)
        .float()
        .div(255)
        .contiguous(memory_format=torch.channels_last)
    )


def sampler(labels):
    """Probability of each picture: paintings count three times, line sketches a third."""
    weight = np.array(
        [{"art_painting": 3.0, "cartoon": 0.7, "sketch": 0.3}.get(label[0] if label else "", 1.5) for label in labels]
    )
    return weight / weight.sum()


# ------------------------------------------------------------------------------------------------------------- networks


def load_teacher(source):
    if source == "vgg19":
        return load_network("vgg19", normalized=False).to(memory_format=torch.channels_last)
    teacher = FeatureNetwork(load_file(source), mean=CAFFE_MEAN, std=(1 / 255,) * 3, name="teacher")
    return teacher.to(memory_format=torch.channels_last)


def he_weights(widths):
    weights, inputs = {}, 3
    for key, width in widths.items():
        weights[f"conv{key}.weight"] = torch.randn(width, inputs, 3, 3) * math.sqrt(2 / (9 * inputs))
        weights[f"conv{key}.bias"] = torch.zeros(width)
        inputs = width
    return weights


def parameters(network, blocks):
    return [p for name, p in network.named_parameters() if block_of(name.split(".")[0]) in blocks]


def cosine(optimizer, rate, step, steps):
    """Learning rate: a short linear rise, then half a cosine down to a hundredth."""
    factor = min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1) * factor


def report(step, began, log):
    terms = "  ".join(f"{name.removeprefix('relu')} {value:.4f}" for name, value in log.items())
    print(f"{step:6d} {time.time() - began:6.0f} s  {terms}", flush=True)


def averaged(network):
    """A running mean of the weights, which forgets with a memory of 1000 steps, sooner in the beginning."""
    forget = lambda mean, now, steps: torch.lerp(mean, now, 1 - min(0.999, (steps + 1) / (steps + 10)))
    average = AveragedModel(network, avg_fn=forget)
    average.n_averaged += 1  # the start counts
    return average


def learn(loss, weights, optimizer):
    """One step down."""
    optimizer.zero_grad()
    loss.backward(inputs=weights)
    nn.utils.clip_grad_norm_(weights, 2.0)
    optimizer.step()


def keep(step, began, log, average, raw):
    """Says how far it is, every 100 steps, and writes the averaged weights, every 500."""
    if step % 100 == 99:
        report(step + 1, began, log)
    if step % 500 == 499:
        save_raw(average.module, raw)


def finish(student, average, raw):
    """The student gets the averaged weights, which are written."""
    student.load_state_dict(average.module.state_dict())
    student.requires_grad_(False)
    save_raw(student, raw)


def save_raw(network, path):
    state = {k: v for k, v in network.state_dict().items() if k.startswith("conv")}
    path.write_bytes(save({k: v.float().contiguous() for k, v in state.items()}))


# ------------------------------------------------------------------------------------------------------------ blocks 1-3


class Painter:
    """Pictures painted with the network in training, from a content crop in the manner of a style crop, each replaced
    after a while.

    Two thirds are being painted by Adam, one step whenever they are looked at. The rest are finished pictures of
    `style_transfer`: what L-BFGS finds in 150 steps, Adam does not.
    """

    def __init__(self, draw, count, student, life=100):
        self.draw, self.student, self.life = draw, student, life
        self.finished = torch.arange(count) % 3 == 0
        self.style, self.content, self.image, self.alpha = self.fresh(torch.arange(count))
        self.moment, self.square = torch.zeros_like(self.image), torch.zeros_like(self.image)
        self.age = torch.randint(0, life, (count,))

    def fresh(self, places):
        """Style and content crops, where to start, and the content weight: 0.003 to 0.3 of the style's; a fifth without
        any.
        """
        count = len(places)
        style, content = self.draw(2 * count).chunk(2)
        noise, free = torch.rand(2, count) < 0.2
        start = torch.where(noise.view(-1, 1, 1, 1), torch.rand_like(content), content)
        alpha = 10 ** (torch.rand(count) * 2 - 3.3) * ~free
        network = self.student.for_optimization("bfloat16")
        for i in self.finished[places].nonzero().flatten().tolist():
            one = slice(i, i + 1)
            goals = painting_goals(network, style[one], content[one])
            start[i] = optimize_image(
                start[one],
                lambda x, one=one, goals=goals: {"all": 1e4 * painting_loss(network, x, goals, alpha[one]).sum()},
                steps=120,
                progress=False,
            ).image[0]
        return style, content, start, alpha

    def pick(self, count):
        """Style crops, content crops and pictures."""
        self.chosen = torch.randperm(len(self.age))[:count]
        return self.style[self.chosen], self.content[self.chosen], self.image[self.chosen]

    def step(self, rate=0.03):
        """Paint on at the pictures picked last; what they are painted for (median)."""
        at = self.chosen
        image = self.image[at].requires_grad_(True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = painting_loss(
                self.student, image, painting_goals(self.student, self.style[at], self.content[at]), self.alpha[at]
            )
        (gradient,) = torch.autograd.grad(loss.sum(), image)
        gradient = gradient / gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
        self.moment[at] = 0.9 * self.moment[at] + 0.1 * gradient
        self.square[at] = 0.95 * self.square[at] + 0.05 * gradient.square()
        rate = (rate * 0.1 ** (self.age[at] / self.life) * ~self.finished[at]).view(-1, 1, 1, 1)  # ever finer
        self.image[at] = (self.image[at] - rate * self.moment[at] / (self.square[at].sqrt() + 1e-3)).clamp(-0.05, 1.05)
        self.age[at] += torch.where(self.finished[at], 2, 1)
        old = at[self.age[at] >= self.life]
        if len(old):
            self.style[old], self.content[old], self.image[old], self.alpha[old] = self.fresh(old)
            self.moment[old], self.square[old], self.age[old] = 0.0, 0.0, 0
        return loss.detach().median()


def painting_goals(network, style, content):
    """Gram matrices of the style crops at each scale, and activations of the content crops at half size."""
    style_layers, content_layer = SHALLOW_PAINTING
    with torch.no_grad():
        grams = {
            scale: {q: grams_of(f) for q, f in network(smaller(style, scale), style_layers).items()} for scale in SCALES
        }
        return grams, network(smaller(content, 2), [content_layer])[content_layer].float()


def painting_loss(network, image, goals, alpha):
    """What pictures are painted for, one number for each: Gram matrices relative to the goal's, and alpha times a share
    of the content.
    """
    style_layers, content_layer = SHALLOW_PAINTING
    grams, content = goals
    loss = 0.0
    for scale in SCALES:
        features = network(smaller(image, scale), [*style_layers, content_layer] if scale == 2 else style_layers)
        for q, goal in grams[scale].items():
            error = (grams_of(features[q]) - goal).square().mean((1, 2)) / goal.square().mean((1, 2))
            loss = loss + error / (len(SCALES) * len(style_layers))
        if scale == 2:
            loss = loss + alpha * (features[content_layer].float() - content).square().mean(
                (1, 2, 3)
            ) / content.square().mean((1, 2, 3))
    return loss


def grams_of(features):
    """Gram matrices (B, C, C), per position, of features (B, C, h, w)."""
    f = positions(features.float())
    return f.mT @ f / f.shape[1]


def smaller(images, factor):
    return images if factor == 1 else F.avg_pool2d(images, factor, ceil_mode=True)


def difference_error(wanted, ours):
    """Relative squared error of the difference between pictures and their photographs (B, h*w, C), one number for each
    picture.

    wanted, ours : what the teacher, the student has of [photographs, pictures]. Where a picture is hardly painted yet,
        a fiftieth of the photograph's power counts as difference.
    """
    (t_photo, t), (f_photo, f) = wanted.chunk(2), ours.chunk(2)
    power = (t - t_photo).square().mean((1, 2)).maximum(0.02 * t_photo.square().mean((1, 2)))
    return ((f - f_photo) - (t - t_photo)).square().mean((1, 2)) / power


def metric_error(wanted, ours, count=600):
    """Relative squared error of the inner products of some differences (B, h*w, C): 0 where lengths and angles agree up
    to one factor.

    So distances may be taken in either, whatever linear map leads from one to the other (1 - CKA^2 of Kornblith et al.,
    2019, uncentred).
    """
    wanted, ours = wanted.flatten(0, 1), ours.flatten(0, 1)
    some = torch.randperm(len(wanted))[:count]
    wanted, ours = wanted[some] @ wanted[some].T, ours[some] @ ours[some].T
    return 1 - (wanted * ours).sum().square() / (wanted.square().sum() * ours.square().sum())


def positions(features):
    """(B, C, h, w) -> (B, h*w, C); no copy when `features` is channels-last."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


@torch.no_grad()
def prune(teacher, widths, images):
    """Starting weights for blocks 1-3: of each layer the teacher's most independent filters, refitted to the filters
    kept below.

    Filters are picked one by one, each time the one that those already picked explain least (QR with column pivoting on
    the activations); its weights are the least-squares fit of the teacher's activation before the ReLU to the student's
    layer below, and its scale is set so that its mean activation is one (as in He et al., Channel pruning, 2017).
    """
    weights, below = {}, None
    layers = [layer for layer in teacher.layers if layer[0] != "p" and block_of(layer) <= 3]
    wanted = teacher(images, layers)
    for key in [layer[4:] for layer in layers if layer.startswith("conv")]:
        if below is None:
            below = (images - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(
                1, 3, 1, 1
            )
        elif key.endswith("_1"):
            below = F.avg_pool2d(below, 2)
        after, before = (positions(wanted[kind + key]).flatten(0, 1) for kind in ("relu", "conv"))
        some = torch.randperm(len(after))[:30000]
        chosen = scipy.linalg.qr(after[some].numpy(), mode="r", pivoting=True)[1][: widths[key]]
        chosen.sort()  # where all are kept, they keep their places, and what lies above still fits
        patches = positions(F.unfold(below, 3, padding=1).unflatten(2, below.shape[2:])).flatten(0, 1)[some]
        patches = torch.cat([patches, torch.ones(len(patches), 1)], 1).double()  # the bias is one more input
        normal = patches.T @ patches
        ridge = 1e-4 * normal.diagonal().mean() * torch.eye(len(normal))
        fit = torch.linalg.solve(
            normal + ridge, patches.T @ before[some][:, chosen].double()
        ).T.float()  # (width, 9 inputs + 1)
        weight, bias = fit[:, :-1].reshape(widths[key], -1, 3, 3), fit[:, -1]
        mean = F.relu(F.conv2d(below, weight, bias, padding=1)).mean((0, 2, 3)).clamp_min(1e-3)
        weight, bias = weight / mean.view(-1, 1, 1, 1), bias / mean
        below = F.relu(F.conv2d(below, weight, bias, padding=1))
        weights[f"conv{key}.weight"], weights[f"conv{key}.bias"] = weight, bias
    return weights


def train_shallow(student, teacher, pictures, labels, random, options, raw, batch=5):
    """Blocks 1-3: features and Gram matrices of the teacher, on crops and on pictures in the making."""
    if not options.steps:
        return
    chance = sampler(labels)
    draw = lambda n: to_tensor(
        *(crop(pictures[i], options.crop, random) for i in random.choice(len(pictures), n, p=chance))
    )
    painter = Painter(draw, 40, student)
    layers = STYLE + FEATURES
    with torch.no_grad():
        images = draw(48)
        ours, wanted = student(images, layers), teacher(images, layers)
    power = {q: wanted[q].square().mean() for q in layers}
    # (teacher's filters, student's)
    maps = {
        q: nn.Parameter(
            torch.linalg.lstsq(positions(ours[q]).flatten(0, 1), positions(wanted[q]).flatten(0, 1)).solution.T
            / power[q].sqrt()
        )
        for q in layers
    }
    train = parameters(student, (1, 2, 3))
    for p in train:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam([{"params": train}, {"params": list(maps.values())}], betas=(0.9, 0.99))
    average = averaged(student)
    log, began = {}, time.time()

    def note(name, value):
        log[name] = 0.98 * log.get(name, value.item()) + 0.02 * value.item()

    for step in range(options.steps):
        cosine(optimizer, options.rate, step, options.steps)
        images = smaller(torch.cat([*painter.pick(batch), draw(batch)]), (1, 2, 1, 4)[step % 4])
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = teacher(images, layers)
            ours = student(images, layers)
        loss = 0.0
        for q in layers:
            f, t, W = positions(ours[q]), positions(wanted[q]), maps[q]
            some = slice(step % 5, None, 5) if f.shape[1] > 2000 else slice(None)  # enough positions for the map
            t_some = t[:, some].float() / power[q].sqrt()
            mapped = f[:, some] @ W.T.bfloat16()
            error = (mapped - t_some).square().mean() / t_some.square().mean()
            painted = difference_error(t_some[batch : 3 * batch], mapped[batch : 3 * batch]).mean()
            mean = f.float().mean((0, 1)).clamp_min(1e-3)
            # Filters of mean activation one, as normalize_activations will make them
            evenness = mean.log().square().mean()
            weight = 2.0 if q.startswith("relu3") else 1.0  # most of what is left to learn is there
            loss = loss + weight * (0.5 if q in FEATURES else 1.0) * error + 0.5 * weight * painted + 0.02 * evenness
            note(q, error)
            note(q + " painted", painted)
            if q in STYLE:
                spread = W.T @ W
                isometry = (spread / spread.diagonal().mean() - torch.eye(len(spread))).square().sum() / len(spread)
                gram = (f.mT @ f).float() / f.shape[1]
                goal = (t.mT @ t).float() / t.shape[1] / power[q]
                power_of = goal.square().mean((1, 2))
                residual = W @ gram @ W.T - goal
                gram_error = (residual.square().mean((1, 2)) / power_of).mean()  # per picture
                # Of picture and style crop; what both have does not matter
                unlike = residual[2 * batch : 3 * batch] - residual[:batch]
                style_error = (unlike.square().mean((1, 2)) / power_of[:batch]).mean()
                loss = loss + weight * (gram_error + 3 * style_error) + 0.1 * isometry
                for name, value in (
                    ("Gram", gram_error),
                    ("style", style_error),
                    ("iso", isometry),
                    ("even", evenness),
                ):
                    note(q + " " + name, value)
        learn(loss, train + list(maps.values()), optimizer)
        note("painting", painter.step())
        average.update_parameters(student)
        keep(step, began, log, average, raw)
    finish(student, average, raw)


# ------------------------------------------------------------------------------------------------------------ blocks 4-5


def deep_data(student, teacher, images):
    """The frozen pool3 of some images (n, 3, H, W), and the teacher's activations that blocks 4 and 5 shall match, all
    bfloat16.
    """
    parts = {q: [] for q in ("pool3", *DEEP_GOALS)}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for batch in images.split(16):
            parts["pool3"].append(student(batch, ["pool3"])["pool3"].bfloat16())
            half, quarter = teacher(smaller(batch, 2), ["relu3_1", "relu3_2"]), teacher(smaller(batch, 4), ["relu3_1"])
            for q, (layer, factor) in DEEP_GOALS.items():
                parts[q].append((half if factor == 2 else quarter)[layer].bfloat16())
    return {q: torch.cat(parts.pop(q)) for q in list(parts)}


def deep_blocks(student, pool3, layers):
    """`student` from pool3 on."""
    found, x = {}, pool3
    for name in student.layers[student.layers.index("pool3") + 1 :]:
        if name.startswith("pool"):
            x = F.avg_pool2d(x, 2)
        else:
            x = F.relu(x) if name.startswith("relu") else student.get_submodule(name)(x)
        if name in layers:
            found[name] = x
    return found


def deep_objective(network, style, content, layers, alpha):
    """Gram matrices of `layers` relative to those of `style`, and alpha times relu4_2 relative to that of `content`, at
    one size.
    """
    content_layer = DEEP_PAINTING[1]
    with torch.no_grad():
        goals = {q: grams_of(f) for q, f in network(style, layers).items()}
        photo = network(content, content_layer)[content_layer].float()

    def objective(image):
        features = network(image, {*layers, content_layer} if alpha else layers)
        loss = sum(
            (grams_of(features[q]) - goal).square().mean() / goal.square().mean() for q, goal in goals.items()
        ) / len(goals)
        if alpha:
            loss = loss + alpha * (features[content_layer].float() - photo).square().mean() / photo.square().mean()
        return {"all": 1e4 * loss}

    return objective


def paint(student, style, content, deep):
    """Pictures (3 n, 3, H, W) of n crops each: after 15, 45 and 105 steps. Not `deep`: with blocks 1-3 at three sizes.

    A third of the deep ones are textures from noise, of the first three, four or all five of the paper's layers.
    """
    network, found = student.for_optimization("bfloat16"), []
    for i in range(len(style)):
        one, texture = slice(i, i + 1), deep and i % 3 == 0
        alpha = 0.0 if texture else 10 ** torch.empty(1).uniform_(-3, -1).item()
        image = torch.rand_like(content[one]) if texture or i % 5 == 0 else content[one]
        if deep:
            layers = DEEP_PAINTING[0][: 3 + i % 9 // 3 if texture else 5]
            objective = deep_objective(network, style[one], content[one], layers, alpha)
        else:
            goals = painting_goals(network, style[one], content[one])
            objective = lambda x, goals=goals, alpha=alpha: {
                "all": 1e4 * painting_loss(network, x, goals, alpha / 3).sum()
            }
        for steps in (15, 30, 60):
            image = optimize_image(image, objective, steps=steps, progress=False).image
            found.append(image)
    return torch.cat(found)


def first_maps(student, data, known):
    """Maps from our features to the goals (teacher's filters, ours), and what the goals are divided by, for each layer
    of DEEP_GOALS.

    `known`: the best maps for blocks 4 and 5 as they are. If not, each of their filters shall become one of the
    teacher's most independent.
    """
    power, maps = {}, {}
    with torch.no_grad():
        found = deep_blocks(student, data["pool3"].float(), DEEP_GOALS)
    for q in DEEP_GOALS:
        f, t = (positions(v.float()).flatten(0, 1) for v in (found[q], data[q]))
        power[q] = t.square().mean().sqrt()
        if known:
            maps[q] = torch.linalg.lstsq(f, t / power[q]).solution.T.contiguous()
        else:
            order = scipy.linalg.qr(t[torch.randperm(len(t))[:20000]].numpy(), mode="r", pivoting=True)[1]
            maps[q] = t.mean() / power[q] * torch.eye(t.shape[1])[:, order[: f.shape[1]].copy()]
    return {q: nn.Parameter(W) for q, W in maps.items()}, power


def feature_terms(q, features, goal, W, painted):
    """What is minimised at one layer; the batch begins with style crops, content crops and pictures, `painted` of
    each.
    """
    f, t = positions(features), positions(goal)
    mapped = (f.bfloat16() @ W.T.bfloat16()).float()
    painting = slice(painted, 3 * painted)  # content crops and pictures
    terms = {
        q: ((mapped - t).square().mean((1, 2)) / t.square().mean((1, 2))).mean(),
        q + " painted": difference_error(t[painting], mapped[painting]).mean(),
    }
    if q == "relu4_2":  # a content loss takes the lengths of differences
        f = f.float() / f.float().mean((0, 1)).clamp_min(1e-3)  # filters as normalize_activations will make them
        (f_photo, f_picture), (t_photo, t_picture) = f[painting].chunk(2), t[painting].chunk(2)
        f, t = f[3 * painted :], t[3 * painted :]
        terms[q + " metric"] = (
            metric_error(t_picture - t_photo, f_picture - f_photo) + metric_error(t - t.roll(1, 0), f - f.roll(1, 0))
        ) / 2
        return terms
    gram = t.mT @ t / t.shape[1]
    residual, power_of = W @ grams_of(features) @ W.T - gram, gram.square().mean((1, 2))
    terms[q + " Gram"] = (residual.square().mean((1, 2)) / power_of).mean()
    # Of picture and style crop; what both have does not matter
    unlike = residual[2 * painted : 3 * painted] - residual[:painted]
    terms[q + " style"] = (unlike.square().mean((1, 2)) / power_of[:painted]).mean()
    spread = W.T @ W
    terms[q + " iso"] = (spread / spread.diagonal().mean() - torch.eye(len(spread))).square().sum() / len(spread)
    return terms


def knowledge_terms(heads, vectors, numbers):
    """Cross-entropies of object and domain, and of which left half belongs to which right half; `vectors` (B, 2, C) of
    the halves.
    """
    both = vectors.mean(1)
    one, two = F.normalize(heads["picture"](vectors), dim=2).unbind(1)
    return {
        "object": F.cross_entropy(heads["object"](both), numbers[:, 0], ignore_index=-1),
        "domain": F.cross_entropy(heads["domain"](both), numbers[:, 1], ignore_index=-1),
        "picture": F.cross_entropy(one @ two.T / 0.1, torch.arange(len(one))),
    }


def train_deep(student, teacher, pictures, labels, random, options, raw, batch=10, painted=4, rounds=4, count=36):
    """Blocks 4-5 on the frozen pool3, which is calculated once for each crop; see the top of this file.

    Before each of the rounds `count` more pictures are painted. A batch: that many style crops, content crops, pictures
    `painted`, and others.
    """
    if not options.deep_steps:
        return
    began = time.time()
    # Every tenth picture is left for the probes.
    train_on = [i for i in range(len(pictures)) if i % HELD_OUT] * DEEP_CROPS
    chance = sampler([labels[i] for i in train_on])
    crops = torch.from_numpy(
        np.stack([crop(pictures[i], DEEP_CROP, random) for i in train_on])
    )  # uint8, to save memory
    as_images = lambda some: to_tensor(*some.numpy())
    some = [deep_data(student, teacher, as_images(chunk)) for chunk in crops.split(256)]
    data = {q: torch.cat([chunk.pop(q) for chunk in some]) for q in list(some[0])}
    things = sorted({label[1] for label in labels if label})
    numbers = torch.tensor(
        [(things.index(labels[i][1]), DOMAINS.index(labels[i][0])) if labels[i] else (-1, -1) for i in train_on]
    )
    print(f"pool3 and goals of {len(crops)} crops, {time.time() - began:.0f} s", flush=True)
    some = random.choice(len(train_on), 150, p=chance)
    maps, power = first_maps(student, {q: v[some] for q, v in data.items()}, known=options.keep_deep)
    last = WIDTHS["5_4"]
    heads = nn.ModuleDict(
        {
            "object": nn.Linear(last, len(things)),
            "domain": nn.Linear(last, len(DOMAINS)),
            "picture": nn.Sequential(nn.Linear(last, 128), nn.ReLU(), nn.Linear(128, 64)),
        }
    )
    train = parameters(student, (4, 5))
    for p in train:
        p.requires_grad_(True)
    everything = train + list(maps.values()) + list(heads.parameters())
    optimizer = torch.optim.AdamW(everything, betas=(0.9, 0.99), weight_decay=0.01)
    average = averaged(student)
    weight = {"style": 3.0, "metric": 2.0, "iso": 0.1, "painted": 0.5, "object": 0.2, "domain": 0.1, "picture": 0.2}
    log, pool = {}, {}
    for step in range(options.deep_steps):
        if step % math.ceil(options.deep_steps / rounds) == 0:  # paint, with the averaged network, and add to the pool
            chosen = torch.from_numpy(random.choice(len(train_on), (count, 2), p=chance))
            painter = average.module
            images = paint(painter, as_images(crops[chosen[:, 0]]), as_images(crops[chosen[:, 1]]), deep=step > 0)
            new = {**deep_data(student, teacher, images), "from": chosen.repeat_interleave(3, 0)}
            pool = {q: torch.cat([pool[q], v]) if pool else v for q, v in new.items()}
            print(f"{len(pool['from'])} pictures painted, {time.time() - began:.0f} s", flush=True)
        cosine(optimizer, options.rate, step, options.deep_steps)
        now = torch.randint(len(pool["from"]), (painted,))
        others = torch.from_numpy(random.choice(len(train_on), batch, p=chance))
        real = torch.cat([*pool["from"][now].T, others])  # style crops, content crops, others
        goals = {q: torch.cat([data[q][real[: 2 * painted]], pool[q][now], data[q][others]]).float() for q in data}
        pool3 = goals.pop("pool3").contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = deep_blocks(
                student, pool3, {name for name in student.layers if name.startswith(("relu4", "relu5"))}
            )
        evenness = sum(f.float().mean((0, 2, 3)).clamp_min(1e-3).log().square().mean() for f in found.values())
        terms = {}
        for q, goal in goals.items():
            terms |= feature_terms(q, found[q], goal / power[q], maps[q], painted)
        halves = torch.stack([half.float().mean((2, 3)) for half in found["relu5_4"].chunk(2, dim=3)], 1)
        terms |= knowledge_terms(heads, torch.cat([halves[: 2 * painted], halves[3 * painted :]]), numbers[real])
        loss = 0.1 * evenness + sum(weight.get(k.split()[-1], 1.0) * v for k, v in terms.items())
        learn(loss, everything, optimizer)
        average.update_parameters(student)
        for k, v in terms.items():
            log[k] = 0.98 * log.get(k, v.item()) + 0.02 * v.item()
        keep(step, began, log, average, raw)
    finish(student, average, raw)


if __name__ == "__main__":
    main()

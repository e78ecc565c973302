"""Train `mini`, the network that ships with nstlib: VGG-19's sixteen convolutions at a fraction of their width.

    python tools/train_mini.py --teacher TEACHER --images IMAGES --out data/mini.safetensors

TEACHER is a safetensors file with `convB_I.weight` and `convB_I.bias` for RGB in 0...255 minus VGG's mean, or the word `vgg19`
(torchvision's). IMAGES is a folder or a tar of JPEG or PNG files; folders named DOMAIN/OBJECT give the labels for blocks 4 and 5.

1. Blocks 1-3 start as the teacher's most independent filters (`prune`) and learn the teacher's features where style transfer uses them.
   Per layer a linear map W, kept close to a multiple of an isometry so that distances between Gram matrices carry over, takes our features
   to the teacher's; the loss is the relative squared error of the features plus that of the Gram matrices, and a pull of each filter's
   mean activation to one. A quarter of each batch are pictures painted *by the network in training*, with content and style loss, half
   done or finished: what the optimisation would exploit, training sees. There the difference between a picture and its photograph is
   compared as well: a ripple that the teacher notices in a smooth sky is a small part of all features, but most of that difference.
2. Blocks 4-5 start as filters that hand pool3 on, and learn on the frozen pool3: to keep its features and Gram matrices, to keep (relu4_2) what
   it tells of relu3_2 and the distances there, to name objects and domains, and to tell two crops of one picture from other pictures.
3. Each filter is rescaled to a mean activation of one (nstlib.networks.normalize_activations) and all is stored in float16.
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

from nstlib.networks import IMAGENET_MEAN, IMAGENET_STD, FeatureNetwork, load_network, normalize_activations
from nstlib.optimize import CONTENT_LAYERS, CONTENT_WEIGHT, STYLE_LAYERS, style_transfer

# Filters of each convolution. Only relu1_1 is compared at full size; conv1_2 with half as many as conv1_1 saves a seventh of all time.
# conv4_2 has many, because relu4_2 alone has to tell how far the photograph is: with 96 filters the best ones would miss 4.5 % of what
# `detail` says, with 192 less than 1 %.
WIDTHS = {"1_1": 32, "1_2": 16, "2_1": 64, "2_2": 64, "3_1": 128, "3_2": 112, "3_3": 112, "3_4": 128,
          "4_1": 96, "4_2": 192, "4_3": 96, "4_4": 96, "5_1": 128, "5_2": 128, "5_3": 128, "5_4": 128}
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")  # features and Gram matrices are compared here,
FEATURES = ("relu1_2", "relu2_2", "relu3_2", "relu3_3")  # features alone here
SHALLOW_PAINTING = (STYLE, "relu3_2")  # style layers and content layer of the pictures painted during training
DEEP_PAINTING = (STYLE_LAYERS, *CONTENT_LAYERS)
CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
DOMAINS = ("photo", "art_painting", "cartoon", "sketch")
HELD_OUT = 10  # every tenth picture takes no part in training blocks 4 and 5: tools/probe_mini.py tests on those


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True, help='safetensors file or "vgg19"')
    parser.add_argument("--images", required=True, type=Path, help="folder or tar of pictures")
    parser.add_argument("--out", required=True, type=Path, help="safetensors file to write; OUT with .json beside it")
    parser.add_argument("--steps", type=int, default=6000, help="steps for blocks 1-3 (default %(default)s)")
    parser.add_argument("--deep-steps", type=int, default=2500, help="steps for blocks 4-5 (default %(default)s)")
    parser.add_argument("--crop", type=int, default=96, help="side of the training crops in pixels (default %(default)s)")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--start", type=Path, help="go on from this file: an OUT, or its OUT.raw (float32, before normalisation); "
                                                   "where it is wider than WIDTHS, its most independent filters are kept")
    parser.add_argument("--keep-deep", action="store_true", help="go on from START's blocks 4-5 too, not from filters that hand pool3 on")
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
    train_deep(student, pictures, labels, random, options, raw)

    images = [to_tensor(crop(pictures[i], 160, random)) for i in random.permutation(len(pictures))[:400]]
    student = normalize_activations(student.to(memory_format=torch.contiguous_format), images)
    data = save({k: v.half().contiguous() for k, v in student.state_dict().items() if k.startswith("conv")})
    options.out.write_bytes(data)
    record = {"file": options.out.name, "sha256": hashlib.sha256(data).hexdigest(), "widths": WIDTHS,
              "steps": options.steps, "deep_steps": options.deep_steps, "crop": options.crop, "rate": options.rate,
              "start": options.start and options.start.name, "seed": options.seed, "torch": torch.__version__,
              "minutes": round((time.time() - began) / 60)}
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
    patch = picture[y:y + side, x:x + side]
    if random.random() < 0.5:
        patch = patch[:, ::-1]
    return patch if side == size else np.asarray(Image.fromarray(patch).resize((size, size), Image.BICUBIC))


def to_tensor(*arrays):
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=torch.channels_last)


def sampler(labels):
    """Probability of each picture: paintings count three times, line sketches a third."""
    weight = np.array([{"art_painting": 3.0, "cartoon": 0.7, "sketch": 0.3}.get(label[0] if label else "", 1.5) for label in labels])
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
    return [p for name, p in network.named_parameters() if int(name[4]) in blocks]


def cosine(optimizer, rate, step, steps):
    """Learning rate: a short linear rise, then half a cosine down to a hundredth."""
    factor = min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1) * factor


def report(step, began, log):
    terms = "  ".join(f"{name.removeprefix('relu')} {value:.4f}" for name, value in log.items())
    print(f"{step:6d} {time.time() - began:6.0f} s  {terms}", flush=True)


def save_raw(network, average, path):
    state = {k: v for k, v in network.state_dict().items() if k.startswith("conv")}
    state.update(average or {})
    path.write_bytes(save({k: v.float().contiguous() for k, v in state.items()}))


# ------------------------------------------------------------------------------------------------------------ blocks 1-3

class Painter:
    """Pictures painted with the network in training, from a content crop in the manner of a style crop, each replaced after a while.

    Two thirds are being painted by Adam, one step whenever they are looked at. The rest are finished pictures of `style_transfer`: what
    L-BFGS finds in 150 steps, Adam does not.
    """

    def __init__(self, draw, count, student, life=100):
        self.draw, self.student, self.life = draw, student, life
        self.finished = torch.arange(count) % 3 == 0
        self.style, self.content, self.image, self.alpha = self.fresh(torch.arange(count))
        self.moment, self.square = torch.zeros_like(self.image), torch.zeros_like(self.image)
        self.age = torch.randint(0, life, (count,))

    def fresh(self, places):
        """Style and content crops, where to start, and the content weight: 0.003 to 0.3 of the style's; a fifth without any."""
        count = len(places)
        style, content = self.draw(2 * count).chunk(2)
        noise, free = torch.rand(2, count) < 0.2
        start = torch.where(noise.view(-1, 1, 1, 1), torch.rand_like(content), content)
        alpha = 10 ** (torch.rand(count) * 2 - 2.5) * ~free
        for i in self.finished[places].nonzero().flatten().tolist():  # the default content weight is an alpha of about 0.15
            start[i] = style_transfer(content[i:i + 1], style[i:i + 1], network=self.student, init=start[i:i + 1], size=None, steps=150,
                                      content_weight=CONTENT_WEIGHT * alpha[i].item() / 0.05, coarse_to_fine=False, progress=False).image[0]
        return style, content, start, alpha

    def pick(self, count):
        """Style crops, content crops and pictures, and the content weights of the pictures."""
        self.chosen = torch.randperm(len(self.age))[:count]
        return self.style[self.chosen], self.content[self.chosen], self.image[self.chosen].requires_grad_(True), self.alpha[self.chosen]

    def step(self, gradient, rate=0.03):
        at = self.chosen
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


def painting_loss(features, alpha, style_layers, content_layer):
    """What the pictures are painted for, one number for each; `features` begin with those of the style crops, content crops and pictures."""
    count, loss = len(alpha), 0.0
    for q in style_layers:
        f = positions(features[q][:3 * count].float())
        gram = f.mT @ f / f.shape[1]
        goal, picture = gram[:count].detach(), gram[2 * count:]
        loss = loss + (picture - goal).square().mean((1, 2)) / goal.square().mean((1, 2)) / len(style_layers)
    goal, picture = features[content_layer][count:3 * count].float().chunk(2)
    goal = goal.detach()
    return loss + alpha * (picture - goal).square().mean((1, 2, 3)) / goal.square().mean((1, 2, 3))


def difference_error(wanted, ours):
    """Relative squared error of the difference between pictures and their photographs (B, h*w, C), one number for each picture.

    wanted, ours : what the teacher, the student has of [photographs, pictures]. Where a picture is hardly painted yet, a fiftieth of the
        photograph's power counts as difference.
    """
    (t_photo, t), (f_photo, f) = wanted.chunk(2), ours.chunk(2)
    power = (t - t_photo).square().mean((1, 2)).maximum(0.02 * t_photo.square().mean((1, 2)))
    return ((f - f_photo) - (t - t_photo)).square().mean((1, 2)) / power


def metric_error(wanted, ours, count=600):
    """Relative squared error of the inner products of some differences (B, h*w, C): 0 where lengths and angles agree up to one factor.

    So distances may be taken in either, whatever linear map leads from one to the other (1 - CKA^2 of Kornblith et al., 2019, uncentred).
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
    """Starting weights for blocks 1-3: of each layer the teacher's most independent filters, refitted to the filters kept below.

    Filters are picked one by one, each time the one that those already picked explain least (QR with column pivoting on the
    activations); its weights are the least-squares fit of the teacher's activation before the ReLU to the student's layer
    below, and its scale is set so that its mean activation is one (as in He et al., Channel pruning, 2017).
    """
    weights, below = {}, None
    layers = [layer for layer in teacher.layers if layer[0] != "p" and int(layer[4]) <= 3]
    wanted = teacher(images, layers)
    for key in [layer[4:] for layer in layers if layer.startswith("conv")]:
        if below is None:
            below = (images - torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)) / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        elif key.endswith("_1"):
            below = F.avg_pool2d(below, 2)
        after, before = (positions(wanted[kind + key]).flatten(0, 1) for kind in ("relu", "conv"))
        some = torch.randperm(len(after))[:30000]
        chosen = scipy.linalg.qr(after[some].numpy(), mode="r", pivoting=True)[1][:widths[key]]
        chosen.sort()  # where all are kept, they keep their places, and what lies above still fits
        patches = positions(F.unfold(below, 3, padding=1).unflatten(2, below.shape[2:])).flatten(0, 1)[some]
        patches = torch.cat([patches, torch.ones(len(patches), 1)], 1).double()  # the bias is one more input
        normal = patches.T @ patches
        ridge = 1e-4 * normal.diagonal().mean() * torch.eye(len(normal))
        fit = torch.linalg.solve(normal + ridge, patches.T @ before[some][:, chosen].double()).T.float()  # (width, 9 inputs + 1)
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
    draw = lambda n: to_tensor(*(crop(pictures[i], options.crop, random) for i in random.choice(len(pictures), n, p=chance)))
    painter = Painter(draw, 40, student)
    layers = STYLE + FEATURES
    with torch.no_grad():
        images = draw(48)
        ours, wanted = student(images, layers), teacher(images, layers)
    power = {q: wanted[q].square().mean() for q in layers}
    maps = {q: nn.Parameter(torch.linalg.lstsq(positions(ours[q]).flatten(0, 1), positions(wanted[q]).flatten(0, 1)).solution.T
                            / power[q].sqrt()) for q in layers}  # (teacher's filters, student's)
    train = parameters(student, (1, 2, 3))
    for p in train:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam([{"params": train}, {"params": list(maps.values())}], betas=(0.9, 0.99))
    average = {n: p.detach().clone() for n, p in student.named_parameters() if int(n[4]) <= 3}
    log, began = {}, time.time()

    def note(name, value):
        log[name] = 0.98 * log.get(name, value.item()) + 0.02 * value.item()

    for step in range(options.steps):
        cosine(optimizer, options.rate, step, options.steps)
        style, content, image, alpha = painter.pick(batch)
        images = torch.cat([style, content, image, draw(batch)])
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
            painted = difference_error(t_some[batch:3 * batch], mapped[batch:3 * batch]).mean()
            mean = f.float().mean((0, 1)).clamp_min(1e-3)
            evenness = mean.log().square().mean()  # filters of mean activation one, as normalize_activations will make them
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
                unlike = residual[2 * batch:3 * batch] - residual[:batch]  # of picture and style crop; what both have does not matter
                style_error = (unlike.square().mean((1, 2)) / power_of[:batch]).mean()
                loss = loss + weight * (gram_error + 3 * style_error) + 0.1 * isometry
                for name, value in (("Gram", gram_error), ("style", style_error), ("iso", isometry), ("even", evenness)):
                    note(q + " " + name, value)
        painting = painting_loss(ours, alpha, *SHALLOW_PAINTING)
        gradient, = torch.autograd.grad(painting.sum(), image, retain_graph=True)
        note("painting", painting.detach().median())
        optimizer.zero_grad()
        loss.backward(inputs=train + list(maps.values()))
        nn.utils.clip_grad_norm_(train + list(maps.values()), 2.0)
        optimizer.step()
        painter.step(gradient)
        decay = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            for n, p in student.named_parameters():
                if n in average:
                    average[n].lerp_(p, 1 - decay)
        if step % 100 == 99:
            report(step + 1, began, log)
        if step % 500 == 499:
            save_raw(student, average, raw)
    student.load_state_dict(average, strict=False)
    student.requires_grad_(False)
    save_raw(student, None, raw)


# ------------------------------------------------------------------------------------------------------------ blocks 4-5

def deep_data(student, pictures, labels, random, crops=2, size=128):
    """Two crops of each picture as the frozen pool3 (n, 2, C, 16, 16), and the numbers of its object and domain (-1: unlabelled)."""
    things = sorted({label[1] for label in labels if label})
    features = torch.empty(len(pictures), crops, WIDTHS["3_4"], size // 8, size // 8, dtype=torch.bfloat16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for i in range(0, len(pictures), 16):
            images = to_tensor(*(crop(p, size, random) for p in pictures[i:i + 16] for _ in range(crops)))
            features[i:i + 16] = student(images, ["pool3"])["pool3"].unflatten(0, (-1, crops))
    numbers = [(things.index(label[1]), DOMAINS.index(label[0])) if label else (-1, -1) for label in labels]
    return features, torch.tensor(numbers)


def deep_blocks(student, pool3, layers):
    """`student` from pool3 on."""
    found, x = {}, pool3
    for name in student.layers[student.layers.index("pool3") + 1:]:
        if name.startswith("pool"):
            x = F.avg_pool2d(x, 2)
        else:
            x = F.relu(x) if name.startswith("relu") else student.get_submodule(name)(x)
        if name in layers:
            found[name] = x
    return found


def pass_through(student, pool3):
    """Starting weights for blocks 4 and 5: each filter hands one filter of the layer below on, plus a little of He's noise.

    conv4_1 takes the filters of pool3 that are most independent (as `prune` does), so the training starts from features that already
    know what pool3 knows, and learns from there.
    """
    order = scipy.linalg.qr(positions(pool3.float()).flatten(0, 1)[:30000].numpy(), mode="r", pivoting=True)[1]
    for name in [name for name in student.layers if name[:5] in ("conv4", "conv5")]:
        weight = student.get_submodule(name).weight
        identity = nn.init.dirac_(torch.empty_like(weight), groups=max(1, len(weight) // weight.shape[1]))
        if name == "conv4_1":
            identity = identity[:, np.argsort(order)]  # filter i of conv4_1 hands on filter order[i] of pool3
        he = torch.randn_like(weight) * math.sqrt(2 / weight[0].numel())
        weight.data = identity + (0.2 if name.startswith("conv4") else 0.5) * he


@torch.no_grad()
def detail(student, images):
    """Kernel (4 C, C, 3, 3) of the best linear prediction of relu3_2 (the four positions under each of pool3's) from pool3."""
    found = student(images, ["relu3_2", "pool3"])
    patches = positions(F.unfold(found["pool3"], 3, padding=1).unflatten(2, found["pool3"].shape[2:])).flatten(0, 1)
    patches = torch.cat([patches, torch.ones(len(patches), 1)], 1)  # a bias, which no difference sees, is left out below
    wanted = positions(F.pixel_unshuffle(found["relu3_2"], 2)).flatten(0, 1)
    normal = (patches.T @ patches).double()
    ridge = 1e-3 * normal.diagonal().mean() * torch.eye(len(normal))
    kernel = torch.linalg.solve(normal + ridge, (patches.T @ wanted).double()).T.float()
    return kernel[:, :-1].unflatten(1, (-1, 3, 3)).contiguous()


def disturb(pool3):
    """Features as no picture has them, but a picture in the making might: positions shuffled, another picture blended in, noise."""
    n, _, h, w = pool3.shape
    shuffled = pool3.flatten(2)[..., torch.randperm(h * w)].unflatten(2, (h, w))
    blend, noise = torch.rand(2, n, 1, 1, 1)
    other = torch.where(torch.rand(n, 1, 1, 1) < 0.5, shuffled, pool3.roll(1, 0))
    spread = pool3.std((0, 2, 3), keepdim=True)
    return F.relu(pool3 + 0.7 * blend * (other - pool3) + noise * spread * torch.randn(pool3.shape))


def train_deep(student, pictures, labels, random, options, raw, batch=32, painted=6):
    """Blocks 4-5 on the frozen pool3: what is seen where (objects, domains, which picture), and enough of pool3 to paint with.

    relu4_1 and relu5_1, the style layers, keep features and Gram matrices of pool3, at its own and at half its resolution, as blocks
    1-3 keep the teacher's; relu4_2, the content layer, keeps what pool3 tells of relu3_2 (`detail`), also of disturbed features, and the
    distances there (`metric_error`), also between pictures in the making and their photographs, which an optimisation would find;
    relu5_2 keeps pool3 blurred; relu5_4 names object and domain and knows a picture by its crop.
    """
    if not options.deep_steps:
        return
    keep = [i for i in range(len(pictures)) if i % HELD_OUT]  # every tenth picture is left for the probes
    data, numbers = deep_data(student, [pictures[i] for i in keep], [labels[i] for i in keep], random)
    print(f"pool3 of {data.shape[0]} × {data.shape[1]} crops", flush=True)
    if not options.keep_deep:
        pass_through(student, data[torch.randperm(len(data))[:500], 0])
    kernel = detail(student, to_tensor(*(crop(pictures[i], 128, random) for i in random.choice(keep, 300, replace=False))))
    last = WIDTHS["5_4"]
    goals = {"relu4_1": 1, "relu4_2": 1, "relu5_1": 2, "relu5_2": 2}  # layer -> by how much pool3 is averaged

    def goal_of(q, pool3):
        if q == "relu4_2":
            return positions(F.conv2d(pool3, kernel, padding=1))
        t = F.avg_pool2d(pool3, goals[q])
        return positions(F.avg_pool2d(t, 3, 1, 1, count_include_pad=False) if q == "relu5_2" else t)

    with torch.no_grad():  # maps from our features to the goals: at first the best ones
        some = data[torch.randperm(len(data))[:200], 0].float()
        found = deep_blocks(student, some, goals)
        maps = {q: nn.Parameter(torch.linalg.lstsq(positions(found[q]).flatten(0, 1), goal_of(q, some).flatten(0, 1)).solution.T.contiguous())
                for q in goals}
    heads = nn.ModuleDict({"object": nn.Linear(last, 1 + int(numbers[:, 0].max())), "domain": nn.Linear(last, len(DOMAINS)),
                           "picture": nn.Sequential(nn.Linear(last, 128), nn.ReLU(), nn.Linear(128, 64))})
    train = parameters(student, (4, 5))
    for p in train:
        p.requires_grad_(True)
    everything = train + list(maps.values()) + list(heads.parameters())
    optimizer = torch.optim.AdamW(everything, betas=(0.9, 0.99), weight_decay=0.01)
    average = {n: p.detach().clone() for n, p in student.named_parameters() if int(n[4]) > 3}
    log, began = {}, time.time()
    painter = Painter(lambda n: to_tensor(*(crop(pictures[i], 96, random) for i in random.choice(keep, n))), 40, student)
    for step in range(options.deep_steps):
        cosine(optimizer, options.rate, step, options.deep_steps)
        style, content, image, alpha = painter.pick(painted)
        with torch.autocast("cpu", torch.bfloat16):
            painting = student(torch.cat([style, content, image]), [*DEEP_PAINTING[0], DEEP_PAINTING[1], "pool3"])
        gradient, = torch.autograd.grad(painting_loss(painting, alpha, *DEEP_PAINTING).sum(), image, retain_graph=True)
        chosen = torch.randint(len(data), (batch,))
        y, x = torch.randint(0, 5, (2,)).tolist()
        seen = data[chosen][..., y:y + 12, x:x + 12].transpose(0, 1).flatten(0, 1).float()  # (2 · batch, C, 12, 12)
        pool3 = torch.cat([seen, disturb(seen[:batch])])
        with torch.autocast("cpu", torch.bfloat16):
            found = deep_blocks(student, pool3, {name for name in student.layers if name.startswith(("relu4", "relu5"))})
        means = torch.stack([f[:2 * batch].float().mean((0, 2, 3)).clamp_min(1e-3).log().square().mean() for f in found.values()])
        loss, terms = 0.1 * means.sum(), {"even": means.mean()}
        for q in goals:
            f, t, W = positions(found[q].float()), goal_of(q, pool3), maps[q]
            if q == "relu4_2":  # only differences count, and how long they are: what a content loss measures
                f_now, t_now = positions(painting[q].float()), goal_of(q, painting["pool3"].detach().float())
                terms[q + " painted"] = difference_error(t_now[painted:], f_now[painted:] @ W.T).mean()
                mean = f[:2 * batch].mean((0, 1)).clamp_min(1e-3)  # filters as normalize_activations will make them
                (t_photo, t_picture), (f_photo, f_picture) = t_now[painted:].chunk(2), (f_now[painted:] / mean).chunk(2)
                terms[q + " metric"] = (metric_error(t_picture - t_photo, f_picture - f_photo)
                                        + metric_error(t[:batch] - t[batch:2 * batch], (f[:batch] - f[batch:2 * batch]) / mean)) / 2
                f, t = (v - v[:2 * batch].mean((0, 1)) for v in (f, t))
            error = (f @ W.T - t).square().mean((1, 2)) / t.square().mean((1, 2))
            terms[q], terms[q + " odd"] = error[:2 * batch].mean(), error[2 * batch:].mean()
            if q in ("relu4_1", "relu5_1"):
                spread = W.T @ W
                loss = loss + 0.1 * (spread / spread.diagonal().mean() - torch.eye(len(spread))).square().sum() / len(spread)
            if q in ("relu4_1", "relu5_1"):
                gram, goal = f.mT @ f / f.shape[1], t.mT @ t / t.shape[1]
                terms[q + " Gram"] = ((W @ gram @ W.T - goal).square().mean((1, 2)) / goal.square().mean((1, 2))).mean()
        known = numbers[chosen].repeat(2, 1)
        vector = found["relu5_4"][:2 * batch].float().mean((2, 3))
        terms["object"] = F.cross_entropy(heads["object"](vector), known[:, 0], ignore_index=-1)
        terms["domain"] = F.cross_entropy(heads["domain"](vector), known[:, 1], ignore_index=-1)
        one, two = F.normalize(heads["picture"](vector), dim=1).split(batch)
        alike = one @ two.T / 0.1
        terms["picture"] = F.cross_entropy(alike, torch.arange(batch)) / 2 + F.cross_entropy(alike.T, torch.arange(batch)) / 2
        weight = {"relu4_2": 3.0, "relu4_2 odd": 3.0, "relu4_2 painted": 3.0, "relu4_2 metric": 3.0, "relu5_1": 0.5, "relu5_1 Gram": 0.5,
                  "relu5_2": 0.5, "relu5_2 odd": 0.0, "object": 0.3, "domain": 0.15, "picture": 0.3, "even": 0.0}
        loss = loss + sum(weight.get(k, 1.0) * v for k, v in terms.items())
        optimizer.zero_grad()
        loss.backward(inputs=everything)
        nn.utils.clip_grad_norm_(everything, 2.0)
        optimizer.step()
        painter.step(gradient)
        decay = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            for n, p in student.named_parameters():
                if n in average:
                    average[n].lerp_(p, 1 - decay)
        for k, v in terms.items():
            log[k] = 0.98 * log.get(k, v.item()) + 0.02 * v.item()
        if step % 100 == 99:
            report(step + 1, began, log)
    student.load_state_dict(average, strict=False)
    student.requires_grad_(False)
    save_raw(student, None, raw)


if __name__ == "__main__":
    main()

"""How fast, how large: our defaults against the plain loop of the textbooks, side by side in one run.

    python tools/benchmark.py [--sizes 128 256 384 512 768 1024] [--out outputs]
    python tools/benchmark.py --teacher vgg19_blocks1to3.safetensors --content PHOTO --style PAINTING

1. Memory at its peak and time, beside what `estimate` says beforehand; each in a process of its own.
2. One evaluation of the paper's objective (both losses and the gradient), on `mini` and on a network of VGG-19's shape
   with random weights, which take as long as the real ones. Textbook: float32, autograd's own derivative of F Fᵀ. Ours:
   what `style_transfer` does.
3. The race: the textbook's loop is 300 evaluations of L-BFGS in float32 at full size, from the photograph. How soon
   does `style_transfer` (with the textbook's zeros beyond the edges, otherwise default settings) reach the loss that it
   ends with, counted in float32 at full size? With --teacher also on the first blocks of the real VGG-19, from a file
   of `convB_I.weight` and `convB_I.bias`.
4. Schedules: the loss after as many steps, all at full size or from coarse to fine, in steps of different ratio and
   preconditioning.

The contenders take turns, so that whatever else the machine does falls on all alike. Writes benchmark.json and
benchmark.png to --out.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from nstlib import (
    PAPER,
    Stage,
    coarse_to_fine,
    estimate,
    gatys_objective,
    load_image,
    load_network,
    normalize_activations,
    picture_names,
    resize_image,
    style_transfer,
)
from nstlib.networks import CONVOLUTIONS_PER_BLOCK, VGG19_WIDTHS, FeatureNetwork, fast_precision
from nstlib.optimize.memory import history_size
from nstlib.plots import COLORS

CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)  # of a --teacher, which reads 0...255
# Of a --teacher
SHALLOW = PAPER | {
    "content_layers": ("relu3_2",),
    "style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu3_4"),
}
PARTS = ("memory", "evaluations", "race", "schedules")
SCHEDULES = {
    "all at full size": [(1, 1, 0)],  # size, share of the steps, preconditioning
    "1/2 1/2, no preconditioning": [(1 / 2, 1 / 2, 0), (1, 1 / 2, 0)],
    "1/4 1/4 1/2, no preconditioning": [(1 / 3, 1 / 4, 0), (2 / 3, 1 / 4, 0), (1, 1 / 2, 0)],
    "1/4 1/4 1/2, preconditioning -1": [(1 / 3, 1 / 4, -1), (2 / 3, 1 / 4, -1), (1, 1 / 2, -1)],
    "1/3 1/3 1/3, preconditioning 1 1/2 -1": [(1 / 3, 1 / 3, 1), (2 / 3, 1 / 3, 0.5), (1, 1 / 3, -1)],
    "1/4 1/4 1/2, preconditioning 1 1/2 -1": [(1 / 3, 1 / 4, 1), (2 / 3, 1 / 4, 0.5), (1, 1 / 2, -1)],
    "1/4 1/4 1/2, preconditioning 1 1/2 1/4": [(1 / 3, 1 / 4, 1), (2 / 3, 1 / 4, 0.5), (1, 1 / 2, 0.25)],  # ours
}
RACE_STEPS = (30, 45, 60, 75, 90, 120, 150, 180, 200, 220, 240, 250, 260, 270, 300)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[128, 256, 384, 512, 768, 1024], help="longer sides of 4:3 pictures"
    )
    parser.add_argument("--rounds", type=int, default=5, help="(default %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--race-on", nargs="+", choices=("mini", "teacher"), default=("mini", "teacher"))
    parser.add_argument("--race-size", type=int, default=384)
    parser.add_argument("--teacher", type=Path, help="safetensors file with the first blocks of the real VGG-19")
    parser.add_argument("--content", default="riverside_town", help="photograph of the race (default %(default)s)")
    parser.add_argument("--style", default="night_swirls", help="painting of the race (default %(default)s)")
    parser.add_argument("--memory-sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--out", type=Path, default=Path("outputs"))
    parser.add_argument("--child", nargs=3, metavar=("NETWORK", "PRECISION", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return print(json.dumps(child(*options.child)))
    found = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "precision": fast_precision(torch.device("cpu")),
    }
    print(
        f"{found['threads']} threads, torch {found['torch']}, the fast precision here is {found['precision']}",
        flush=True,
    )
    if "memory" in options.parts:  # first: Linux counts the parent's memory as part of a child's peak
        found["memory"] = memory(options.memory_sizes)
    if "evaluations" in options.parts:
        found["evaluations"] = evaluations(options.sizes, options.rounds)
    racers = {"mini": (load_network(device="cpu"), PAPER)}
    if options.teacher:
        racers["teacher"] = load_teacher(options.teacher), SHALLOW
    racers = {name: racer for name, racer in racers.items() if name in options.race_on}
    if "race" in options.parts:
        found["race"] = {name: race(*racer, options) for name, racer in racers.items()}
    if "schedules" in options.parts:
        found["schedules"] = {name: schedules(*racer, options) for name, racer in racers.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "benchmark.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(found, options.out / "benchmark.png")
    print(f"{options.out / 'benchmark.json'}, {options.out / 'benchmark.png'}")


# ---- networks and objectives ---------------------------------------------------------------------------------------------


def vgg19_sized() -> FeatureNetwork:
    """A network of VGG-19's shape, its weights drawn by He's rule."""
    weights, inputs = {}, 3
    for block, (width, count) in enumerate(zip(VGG19_WIDTHS, CONVOLUTIONS_PER_BLOCK, strict=True), 1):
        for index in range(1, count + 1):
            weights[f"conv{block}_{index}.weight"] = torch.randn(width, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            weights[f"conv{block}_{index}.bias"] = torch.zeros(width)
            inputs = width
    return FeatureNetwork(weights, name="vgg19-sized")


def load_teacher(file: Path) -> FeatureNetwork:
    teacher = FeatureNetwork(load_file(file), mean=CAFFE_MEAN, std=(1 / 255,) * 3, name="teacher")
    return normalize_activations(
        teacher,
        [
            load_image(name, size=256)
            for name in picture_names()
            if name in ("astronaut", "riverside_town", "night_swirls", "still_life")
        ],
    )


def objective(network, settings, photo, painting):
    """image -> total loss, as `style_transfer` weighs it; the longer sides of `photo` and `painting` are equal."""
    losses = gatys_objective(photo, painting, network, **settings)
    return lambda image: sum(losses(image).values())


def textbook_objective(network, settings, photo, painting):
    """The same total for the paper's objective, as textbooks write it: all activations first, and autograd's own
    derivative of F Fᵀ.
    """
    content_layers, style_layers = settings["content_layers"], settings["style_layers"]

    def gram(features):
        flat = features.flatten(2)
        return flat @ flat.mT / flat.shape[2]

    with torch.no_grad():
        P, A = network(photo, content_layers), {name: gram(f) for name, f in network(painting, style_layers).items()}

    def loss(image):
        F = network(image, [*content_layers, *style_layers])
        content = sum(0.5 * (F[name] - P[name]).square().sum() for name in P) / len(P)
        style = sum((gram(F[name]) - A[name]).square().sum() / (4 * F[name].shape[1] ** 2) for name in A) / len(A)
        return settings["content_weight"] * content + style  # β is 1

    return loss


# ---- 1: memory and time, foreseen and measured ---------------------------------------------------------------------------


def memory(sizes):
    print("\npeak memory of the whole program, GiB, and seconds for some steps at full size after the first")
    print(f"{'':32s}{'foreseen':>10s}{'measured':>10s}{'ratio':>7s}{'foreseen':>11s}{'measured':>10s}{'ratio':>7s}")
    rows = []
    for size in sizes:
        for network in ("mini", "vgg19"):
            for precision in ("float32", "bfloat16"):
                said = subprocess.run(
                    [sys.executable, __file__, "--child", network, precision, str(size)], capture_output=True, text=True
                )
                if said.returncode:
                    raise SystemExit(said.stderr)
                row = json.loads(said.stdout)
                rows.append({"network": network, "precision": precision, "size": size, **row})
                print(
                    f"{f'{network}, {precision}, {size} px':32s}{row['bytes'] / 2**30:10.2f}{row['peak'] / 2**30:10.2f}"
                    f"{row['bytes'] / row['peak']:7.2f}{row['estimate']:11.1f}{row['seconds']:10.1f}{row['estimate'] / row['seconds']:7.2f}",
                    flush=True,
                )
    return rows


def child(name, precision, size):
    import resource  # not on Windows

    network, size = load_network(device="cpu") if name == "mini" else vgg19_sized(), int(size)
    steps = history_size(3 * 4 * size * size * 3 // 4) + 2  # until L-BFGS remembers all it ever will
    foreseen = estimate(size, network, steps=steps, coarse_to_fine=False, precision=precision)
    photo, painting = torch.rand(2, 1, 3, size * 3 // 4, size)
    result = style_transfer(
        photo,
        painting,
        network=network,
        size=size,
        steps=steps + 1,
        coarse_to_fine=False,
        precision=precision,
        progress=False,
    )
    # The first step alone warms the libraries up: one of hundreds in a real run, one of few here
    first, *_, last = result.history
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "bytes": foreseen.bytes,
        "estimate": foreseen.seconds,
        "seconds": last["time"] - first["time"],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


# ---- 2: one evaluation ---------------------------------------------------------------------------------------------------


def evaluations(sizes, rounds):
    networks = {"mini": load_network(device="cpu"), "vgg19": vgg19_sized()}
    kinds = {
        "textbook float32": ("float32", True),
        "ours float32": ("float32", False),
        "ours": (fast_precision(torch.device("cpu")), False),
    }
    variants = {
        (name, kind): (network if textbook else network.for_optimization(precision), textbook)
        for kind, (precision, textbook) in kinds.items()
        for name, network in networks.items()
    }  # what is compared stands side by side
    seconds = {}
    print(
        f"\none evaluation, seconds, median of {rounds}\n{'size':>6s}"
        + "".join(f"{f'{name}, {kind}':>26s}" for name, kind in variants)
    )
    for size in sizes:
        images = torch.rand(3, 1, 3, size * 3 // 4, size)
        losses = {
            key: (textbook_objective if textbook else objective)(network, PAPER, *images[:2])
            for key, (network, textbook) in variants.items()
        }
        times = {key: [] for key in variants}
        for turn in range(rounds + 1):
            for key, loss in losses.items():
                started = time.perf_counter()
                image = images[2].clone().requires_grad_(True)
                loss(image).backward()
                if turn:  # one to warm up
                    times[key].append(time.perf_counter() - started)
        seconds[size] = {key: statistics.median(values) for key, values in times.items()}
        print(f"{size:6d}" + "".join(f"{seconds[size][key]:26.4f}" for key in variants), flush=True)
    for key in variants:
        print(
            f"{', '.join(key):26s} time grows as pixels to the {exponent(sizes, [seconds[s][key] for s in sizes]):.2f}"
        )
    for size in sizes:
        t = seconds[size]
        print(
            f"{size:5d} px: vgg19, ours / textbook {t['vgg19', 'ours'] / t['vgg19', 'textbook float32']:.2f}; "
            f"vgg19 / mini, both float32 {t['vgg19', 'ours float32'] / t['mini', 'ours float32']:.2f}; "
            f"vgg19 textbook / mini ours {t['vgg19', 'textbook float32'] / t['mini', 'ours']:.1f}"
        )
    return {", ".join(key): {size: seconds[size][key] for size in sizes} for key in variants}


def exponent(sizes, seconds):
    """Slope of log time over log pixels, by least squares."""
    x, y = torch.tensor(sizes).double().square().log(), torch.tensor(seconds).double().log()
    return (
        (((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()).item() if len(sizes) > 1 else math.nan
    )


# ---- 3: the race ---------------------------------------------------------------------------------------------------------


def race(network, settings, options):
    photo = load_image(options.content, size=options.race_size)
    painting = load_image(options.style, size=options.race_size)
    truth = objective(network, settings, photo, painting)
    plain, image = textbook_loop(textbook_objective(network, settings, photo, painting), photo)
    with torch.no_grad():
        goal = truth(image.clamp(0, 1)).item()  # of the picture that can be saved; its own pixels may lie out of range
    print(
        f"\nthe race on {network.name}, {photo.shape[-1]} × {photo.shape[-2]} pixels: the textbook's loop ends at {plain[-1][1]:.4g}, its pixels "
        f"cut off to [0, 1] at {goal:.4g}, after {len(plain)} evaluations, {plain[-1][0]:.1f} s",
        flush=True,
    )
    ours = []
    for steps in RACE_STEPS:
        started = time.perf_counter()
        result = style_transfer(
            photo, painting, network=network, **settings, size=None, steps=steps, edges="zeros", progress=False
        )
        seconds = time.perf_counter() - started
        with torch.no_grad():
            ours.append((seconds, truth(result.image).item(), steps))
        print(
            f"  ours, {steps:3d} steps: {ours[-1][1]:.4g} in {seconds:.1f} s, {seconds / plain[-1][0]:.3f} of its time",
            flush=True,
        )
        if ours[-1][1] <= goal:
            break
    return {"textbook": plain, "goal": goal, "ours": ours}


def textbook_loop(loss, photo, evaluations=300):
    """torch's L-BFGS on the pixels, as tutorials write it: (seconds, best loss so far) after each evaluation, and the
    picture.
    """
    image, history, started = photo.clone().requires_grad_(True), [], time.perf_counter()
    optimizer = torch.optim.LBFGS(
        [image], max_iter=evaluations, max_eval=evaluations, history_size=100, tolerance_grad=0, tolerance_change=0
    )

    def closure():
        optimizer.zero_grad()
        total = loss(image)
        total.backward()
        history.append((time.perf_counter() - started, min(total.item(), history[-1][1] if history else math.inf)))
        return total

    optimizer.step(closure)
    return history, image.detach()


# ---- 4: schedules of sizes -----------------------------------------------------------------------------------------------


def schedules(network, settings, options):
    photo, painting = (load_image(name, size=options.race_size) for name in (options.content, options.style))
    truth, rows, fast = objective(network, settings, photo, painting), [], network.for_optimization("auto", "zeros")

    def objective_at(size):
        return gatys_objective(resize_image(photo, size), resize_image(painting, size), fast, **settings)

    print(f"\nschedules on {network.name}, {photo.shape[-1]} × {photo.shape[-2]} pixels: seconds and loss in float32")
    for steps in (60, 120, 240):
        for name, stages in SCHEDULES.items():
            plan = [
                Stage(round(part * options.race_size), round(share * steps), exponent)
                for part, share, exponent in stages
            ]
            started = time.perf_counter()
            image = coarse_to_fine(photo, objective_at, plan, progress=False).image
            seconds = time.perf_counter() - started
            with torch.no_grad():
                rows.append({"steps": steps, "sizes": name, "seconds": seconds, "loss": truth(image).item()})
            print(f"  {steps:4d} steps, {name:30s}{seconds:8.1f} s{rows[-1]['loss']:10.4g}", flush=True)
    return rows


# ---- the picture ---------------------------------------------------------------------------------------------------------


def draw(found, file):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = {"mini": COLORS["content"], "vgg19": COLORS["style"], "teacher": COLORS["style"]}
    for name, seconds in found.get("evaluations", {}).items():
        network, kind = name.split(", ")
        style = {"textbook float32": "o:", "ours float32": "s--", "ours": "^-"}[kind]
        left.loglog(
            [0.75 * size**2 for size in seconds],
            seconds.values(),
            style,
            color=colours[network],
            label=f"{name}: as pixels to the {exponent(list(seconds), list(seconds.values())):.2f}",
        )
    left.set(title="One evaluation of both losses and the gradient", xlabel="pixels", ylabel="seconds")
    for name, runs in found.get("race", {}).items():
        right.semilogy(*zip(*runs["textbook"], strict=True), ":", color=colours[name], label=f"{name}, textbook")
        right.semilogy(
            [t for t, *_ in runs["ours"]],
            [loss for _, loss, _ in runs["ours"]],
            "^",
            color=colours[name],
            label=f"{name}, ours: runs of {', '.join(str(n) for *_, n in runs['ours'])} steps",
        )
        right.axhline(runs["goal"], color=colours[name], linewidth=0.5)
    right.set(title="Loss in float32 at full size", xlabel="seconds", ylabel="loss")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()

"""Checkers for the exercises of the lessons.

Each `check_*` takes the learner's own function, tries it on a few small numbers and prints one line: right, not attempted yet, or a
hint that names the mistake. It never shows the answer. Solutions: notebooks/solutions/.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstlib.losses import gram_matrix
from nstlib.networks import IMAGENET_MEAN, IMAGENET_STD


def _check(name: str, function: Callable, arguments: Sequence, right: Tensor | float, mistakes: Mapping[str, Tensor | float], *,
           praise: str = "") -> None:
    """Print one line about `function(*arguments)`.

    Parameters
    ----------
    name : what the exercise is called
    function : the learner's; None as its answer means that it is still the stub
    arguments : small tensors or numbers; copies are handed over
    right : the right answer; any layout of it with the same shape after squeezing ones is accepted
    mistakes : hint -> the answer that this mistake gives
    praise : what to say besides "right"
    """
    copies = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
    try:
        answer = function(*copies)
    except Exception as error:  # whatever the learner's code raises
        print(f"{name}: your code stopped with {type(error).__name__}: {error}")
        return
    if answer is None:
        print(f"{name}: not attempted yet")
        return
    if any(isinstance(a, Tensor) and not torch.equal(a, b) for a, b in zip(copies, arguments, strict=True)):
        print(f"{name}: not yet. Your function changed its input in place; make a new tensor instead (no `+=`, no `relu_`).")
        return
    try:
        answer = torch.as_tensor(answer).detach().double()
    except (TypeError, ValueError, RuntimeError):
        print(f"{name}: not yet. Your function returned {type(answer).__name__}; a tensor or a number is wanted.")
        return
    right = torch.as_tensor(right).double()
    if _same(answer, right):
        print(f"{name}: right" + (f". {praise}" if praise else ""))
        return
    for hint, wrong in mistakes.items():
        if _same(answer, torch.as_tensor(wrong).double()):
            print(f"{name}: not yet. {hint}")
            return
    if answer.squeeze().shape != right.squeeze().shape:
        print(f"{name}: not yet. Your answer has shape {tuple(answer.shape)}; {tuple(right.shape)} is wanted.")
    else:
        print(f"{name}: not yet. The shape is right, the numbers are not.")


def _same(answer: Tensor, other: Tensor) -> bool:
    answer, other = answer.squeeze(), other.squeeze()
    return answer.shape == other.shape and torch.allclose(answer, other, rtol=1e-4, atol=1e-6)


# ---- lesson 01 ---------------------------------------------------------------------------------------------------------

def check_to_tensor(function: Callable) -> None:
    """Lesson 01: bytes (H, W, 3) as an image (1, 3, H, W) in [0, 1]."""
    pixels = torch.tensor([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[51, 102, 153], [204, 51, 0], [255, 255, 255]]], dtype=torch.uint8)
    first = pixels.permute(2, 0, 1)[None]
    right, no_batch = first / 255, torch.full((1, 3, 2, 3), -1.0)

    def with_four_axes(array):
        answer = function(array)
        return no_batch if getattr(answer, "shape", None) == (3, 2, 3) else answer

    _check("to_tensor", with_four_axes, [pixels.numpy()], right, {
        "Your numbers still run to 255; the course's convention is 0 to 1.": first.float(),
        "White must become exactly 1: divide by 255, not by 256.": first / 256,
        "Whole-number division leaves only 0 and 1; use / instead of //.": first // 255,
        "view and reshape keep the order of the numbers in memory, so colours turn into places; permute moves the axes.":
            pixels.reshape(1, 3, 2, 3) / 255,
        "Red and blue are exchanged: your channels come in the order B, G, R.": right.flip(1),
        "Height and width are exchanged; the rows must stay rows.": right.mT,
        "The channels are still last; the convention is (1, 3, H, W).": pixels[None] / 255,
        "The leading 1 is missing: the convention is (1, 3, H, W), a batch of one picture.": no_batch,
    }, praise="nstlib.load_image does the same")


def check_convolve(function: Callable) -> None:
    """Lesson 01: one filter over three channels, with a border of zeros."""
    image = torch.tensor([[[[1.0, 0, 2, 1], [0, 3, 0, 0], [1, 1, 0, 2]], [[0, 1, 0, 0], [2, 0, 0, 1], [0, 0, 4, 0]],
                           [[1, 1, 0, 0], [0, 0, 2, 0], [3, 0, 0, 1]]]])
    kernel = torch.tensor([[[0.0, 1, 0], [0, 2, 0], [0, 0, -1]], [[1, 0, 0], [0, 0, 3], [0, 0, 0]], [[0, 0, -2], [0, 1, 0], [0, 0, 0]]])
    right = F.conv2d(image, kernel[None], padding=1)
    _check("convolve", function, [image, kernel], right, {
        "Your kernel is flipped. That is a convolution as mathematicians write it; networks lay the kernel on as it is.":
            F.conv2d(image, kernel.flip(1, 2)[None], padding=1),
        "Your kernel is transposed: its first index goes with the row, its second with the column.": F.conv2d(image, kernel.mT[None], padding=1),
        "The border is missing: with one row or column of zeros on each side the size stays.": F.conv2d(image, kernel[None]),
        "One result per channel; the three must be added up.": F.conv2d(image, kernel[:, None], padding=1, groups=3),
        "Only the first channel was used; add up all three.": F.conv2d(image[:, :1], kernel[None, :1], padding=1),
        "That is the mean of the 27 products; their sum is wanted.": right / 27,
        "The border repeats the outermost pixels; here it is to be zeros.": F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernel[None]),
    }, praise="torch.nn.functional.conv2d does the same, faster")


def check_average_pool(function: Callable) -> None:
    """Lesson 01: averages of squares of 2 × 2."""
    channel = torch.tensor([[1.0, 3, 0, 0, 2, 8], [5, 7, 0, 4, 4, 2], [2, 2, 9, 1, 0, 1], [2, 6, 1, 1, 3, 0]])
    x = torch.stack([channel, -2 * channel])[None]
    right = F.avg_pool2d(x, 2)
    _check("average_pool", function, [x], right, {
        "That is the largest of each square; the mean is wanted.": F.max_pool2d(x, 2),
        "Your squares overlap: move on by two pixels, not by one.": F.avg_pool2d(x, 2, stride=1),
        "That is the sum of each square; divide by four.": 4 * right,
        "Every other pixel was taken and three in four thrown away; average them.": x[..., ::2, ::2],
        "Only pairs across were averaged, not pairs down.": F.avg_pool2d(x, (1, 2)),
        "Only pairs down were averaged, not pairs across.": F.avg_pool2d(x, (2, 1)),
        "The channels were mixed; each is pooled by itself.": right.mean(1, keepdim=True),
    }, praise="torch.nn.functional.avg_pool2d does the same")

# ---- lesson 02 ---------------------------------------------------------------------------------------------------------

def check_patch_rows(function: Callable[[str, int], tuple[int, int]]) -> None:
    """Exercise of lesson 02: (layer, i) -> first and last row of pixels that row i of the layer's maps sees."""
    places = {("relu1_1", 0): (3, 1, -1), ("relu1_2", 3): (5, 1, -2), ("relu2_1", 2): (10, 2, -4), ("relu3_1", 5): (24, 4, -10),
              ("relu4_2", 7): (84, 8, -38)}  # (size, stride, start) of a field
    size, stride, start, i, convolutions = (torch.tensor(v) for v in (*zip(*places.values()), [0, 3, 2, 5, 7], [1, 2, 3, 5, 10]))  # noqa: B905

    def rows(first: Tensor, count: Tensor) -> Tensor:
        return torch.stack([first, first + count - 1], 1)

    def answers() -> Tensor | None:
        found = [function(*place) for place in places]
        return None if any(pair is None for pair in found) else torch.tensor([[int(number) for number in pair] for pair in found])

    right = rows(i * stride + start, size)
    _check("patch_rows", answers, [], right, {
        "Off by one: n rows that begin with row a end with row a + n - 1.": rows(i * stride + start, size + 1),
        "The poolings are missing: behind each of them a step of the map is twice as many pixels.": rows(i - convolutions, 1 + 2 * convolutions),
        "The stride is missing: row i of the map is not row i of the picture once there has been a pooling.": rows(i + start, size),
        "That is the stride only: the pixels that the poolings have merged. The convolutions look beyond them, on both sides.":
            rows(i * stride, stride),
        "A field does not begin at i times the stride: the convolutions look back as far as ahead.": rows(i * stride, size),
        "A pooling looks at 2 × 2 values itself: it adds one step to what is seen.": rows(i * stride + start, size - stride + 1),
        "Do not stop at the picture's edge: rows below 0 are the padding, and the network sees them, too.":
            torch.stack([(i * stride + start).clamp(min=0), right[:, 1]], 1),
    }, praise="It agrees with nstlib.plots.receptive_field.")


def check_normalize_input(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: an image (1, 3, H, W) in [0, 1] -> what the first convolution sees, (1, 3, H, W)."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    image = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.75], [0.0, 1.0, 1.0]]).T.view(1, 3, 1, 3).repeat(1, 1, 2, 1)  # a red pixel first
    along = (image - mean.flatten()) / std.flatten()
    _check("normalize_input", function, [image], (image - mean) / std, {
        "The means are in the order blue, green, red; nstlib's pictures are red, green, blue.": (image - mean.flip(1)) / std,
        "Means and deviations are in the order blue, green, red; nstlib's pictures are red, green, blue.": (image - mean.flip(1)) / std.flip(1),
        "The channels are turned round to blue, green, red; this network wants red, green, blue.": ((image - mean) / std).flip(1),
        "The division is missing: subtract the mean, then divide by the standard deviation.": image - mean,
        "The range is wrong: pixels are in [0, 1] here, not in 0 to 255.": (image * 255 - mean) / std,
        "The range is wrong: pixels are in [0, 1] here and the means too; nothing is to be divided or multiplied by 255.": (image / 255 - mean) / std,
        "Means of 0 to 255 from pixels in [0, 1]: the two must have one range.": (image - mean * 255) / std,
        "The order is wrong: subtract first, and divide the difference.": image / std - mean,
        "You multiplied by the standard deviation; divide by it.": (image - mean) * std,
        "Mean and standard deviation are swapped.": (image - std) / mean,
        "The three means ran along the width, not along the channels: give them the shape (1, 3, 1, 1).": along,
        "The three means ran along the width, not along the channels, and the division is missing: give them the shape (1, 3, 1, 1).":
            image - mean.flatten(),
    }, praise="It agrees with what network(image, ...) does first.")


def check_sparsity(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: features (1, C, h, w) after a ReLU -> for each channel the share of positions where it is silent, (C,)."""
    features = torch.tensor([[[[0.0, 2.0, 0.0], [5.0, 0.0, 0.25]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]])  # C = 2, h = 2, w = 3
    silent = (features == 0).float()
    _check("sparsity", function, [features], silent.mean((0, 2, 3)), {
        "That is the share of positions where the channel fires; the silent ones are asked for.": 1 - silent.mean((0, 2, 3)),
        "That is one number for all channels together; one for each channel is asked for, so average over positions only.": silent.mean(),
        "You averaged over the channels: that says for each place how many filters are silent there. Average over dimensions 2 and 3.":
            silent.mean((0, 1)),
        "That is how many positions; divide by how many there are.": silent.sum((0, 2, 3)),
        "You averaged over the height only: one number for each channel and column. Average over dimensions 2 and 3.": silent.mean((0, 2)),
        "You averaged over the width only: one number for each channel and row. Average over dimensions 2 and 3.": silent.mean((0, 3)),
        "That is the mean activation; ask first where it is zero.": features.mean((0, 2, 3)),
        "A weak activation is not a silent one: compare with 0, not with 1 or ½.": (features < 0.5).float().mean((0, 2, 3)),
    })



# ---- lesson 03 ---------------------------------------------------------------------------------------------------------

def check_content_loss(function: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Exercise of lesson 03: equation 1 times a weight, features and target (1, N, h, w), weight -> a number."""
    features = torch.tensor([[[[1.0, 0.0, 2.0]], [[3.0, 1.0, 0.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[[1.0, 4.0, 0.0]], [[2.0, 1.0, 1.0]]]])
    weight, difference = 5.0, features - target
    square = difference.square().sum()
    _check("content_loss", function, [features, target, weight], weight * 0.5 * square, {
        "The factor ½ is missing.": weight * square,
        "This is a mean; equation 1 is a sum over filters and positions.": weight * 0.5 * square / 6,
        "This is a mean, and without the factor ½; equation 1 is half a sum.": weight * square / 6,
        "The weight is inside the square, where 5 counts as 25: put it before the sum.": 0.5 * weight**2 * square,
        "The weight is inside the square, where 5 counts as 25, and the factor ½ is missing.": weight**2 * square,
        "The ½ is inside the square, where it counts as ¼.": weight * 0.25 * square,
        "The weight is missing: this is the loss alone.": 0.5 * square,
        "The differences are not squared: those of opposite sign cancel.": weight * 0.5 * difference.sum(),
        "You took absolute differences; equation 1 squares them.": weight * 0.5 * difference.abs().sum(),
        "This is the norm itself; equation 1 has its square, without the root.": weight * 0.5 * square.sqrt(),
        "The sum over filters and positions is missing: one number is wanted.": weight * 0.5 * difference.square(),
    }, praise="With weight 1 it agrees with nstlib.content_loss.")


def check_content_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 03: equation 2 from the activations before the ReLU, and P; both (1, N, h, w), as is the answer."""
    before = torch.tensor([[[[-1.0, 2.0, 0.5]], [[3.0, -2.0, 0.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[[1.0, 0.0, 2.0]], [[1.0, 0.5, 3.0]]]])
    features, zero = before.relu(), torch.zeros(())
    difference = features - target
    right = torch.where(features > 0, difference, zero)
    _check("content_loss_gradient", function, [before, target], right, {
        "The mask is missing: where a filter is silent, the ReLU lets no gradient through.": difference,
        "The ReLU is missing, and with it the mask: F is what comes after it, C what comes before.": before - target,
        "The sign is wrong: the gradient points uphill, F − P.": -right,
        "The sign is wrong, and the mask is missing.": -difference,
        "A factor 2 too large: the square gives a 2, which the ½ of equation 1 takes away.": 2 * right,
        "Half of it: the ½ of equation 1 is used up by the 2 that the square gives.": right / 2,
        "This is the gradient of a mean; equation 1 is a sum.": right / 6,
        "The mask looks at the target: it is F that must be above 0, not P.": torch.where(target > 0, difference, zero),
        "The mask looks at the difference: it is F that must be above 0, not F − P.": torch.where(difference > 0, difference, zero),
        "P is missing: the difference is F − P.": features,
    }, praise="It agrees with nstlib.content_loss_gradient(C.relu(), P).")


# ---- lesson 04 ---------------------------------------------------------------------------------------------------------

def check_gram_matrix(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 3, features (1, N, h, w) -> (1, N, N)."""
    features = torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]], [[2.0, 0.0], [1.0, 1.0]]]])  # N = 3, M = 4
    flat, mixed = features.flatten(2), features.reshape(1, 4, 3).mT
    centred = flat - flat.mean(2, keepdim=True)
    right = flat @ flat.mT
    _check("gram_matrix", function, [features], right, {
        "This is positions × positions, the wrong axis: it tells which places are alike. Equation 3 sums over positions and leaves "
        "filters × filters.": flat.mT @ flat,
        "This is the mean over positions; equation 3 is a sum. (The division by M comes in equation 4.)": right / 4,
        "You divided by filters and positions; equation 3 divides by nothing.": right / 12,
        "You divided by the number of filters; equation 3 divides by nothing.": right / 3,
        "You subtracted each filter's mean first: that is a covariance. Equation 3 takes activations as they are.": centred @ centred.mT,
        "A reshape has mixed filters and positions: to (N, M) first, then a transpose, not at once to (M, N).": mixed @ mixed.mT,
        "You squared entry by entry; that is the diagonal only. Multiply filter i with filter j, for all pairs.": flat.square().sum(2),
    }, praise="It agrees with nstlib.gram_matrix.")


def check_layer_style_loss(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 4, features (1, N, h, w) and target_gram (1, N, N) -> a number."""
    features = torch.tensor([[[[1.0, 2.0, 0.0, 1.0, 0.0]], [[0.0, 3.0, 1.0, 0.0, 0.0]], [[2.0, 0.0, 1.0, 1.0, 1.0]]]])  # N = 3, M = 5
    target = torch.tensor([[[5.0, 1.0, 2.0], [1.0, 4.0, 0.0], [2.0, 0.0, 6.0]]])
    flat = features.flatten(2)
    gram = flat @ flat.mT
    total = (gram - target).square().sum()
    _check("layer_style_loss", function, [features, target], total / (4 * 3**2 * 5**2), {
        "The factor ¼ is missing.": total / (3**2 * 5**2),
        "M² is missing: you divided by the filters only.": total / (4 * 3**2),
        "N² is missing: you divided by the positions only.": total / (4 * 5**2),
        "N and M stand before the sum as squares, N² and M².": total / (4 * 3 * 5),
        "Normalised twice: the Gram matrices were divided by M already, and then the sum by M² again.": total / (4 * 3**2 * 5**4),
        "Normalised twice: the Gram matrices were divided by N M already, and then the sum by N² M² again.": total / (4 * 3**4 * 5**4),
        "Normalised twice by N: G and A were divided by N M, and then the mean over N² entries was taken.": total / (3**4 * 5**2),
        "This is the mean over entries, ΣΣ / N²; equation 4 also has ¼ and M² below the line.": total / 3**2,
        "This is the bare sum; equation 4 divides it by 4 N² M².": total,
        "Only G was divided, not A: both must be treated alike.": (gram / 5 - target).square().sum() / (4 * 3**2),
        "The squares are missing: differences of opposite sign cancel.": (gram - target).sum() / (4 * 3**2 * 5**2),
    }, praise="It agrees with nstlib.layer_style_loss.")


def check_style_loss_gradient(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Exercise of lesson 04: equation 6, features (1, N, h, w) and target_gram (1, N, N) -> a tensor like features."""
    features = torch.tensor([[[[1.0, 2.0, 0.0]], [[0.0, 3.0, 1.0]]]])  # N = 2, M = 3
    target = torch.tensor([[[7.0, 1.0], [1.0, 4.0]]])
    flat, zero = features.flatten(2), torch.zeros(())
    gram = flat @ flat.mT
    whole = ((gram - target) @ flat).view_as(features) / (2**2 * 3**2)
    turned = (flat.mT @ (gram - target)) / (2**2 * 3**2)  # (1, M, N)
    reshaped, right = turned.reshape(features.shape), torch.where(features > 0, whole, zero)
    masked = torch.where(flat.mT > 0, turned, zero)
    _check("style_loss_gradient", function, [features, target], right, {
        "The mask is missing: where F is not above 0 the gradient is 0.": whole,
        "A transpose is missing: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.": masked,
        "A transpose is missing, and the mask: Fᵀ (G − A) is positions × filters, and equation 6 wants its entry ji at place ij.": turned,
        "A reshape is not a transpose: Fᵀ (G − A) is positions × filters, so turn it first.": torch.where(features > 0, reshaped, zero),
        "A reshape is not a transpose, and the mask is missing: Fᵀ (G − A) is positions × filters, so turn it first.": reshaped,
        "A factor 4 too large: the square and the symmetry of G give 4, and the ¼ of equation 4 takes it away.": 4 * right,
        "A factor 4 too small: the square and the symmetry of G give 4, which the ¼ of equation 4 takes away.": right / 4,
        "Half of it: G holds every pair twice, ij and ji.": right / 2,
        "The factor 1 / (N² M²) is missing.": right * (2**2 * 3**2),
        "The sign is wrong: the gradient points uphill, G − A.": -right,
        "A is missing: the difference is G − A.": torch.where(features > 0, (gram @ flat).view_as(features) / 36, zero),
    }, praise="It agrees with nstlib.style_loss_gradient.")



# ---- lesson 05 ---------------------------------------------------------------------------------------------------------

def check_weighted_style_loss(function: Callable[[dict, dict, dict], Tensor]) -> None:
    """Exercise of lesson 05: equation 5; features, grams and weights by name of layer -> a number."""
    features = {"relu1_1": torch.tensor([[[[1.0, 2.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]]]]),  # N = 2, M = 4
                "relu2_1": torch.tensor([[[[2.0]], [[1.0]], [[3.0]]]])}  # N = 3, M = 1
    grams = {"relu1_1": torch.tensor([[[5.0, 1.0], [1.0, 4.0]]]), "relu2_1": torch.eye(3)[None]}
    weights = {"relu1_1": 3.0, "relu2_1": 0.5}
    squares = {q: (gram_matrix(f) - grams[q]).square().sum() for q, f in features.items()}
    sizes = {q: (f.shape[1], f.shape[2] * f.shape[3]) for q, f in features.items()}

    def total(weigh: Callable[[str, float, float], Tensor]) -> Tensor:
        """Sum over layers of weigh(name, sum of squares, 4 N² M²)."""
        return sum(weigh(q, squares[q], 4 * sizes[q][0] ** 2 * sizes[q][1] ** 2) for q in squares)

    first = 4 * 2**2 * 4**2
    _check("weighted_style_loss", lambda: function({**features}, {**grams}, {**weights}), [], total(lambda q, s, n: weights[q] * s / n), {
        "The weights are missing: this is E₁ + E₂.": total(lambda q, s, n: s / n),
        "The weights are inside the square: multiply each E by its weight, once.": total(lambda q, s, n: weights[q] ** 2 * s / n),
        "The weights are missing, and what you took is the mean of the layers.": total(lambda q, s, n: s / n) / 2,
        "One normaliser for all layers: each has its own N and M.": total(lambda q, s, n: weights[q] * s / first),
        "M² is missing: each layer is divided by 4 N² M² of its own.": total(lambda q, s, n: weights[q] * s / (4 * sizes[q][0] ** 2)),
        "The factor ¼ is missing in each E.": total(lambda q, s, n: 4 * weights[q] * s / n),
        "You divided by the sum of the weights; equation 5 does not.": total(lambda q, s, n: weights[q] * s / n) / 3.5,
        "This is the last layer only; add them up.": weights["relu2_1"] * squares["relu2_1"] / (4 * 9),
        "This is the first layer only; add them up.": weights["relu1_1"] * squares["relu1_1"] / first,
    }, praise="With weights 1/5 it is what style_transfer minimises.")


def check_alpha_for(function: Callable[[float, int, int], float]) -> None:
    """Exercise of lesson 05: α for 512 × 512 pixels -> α with the same balance at width × height."""
    alpha, width, height = 2.0, 256, 128
    _check("alpha_for", function, [alpha, width, height], alpha * 512**2 / (width * height), {
        "The other way round: fewer pixels make the content loss smaller, so α must grow.": alpha * width * height / 512**2,
        "Count pixels, not the longer side: the content loss is a sum over height times width positions.": alpha * 512 / width,
        "Count pixels, not the shorter side: the content loss is a sum over height times width positions.": alpha * 512 / height,
        "That is for a square picture of this width; this one is width × height.": alpha * 512**2 / width**2,
        "That is the root of the right factor: the number of pixels counts, not the side of a square.":
            alpha * (512**2 / (width * height)) ** 0.5,
        "α does not stay: a sum over fewer positions is smaller, a mean is not.": alpha,
    }, praise="style_transfer does this for you.")


def check_to_bytes(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 05: floats, nearly all in [0, 1] -> whole numbers 0…255 as torch.uint8, of the same shape."""
    image = torch.tensor([[[[-0.1, 0.0, 0.5], [1.0, 1.1, 0.999]]]])
    right = (image * 255).round().clamp(0, 255)
    whole = (image * 255).long()

    def numbers(picture: Tensor) -> Tensor | None:
        answer = function(picture)
        return answer + torch.tensor(1000.0) if isinstance(answer, Tensor) and answer.dtype != torch.uint8 else answer

    _check("to_bytes", numbers, [image], right, {
        "The strays wrap around: 1.1 has become dark and -0.1 bright. Clamp first.": whole.remainder(256),
        "The strays wrap around: 1.1 has become dark and -0.1 bright. Clamp before you cast, after you round.":
            (image * 255).round().remainder(256),
        "Cut off, not rounded: 0.999 is nearer to 255 than to 254.": (image.clamp(0, 1) * 255).long(),
        "256 is one too many: white is 255.": (image.clamp(0, 1) * 256).clamp(max=255).long(),
        "The numbers are right, the type is not: torch.uint8 is wanted, for that is what a file holds.": right + 1000,
        "Only 0 and 1 are left: multiply by 255 before you round.": image.clamp(0, 1).round(),
        "Multiply by 255 first; the type is not torch.uint8 either.": image.clamp(0, 1) + 1000,
    }, praise="nstlib.save_image does the same.")

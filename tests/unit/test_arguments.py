"""What callers may give, and what they are told where it is something else: layers, numbers, sizes, networks."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torchvision.models import vgg19

import nstlib
from nstlib.networks import LAYERS, block_of, layer_names, least_size, receptive_field
from nstlib.objectives import check_objective

PICTURE = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
PAINTING = PICTURE.flip(3)
SHORT = {"steps": 1, "progress": False}


# ---- layers ------------------------------------------------------------------------------------------------------


def test_the_names_are_torchvision_s_in_order():
    kinds = {"Conv2d": "conv", "ReLU": "relu", "MaxPool2d": "pool"}
    with torch.device("meta"):
        modules = vgg19().features
    assert [name[:4] for name in LAYERS] == [kinds[type(module).__name__] for module in modules]
    assert LAYERS[21] == "conv4_2" and LAYERS[22] == "relu4_2" and LAYERS[36] == "pool5"


#: Every function that takes layers.
TAKERS = {
    "style_transfer, style": lambda net, l: nstlib.style_transfer(PICTURE, PAINTING, network=net, style_layers=l),
    "style_transfer, content": lambda net, l: nstlib.style_transfer(PICTURE, PAINTING, network=net, content_layers=l),
    "synthesize_texture": lambda net, l: nstlib.synthesize_texture(PAINTING, l, network=net),
    "estimate, style": lambda net, l: nstlib.estimate(64, net, style_layers=l),
    "estimate, content": lambda net, l: nstlib.estimate(64, net, content_layers=l),
    "gatys_objective": lambda net, l: nstlib.gatys_objective(PICTURE, PAINTING, net, style_layers=l),
    "texture_objective": lambda net, l: nstlib.texture_objective(PAINTING, l, net),
    "network(image, layers)": lambda net, l: net(PICTURE, l),
    "network.activations": lambda net, l: list(net.activations(PICTURE, l)),
    "reconstruct_content": lambda net, l: nstlib.reconstruct_content(PICTURE, l[0], network=net),
    "content_objective": lambda net, l: nstlib.content_objective(PICTURE, l[0], net),
    "receptive_field": lambda net, l: receptive_field(l[0]),
    "block_of": lambda net, l: block_of(l[0]),
    "least_size": lambda net, l: least_size(l[0]),
}
#: How tutorials and other libraries call a layer -> what is said.
MEANT = {
    "conv_4": "the PyTorch tutorial's conv_4 is 'conv2_2' here, and 'relu2_2' after its ReLU",
    "block4_conv2": "Keras's block4_conv2 is 'relu4_2' here, and 'conv4_2' before its ReLU",
    "features.21": "index 21 of torchvision's vgg19 is 'conv4_2' here, and 'relu4_2' after its ReLU",
    "relu": "there are 16 that begin so, relu1_1 to relu5_4: say which",
    "4_2": r"did you mean 'conv4_2', or 'relu4_2' after its ReLU \(the paper's conv4_2\)\?",
    0: "index 0 of torchvision's vgg19 is 'conv1_1' here, and 'relu1_1' after its ReLU",
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("name", MEANT, ids=str)
def test_layers_by_the_names_of_tutorials(mini, taker, name):
    """Met in: pytorch/tutorials#3732, jcjohnson/neural-style#345, ProGamerGov/neural-style-pt#44."""
    with pytest.raises(ValueError, match=f"has no layer {name!r}; {MEANT[name]}"):
        TAKERS[taker](mini, [name])


@pytest.mark.parametrize(
    "name, said",
    [
        (5, "'conv2_1' here, and 'relu2_1' after"),
        ("36", "'pool5' here."),
        ("vgg.features[22]", "'relu4_2' here, and 'conv4_2' before"),
        ("block5_pool", "Keras's block5_pool is 'pool5' here."),
        ("pool_4", "the PyTorch tutorial's pool_4 is 'pool2' here."),
        ("relu_5", "'relu3_1' here, and 'conv3_1' before"),
        ("r42", "did you mean 'relu4_2'?"),
        ("Conv4-2", "did you mean 'conv4_2'?"),
        (" RELU4_2 ", "did you mean 'relu4_2'?"),
        ("vgg_19/conv4/conv4_2", "did you mean 'conv4_2'?"),
        ("conv1_2_relu", "did you mean 'relu1_2'?"),
        ("conv4", "there are 4 that begin so, conv4_1 to conv4_4: say which."),
    ],
)
def test_what_other_names_mean(name, said):
    with pytest.raises(ValueError) as error:
        layer_names(["relu1_1", name])
    assert f"VGG-19 has no layer {name!r}; " in str(error.value) and said in str(error.value)
    assert str(error.value).endswith(" Its layers run from conv1_1 to pool5.")


@pytest.mark.parametrize(
    "layers", [None, 2.5, b"relu1_1", True, [None], [["relu1_1"]], [-1], [37], "", "fc6", "layer4", "x" * 300]
)
def test_what_is_no_layer_at_all(layers):
    with pytest.raises(ValueError, match=r"VGG-19 has no layer .*layers run from conv1_1 to pool5"):
        layer_names(layers)


def test_a_network_with_fewer_layers_says_which_it_has(mini):
    weights = {name: value for name, value in mini.state_dict().items() if name.startswith(("conv1", "conv2_1"))}
    small = nstlib.FeatureNetwork(weights, name="small")
    with pytest.raises(ValueError, match=r"small has no layer 'relu4_2'\. Its layers run from conv1_1 to relu2_1"):
        small(PICTURE, ["relu4_2"])


@pytest.mark.parametrize("kind", ["content_layers", "style_layers"])
def test_a_layer_twice_is_refused(mini, kind):
    with pytest.raises(ValueError, match=f"{kind} has 'relu2_1' twice"):
        nstlib.gatys_objective(PICTURE, PAINTING, mini, **{kind: ["relu2_1", "relu1_1", "relu2_1"]})


# ---- numbers -----------------------------------------------------------------------------------------------------

HALVES = [
    np.float32(0.5),
    np.float64(0.5),
    np.array(0.5),
    torch.tensor(0.5),
    torch.tensor(0.5).double(),
    Fraction(1, 2),
]
THREES = [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)]


def painted(mini, **settings):
    settings = {"network": mini, "size": 32, "precision": "float32", **SHORT, **settings}
    return nstlib.style_transfer(PICTURE, PAINTING, init="noise", **settings)


@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight", "learning_rate", "layer_weights"])
def test_every_kind_of_number_is_a_weight_and_a_rate(mini, name):
    def losses(number):
        value = [number] * 5 if name == "layer_weights" else number
        return painted(mini, **{name: value, "steps": 2}).losses

    wanted = losses(0.5)
    assert all(losses(half) == wanted for half in HALVES)


@pytest.mark.parametrize("name", ["size", "steps", "scales", "seed"])
def test_every_kind_of_whole_number_is_a_size_a_count_and_a_seed(mini, name):
    more = {"style_layers": "relu1_1", "content_layers": "relu1_1"}  # for pictures of 3 pixels
    wanted = painted(mini, **{name: 3, **more})
    for three in THREES:
        found = painted(mini, **{name: three, **more})
        assert torch.equal(found.image, wanted.image) and found.settings == wanted.settings


@pytest.mark.parametrize("number", [True, "3", None, [3], 3j, np.array([3.0, 3.0]), np.str_("3"), b"3"])
@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight", "learning_rate", "steps", "seed"])
def test_what_is_no_number_is_refused_by_name(mini, name, number):
    if name == "learning_rate" and number is None:
        return  # the usual one
    with pytest.raises(ValueError, match=f"^{name} is "):
        painted(mini, **{name: number})


@pytest.mark.parametrize("name", ["content_weight", "style_weight", "tv_weight", "learning_rate"])
@pytest.mark.parametrize("number", [1e300, 1e39, 10**400, np.float64(1e300)])
def test_a_weight_beyond_float32_is_named(mini, name, number):
    with pytest.raises(ValueError, match=rf"^{name} is .*at most 1e\+?"):
        painted(mini, **{name: number})


def test_a_layer_weight_beyond_float32_is_named(mini):
    with pytest.raises(ValueError, match="The layer weight of relu2_1 is 1e\\+300, with which losses are infinite"):
        painted(mini, style_layers=["relu1_1", "relu2_1"], layer_weights=[1, 1e300])


@pytest.mark.parametrize("relative", [True, False])
def test_the_largest_weight_gives_finite_losses(mini, relative):
    result = painted(mini, content_weight=1e20, style_weight=1e20, tv_weight=1e20, relative=relative, steps=3)
    assert np.isfinite(result.losses["total"]) and result.stopped is None and len(result.history) == 3


def test_weights_that_float32_takes_for_nothing_are_named(mini):
    with pytest.raises(ValueError, match="content_weight is 1e-300 and style_weight 1e-300: so little is 0 in float32"):
        painted(mini, content_weight=1e-300, style_weight=1e-300)
    assert painted(mini, content_weight=1e-300).losses["style"] > 0


@pytest.mark.parametrize("seed", [2**64, 10**30, -(2**63) - 1, 1.0])
def test_a_seed_beyond_64_bits_is_named(mini, seed):
    for call in (
        lambda: painted(mini, seed=seed),
        lambda: nstlib.reconstruct_content(PICTURE, "relu1_1", network=mini, seed=seed, **SHORT),
        lambda: nstlib.synthesize_texture(PAINTING, ["relu1_1"], network=mini, seed=seed, **SHORT),
        lambda: nstlib.load_network("random", seed=seed),
    ):
        with pytest.raises(ValueError, match=r"seed is .*; it must be a whole number from -2\*\*63 to 2\*\*64 - 1"):
            call()


def test_the_first_and_the_last_seed(mini):
    for seed in (-(2**63), 2**64 - 1):
        assert painted(mini, seed=seed, size=16).image.isfinite().all()


# ---- layer weights by name ---------------------------------------------------------------------------------------


def test_layer_weights_by_name_are_those_in_order(mini):
    layers = ["relu1_1", "relu2_1", "relu3_1"]
    plain, named = (
        painted(mini, style_layers=layers, layer_weights=weights, steps=2)
        for weights in ([1, 2, 3], {"relu3_1": 3, "relu1_1": 1, "relu2_1": 2})
    )
    assert torch.equal(plain.image, named.image) and plain.settings["layer_weights"] == (1, 2, 3)


@pytest.mark.parametrize(
    "weights, message",
    [
        ({"relu1_1": 1}, "layer_weights has no weight for the style layer 'relu2_1'; give one for each"),
        ({"relu1_1": 1, "relu2_1": 1, "relu4_1": 1}, "a weight for 'relu4_1', which is not among the style layers"),
        ({"relu1_1": 1, "block2_conv1": 1}, "Keras's block2_conv1 is 'relu2_1' here"),
        (0.5, "layer_weights is 0.5; wanted a list with one number for each style layer, or a dictionary"),
        ([1], "There are 1 layer weights for 2 style layers"),
        ("12", "The layer weight of relu1_1 is '1'"),
    ],
)
def test_layer_weights_that_do_not_fit(weights, message):
    with pytest.raises(ValueError, match=message):
        check_objective(["relu3_2"], ["relu1_1", "relu2_1"], weights, 1, 1, 0, None)


def test_style_loss_takes_layer_weights_by_name_too():
    features = {name: torch.rand(1, 2, 3, 3) for name in ("relu1_1", "relu2_1")}
    grams = {name: torch.zeros(1, 2, 2) for name in features}
    wanted = nstlib.style_loss(features, grams, [1.0, 3.0])
    assert nstlib.style_loss(features, grams, {"relu2_1": 3.0, "relu1_1": 1.0}) == wanted
    with pytest.raises(
        ValueError, match="layer_weights has weights for relu1_1; wanted one for each of relu1_1, relu2"
    ):
        nstlib.style_loss(features, grams, {"relu1_1": 1.0})


# ---- sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(24, 40), [24, 40], np.array([24, 40]), torch.tensor([24, 40]), torch.Size([24, 40])])
def test_a_pair_is_height_and_width_wherever_a_size_is_taken(mini, pair):
    more, objective = {"network": mini, "size": pair, **SHORT}, lambda size: lambda x: {"mean": x.mean()}
    images = [
        nstlib.load_image(PICTURE, size=pair),
        nstlib.resize_image(PICTURE, pair),
        nstlib.style_transfer(PICTURE, PAINTING, **more).image,
        nstlib.reconstruct_content(PICTURE, "relu1_1", **more).image,
        nstlib.synthesize_texture(PAINTING, ["relu1_1"], **more).image,
        nstlib.coarse_to_fine(PICTURE, objective, [nstlib.Stage(pair, 1)], progress=False).image,
    ]
    assert [tuple(image.shape[-2:]) for image in images] == [(24, 40)] * len(images)


def test_a_texture_of_one_number_is_square(mini):
    image = nstlib.synthesize_texture(PAINTING, ["relu1_1"], network=mini, size=40, **SHORT).image
    assert image.shape == (1, 3, 40, 40)


@pytest.mark.parametrize("size", [True, 3.0, "64", (64,), (1, 2, 3), np.zeros((2, 2)), 0, (48, -1)])
def test_what_is_no_size(mini, size):
    for call in (
        lambda: nstlib.load_image(PICTURE, size=size),
        lambda: painted(mini, size=size),
        lambda: nstlib.reconstruct_content(PICTURE, "relu1_1", network=mini, size=size, **SHORT),
        lambda: nstlib.synthesize_texture(PAINTING, ["relu1_1"], network=mini, size=size, **SHORT),
    ):
        with pytest.raises(ValueError, match=r"^size is .*wanted the longer side in pixels or a pair \(H, W\)"):
            call()


def test_too_many_pixels_are_told_as_width_by_height():
    with pytest.raises(ValueError, match="is 20000 x 15000, over 89 million pixels"):
        nstlib.load_image(PICTURE, size=(15000, 20000))
    with pytest.raises(ValueError, match="over 89 million pixels"):
        nstlib.load_image(PICTURE, size=10**400)


# ---- networks and pictures ---------------------------------------------------------------------------------------


def test_a_network_by_name(mini, monkeypatch):
    """Of vgg19, the version without the paper's rescaling, as the command line takes it."""
    asked = []

    def load(name, normalized):
        asked.append((name, normalized))
        return mini

    monkeypatch.setattr("nstlib.networks.weights.load_network", load)
    painted("vgg19")
    nstlib.reconstruct_content(PICTURE, "relu1_1", network="vgg19", size=32, **SHORT)
    nstlib.synthesize_texture(PAINTING, ["relu1_1"], network="mini", size=32, **SHORT)
    painted(None)
    assert asked == [("vgg19", False), ("vgg19", False), ("mini", True), ("mini", True)]


def test_another_network_is_told_what_is_wanted():
    with torch.device("meta"):
        other = vgg19()
    for network, name in ((other, "a VGG"), (torch.nn.Sequential(), "a Sequential"), (7, "a int")):
        with pytest.raises(ValueError, match=f"network is {name}; wanted a FeatureNetwork, as load_network"):
            painted(network)
    with pytest.raises(ValueError, match=r"network is 'vgg19'; wanted a FeatureNetwork, as load_network\(\"mini\"\)"):
        nstlib.gatys_objective(PICTURE, PAINTING, "vgg19")
    with pytest.raises(ValueError, match="There is no network 'vgg16'; did you mean 'vgg19'"):
        painted("vgg16")


@pytest.mark.parametrize("several", [[PICTURE, PAINTING], ("cat", "gravel"), []])
def test_several_pictures_are_told_what_to_do(mini, several):
    for name, call in (
        ("content", lambda: nstlib.style_transfer(several, PAINTING, network=mini)),
        ("content", lambda: nstlib.reconstruct_content(several, network=mini)),
        ("style", lambda: nstlib.synthesize_texture(several, network=mini)),
    ):
        message = rf'{name} is a (list|tuple) of \d; wanted one picture\. Call .* nstlib\.sweep\({{"{name}": \[...\]}}'
        with pytest.raises(ValueError, match=message):
            call()


# ---- too small, too narrow, too large ----------------------------------------------------------------------------

DEEP = {"style_layers": ["relu1_1", "relu5_1"], "content_layers": ["relu4_2"]}


@pytest.mark.filterwarnings("ignore:The photograph is:UserWarning")
@pytest.mark.parametrize(
    "photo, painting, size, settings, told",
    [
        ((20, 600), (60, 60), 384, DEEP, r"The photograph is 600 × 20 pixels, and 384 × 13 for a result of size 384"),
        ((60, 80), (20, 600), 384, DEEP, r"The painting is 600 × 20 pixels, and 384 × 13 for a result of size 384"),
        ((60, 80), (60, 60), 1, {}, r"The photograph is 80 × 60 pixels, and 1 × 1 for a result of size 1; relu3_2"),
        ((60, 80), (60, 60), (40, 6), DEEP, r"The photograph is 80 × 60 pixels, and 6 × 40 for a result of size 40"),
        ((8, 8), (60, 60), None, DEEP, r"The photograph is 8 × 8 pixels, and 8 × 8 for a result of size 8; relu5_1"),
        ((300, 5), (7, 500), 100, DEEP, r"The photograph is 5 × 300 pixels, and 2 × 100 for a result of size 100"),
    ],
)
def test_a_narrow_picture_is_named_with_a_size_that_works(mini, photo, painting, size, settings, told):
    """Met in: futscdav/strotss#4."""
    photo, painting = torch.rand(1, 3, *photo), torch.rand(1, 3, *painting)
    more = {"network": mini, "precision": "float32", **SHORT, **settings}
    with pytest.raises(ValueError, match=told) as error:
        nstlib.style_transfer(photo, painting, size=size, **more)
    fits = int(str(error.value).split("Ask for a size of ")[1].split(",")[0])
    result = nstlib.style_transfer(photo, painting, size=fits, **more)
    assert max(result.image.shape) == fits and result.losses["style"] > 0


@pytest.mark.filterwarnings("ignore:The photograph is:UserWarning")
def test_narrow_pictures_of_the_other_two(mini):
    """Met in: futscdav/strotss#4."""
    narrow = torch.rand(1, 3, 10, 300)
    with pytest.raises(ValueError, match=r"The photograph is 300 × 10 pixels, and 100 × 3 .* Ask for a size of 480"):
        nstlib.reconstruct_content(narrow, "relu5_1", network=mini, size=100, **SHORT)
    with pytest.raises(ValueError, match=r"The painting is 300 × 10 pixels, and 100 × 3 .* Ask for a size of 240"):
        nstlib.synthesize_texture(narrow, ["relu4_1"], network=mini, size=100, **SHORT)
    result = nstlib.reconstruct_content(narrow, "relu5_1", network=mini, size=480, **SHORT)
    assert result.image.shape == (1, 3, 16, 480)
    assert nstlib.synthesize_texture(narrow, ["relu4_1"], network=mini, size=240, **SHORT).image.shape[-1] == 240


def test_an_objective_names_the_picture_that_is_too_small(mini):
    wide, narrow = torch.rand(1, 3, 40, 40), torch.rand(1, 3, 13, 384)
    for pictures, name in (((narrow, wide), "photograph"), ((wide, narrow), "painting")):
        with pytest.raises(ValueError, match=f"The {name} is 384 × 13 pixels; relu5_1 needs at least 16 × 16"):
            nstlib.gatys_objective(*pictures, mini, style_layers=["relu5_1"])


def test_an_enlarged_photograph_is_told(mini):
    small = {"network": mini, "size": 96, **SHORT}
    said = "The photograph is 64 × 48 pixels and is enlarged to 96 × 72, which adds no detail; a size of 64 keeps it"
    with pytest.warns(UserWarning, match=said) as caught:
        nstlib.style_transfer(PICTURE, PAINTING, **small)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=said) as caught:
        nstlib.reconstruct_content(PICTURE, "relu1_1", **small)
    assert caught[0].filename == __file__
    for size in (None, 64, 40):  # nothing to say
        nstlib.style_transfer(PICTURE, PAINTING, **small | {"size": size})

"""The networks: names, cuts, normalisation, files. VGG-19's weights are a stand-in of the right shapes."""

import hashlib
import http.server
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from helpers.server import Quiet, serving
from torch import nn
from torchvision.models import VGG19_Weights, vgg19

import nstlib
from nstlib.networks import CONVOLUTIONS, FeatureNetwork, fast_precision, least_size, weights

NAMES = [f"{kind}{key}" for key in CONVOLUTIONS for kind in ("conv", "relu")]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A TORCH_HOME with a file of VGG-19's layout (its convolutions; linear layers of one row), and torchvision's own
    model of it.
    """
    torch.manual_seed(0)
    model = vgg19(weights=None).features.eval()
    state = {f"features.{key}": value for key, value in model.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(1, 1)
    home = tmp_path_factory.mktemp("torch home")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / "made.pth")
    digits = hashlib.sha256((folder / "made.pth").read_bytes()).hexdigest()[:8]
    return home, (folder / "made.pth").rename(folder / f"vgg19-{digits}.pth"), model


@pytest.fixture
def torch_home(stand_in, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(stand_in[0]))
    before = VGG19_Weights.IMAGENET1K_V1.value.url
    # a frozen dataclass
    object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", f"https://nowhere.invalid/{stand_in[1].name}")
    yield stand_in
    object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", before)


def test_each_activation_of_vgg19_is_that_of_a_sequential_cut_there(torch_home):
    model = torch_home[2]
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    network = nstlib.load_network("vgg19", pooling="max", normalized=False, device="cpu")
    image = torch.rand(1, 3, 48, 40)
    x = (image - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        1, 3, 1, 1
    )
    kinds = [m for m in model if not isinstance(m, nn.MaxPool2d)]
    assert len(kinds) == len(NAMES) == 32
    found = network(image, NAMES)  # all at once: nothing may overwrite an earlier activation
    for name, module in zip(NAMES, kinds, strict=True):
        cut = model[: list(model).index(module) + 1]
        with torch.no_grad():
            torch.testing.assert_close(found[name], cut(x))
        assert (found[name].min() < 0) == name.startswith("conv")
    torch.testing.assert_close(network(image, ["pool5"])["pool5"], model(x))


def test_average_pooling_is_the_default(torch_home):
    network = nstlib.load_network("vgg19", normalized=False, device="cpu")
    found = network(torch.rand(1, 3, 16, 16), ["relu1_2", "pool1"])
    torch.testing.assert_close(found["pool1"], F.avg_pool2d(found["relu1_2"], 2))


def test_a_picture_comes_to_the_network(mini):
    """From the CPU, where load_image puts it, to wherever the network is."""
    away = FeatureNetwork(_convolutions(mini)).to("meta")
    assert away(torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"].device.type == "meta"


@pytest.mark.parametrize(
    "change, named",
    [
        (lambda weights: {}, "'nothing'"),
        (lambda weights: vgg19().state_dict(), "'features.0.weight'"),
        (lambda weights: {name: value for name, value in weights.items() if "conv1_2" not in name}, "'conv2_1.weight'"),
    ],
)
def test_weights_under_other_names_are_refused(mini, change, named):
    with pytest.raises(ValueError, match=rf"weights has {named}; wanted are the names conv1_1.weight"):
        FeatureNetwork(change(_convolutions(mini)))


def _convolutions(network):
    return {name: value for name, value in network.state_dict().items() if name.startswith("conv")}


def test_input_normalisation_of_a_red_pixel():
    identity = {"conv1_1.weight": torch.zeros(3, 3, 3, 3), "conv1_1.bias": torch.zeros(3)}
    identity["conv1_1.weight"][range(3), range(3), 1, 1] = 1
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    seen = FeatureNetwork(identity)(red, ["conv1_1"])["conv1_1"].flatten().tolist()
    assert seen == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], abs=1e-5)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_normalisation_scales_each_filter_to_mean_one_and_changes_nothing_else(pooling):
    network = nstlib.load_network("random", pooling=pooling, normalized=False, device="cpu")
    images = [torch.rand(1, 3, 40, 48), torch.rand(1, 3, 64, 32)]
    scaled = nstlib.normalize_activations(network, images)
    relus = [name for name in NAMES if name.startswith("relu")]
    before, after = ([net(image, relus) for image in images] for net in (network, scaled))
    for name in relus:
        raw, new = (torch.cat([f[name].flatten(2) for f in found], 2)[0] for found in (before, after))
        mean = raw.double().mean(1)
        alive = mean > 0
        torch.testing.assert_close(
            new.double().mean(1)[alive], torch.ones(int(alive.sum()), dtype=torch.double), rtol=2e-3, atol=0
        )
        torch.testing.assert_close(new[alive].double() * mean[alive, None], raw[alive].double(), rtol=5e-3, atol=1e-4)


def test_normalisation_keeps_the_edges(mini):
    mirrored, images = mini.for_optimization(), [torch.rand(1, 3, 32, 32)]
    before, after = (
        network(images[0], ["relu2_1"])["relu2_1"]
        for network in (mirrored, nstlib.normalize_activations(mirrored, images))
    )
    scale = after.mean((2, 3), keepdim=True) / before.mean((2, 3), keepdim=True).clamp(min=1e-12)
    torch.testing.assert_close(after, before * scale, rtol=1e-3, atol=1e-5)


def test_normalisation_needs_an_image():
    with pytest.raises(ValueError, match="at least one image"):
        nstlib.normalize_activations(nstlib.load_network("random", normalized=False, device="cpu"), [])


def test_mini_sees_and_fits(mini):
    image = nstlib.load_image("riverside_town", size=128)
    found = mini(image, NAMES)
    assert list(found) == NAMES and all(f.isfinite().all() and f.std() > 0 for f in found.values())
    assert not any(p.requires_grad for p in mini.parameters()) and not mini.training
    assert found["relu4_2"].shape[-2:] == (12, 16)
    assert (nstlib.images.DATA / "mini.safetensors").stat().st_size <= 4_000_000


def test_mini_filters_have_about_the_same_mean_on_pictures(mini):
    """Stored normalised over the training pictures; on the shipped ones no filter may be dead or wild."""
    images = weights.shipped_pictures()
    for name in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"):
        mean = torch.stack([mini(image, [name])[name].mean((0, 2, 3)) for image in images]).mean(0)
        assert 0.5 < mean.mean() < 2, name
        assert (mean > 0.05).float().mean() > 0.9, name


def test_deeper_layers_are_not_computed(mini):
    seen = []
    hooks = [
        mini.get_submodule(f"conv{key}").register_forward_hook(lambda *_, key=key: seen.append(key))
        for key in CONVOLUTIONS
    ]
    mini(torch.rand(1, 3, 32, 32), ["relu2_1", "conv1_1"])
    for hook in hooks:
        hook.remove()
    assert seen == ["1_1", "1_2", "2_1"]


@pytest.mark.parametrize("precision, error", [("float32", 1e-5), ("bfloat16", 0.02)])
def test_a_copy_in_another_precision(mini, precision, error):
    image, layers = nstlib.load_image("riverside_town", size=96), ["relu1_1", "relu3_1", "relu5_1"]
    before = mini(image, layers)
    copy = mini.for_optimization(precision, edges="zeros")
    for name, features in copy(image, layers).items():
        assert features.dtype == getattr(torch, precision) and features.is_contiguous(memory_format=torch.channels_last)
        assert (features.float() - before[name]).norm() < error * before[name].norm()
    assert all(torch.equal(features, before[name]) for name, features in mini(image, layers).items())


@pytest.mark.parametrize("learns", [False, True])
def test_gradients_through_mirrored_edges(learns):
    shapes = {"conv1_1": (4, 3), "conv1_2": (5, 4), "conv2_1": (3, 5)}
    weights = {f"{name}.weight": torch.randn(*shape, 3, 3) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}
    network = FeatureNetwork(weights, mean=(0, 0, 0), std=(1, 1, 1), edges="mirror").requires_grad_(learns)
    image = torch.rand(1, 3, 8, 10, requires_grad=True)
    x = image
    for name in shapes:
        x = F.avg_pool2d(x, 2) if name == "conv2_1" else x
        x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weights[f"{name}.weight"], weights[f"{name}.bias"]))
    (wanted,) = torch.autograd.grad(x.square().sum(), image)
    loss = network(image, ["relu2_1"])["relu2_1"].square().sum()
    loss.backward()
    torch.testing.assert_close(image.grad, wanted)
    assert all((p.grad is not None) == learns for p in network.parameters())


def test_mirrored_edges_keep_no_copies_of_the_feature_maps(mini):
    def kept(edges):
        sizes, network = {}, mini.for_optimization(edges=edges)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.__setitem__(t.untyped_storage().data_ptr(), t.nbytes) or t, lambda t: t
        ):
            found = network(torch.rand(1, 3, 64, 64, requires_grad=True), ["relu2_2"])
        return found and sum(sizes.values())

    assert kept("mirror") < 1.05 * kept("zeros")


def test_activations_come_from_shallow_to_deep(mini):
    image, layers = torch.rand(1, 3, 32, 32), ["relu3_1", "conv1_2", "relu2_1"]
    found = list(mini.activations(image, layers))
    assert [name for name, _ in found] == ["conv1_2", "relu2_1", "relu3_1"]
    assert all(torch.equal(features, mini(image, layers)[name]) for name, features in found)


def test_mirrored_edges(mini):
    grey, layers = torch.full((1, 3, 32, 40), 0.4), ["relu1_1", "relu2_2", "relu3_1"]
    mirrored, zeros = mini.for_optimization()(grey, layers), mini(grey, layers)
    for name in ("relu1_1", "relu2_2"):  # all positions alike, and as far from the edge as with zeros
        torch.testing.assert_close(
            mirrored[name],
            zeros[name][..., 8 // int(name[4]) :, 8 // int(name[4]) :][..., :1, :1].expand_as(zeros[name]),
        )
        assert zeros[name].std((2, 3)).max() > 0.05
    assert mirrored["relu3_1"].std((2, 3)).max() > 0.05  # deeper, as VGG-19 was trained
    assert mini.edges == "zeros" and mini.for_optimization().edges == "mirror"
    with pytest.raises(ValueError, match="3 × 5 pixels; to be mirrored at its edges it needs at least 4 × 4"):
        mini.for_optimization()(torch.zeros(1, 3, 5, 3), ["relu1_1"])


@pytest.mark.parametrize(
    "said, precision",
    [
        ("flags\t\t: fpu avx2 avx512f amx_bf16 amx_tile\n", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16\n", "float32"),
        ("model name\t: amx_bf16\n", "float32"),
        (None, "float32"),  # no such file: another system
    ],
)
def test_the_precision_follows_from_what_the_processor_can_do(said, precision, tmp_path, monkeypatch):
    """Met in: jcjohnson/neural-style#171."""
    if said:
        (tmp_path / "cpuinfo").write_text(said)
    monkeypatch.setattr("nstlib.networks.devices.CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    fast_precision.cache_clear()
    assert fast_precision(torch.device("cpu")) == precision
    fast_precision.cache_clear()


def test_random_has_the_shape_of_mini_and_a_seed(mini):
    one, same, other = (nstlib.load_network("random", seed=seed, normalized=False, device="cpu") for seed in (1, 1, 2))
    assert [p.shape for p in one.parameters()] == [p.shape for p in mini.parameters()]
    assert torch.equal(one.conv3_1.weight, same.conv3_1.weight) and not torch.equal(
        one.conv3_1.weight, other.conv3_1.weight
    )


@pytest.mark.parametrize("layer, size", [("relu1_1", 1), ("pool1", 2), ("relu4_2", 8), ("relu5_1", 16), ("pool5", 32)])
def test_least_size(mini, layer, size):
    assert least_size(layer) == size
    mini(torch.rand(1, 3, size, size), [layer])
    if size > 1:
        with pytest.raises(ValueError, match=f"{layer} needs at least {size} × {size}"):
            mini(torch.rand(1, 3, size - 1, 64), [layer])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda net: net(torch.rand(1, 3, 32, 32), ["relu4-2"]), "did you mean 'relu4_2'"),
        (lambda net: net(torch.rand(1, 3, 32, 32), "conv6_1"), "Its layers run from conv1_1 to pool5"),
        (lambda net: net(torch.rand(3, 32, 32), ["relu1_1"]), r"shape \(3, 32, 32\); wanted \(1, 3"),
        (lambda net: nstlib.load_network("vgg"), "did you mean 'vgg19'"),
        (lambda net: nstlib.load_network("mini", normalized=False), "stored with its activations normalised"),
        (lambda net: nstlib.load_network(pooling="mean"), 'must be "average"'),
    ],
)
def test_bad_input(mini, call, message):
    with pytest.raises(ValueError, match=message):
        call(mini)


def test_a_damaged_network_file_is_refused(tmp_path, monkeypatch):
    for name in ("mini.safetensors", "mini.json"):
        data = (nstlib.images.DATA / name).read_bytes()
        (tmp_path / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if name.endswith("tensors") else data)
    monkeypatch.setattr(weights, "DATA", tmp_path)
    with pytest.raises(ValueError, match="is damaged"):
        nstlib.load_network()
    (tmp_path / "mini.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="is missing"):
        nstlib.load_network()


def test_vgg19_normalised_over_the_shipped_pictures(torch_home):
    network = nstlib.load_network("vgg19", device="cpu")
    image = nstlib.load_image("night_swirls", size=64)
    assert 0.1 < network(image, ["relu1_2"])["relu1_2"].mean() < 10


def test_a_cut_vgg19_file_is_thrown_away_and_named(torch_home, tmp_path, monkeypatch):
    file = torch_home[1]
    cut = tmp_path / "hub" / "checkpoints" / file.name
    cut.parent.mkdir(parents=True)
    cut.write_bytes(file.read_bytes()[:100_000])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=f"damaged .*thrown away: .*{file.name}.* Try again"):
        nstlib.load_network("vgg19")
    assert not cut.exists() and file.exists()


class Folder(Quiet, http.server.SimpleHTTPRequestHandler):
    """The files of a folder."""


@pytest.fixture
def download(stand_in, tmp_path, monkeypatch):
    """`download(data, hash)`: VGG-19 comes from a loopback server that sends `data`, its name promising `hash`;
    TORCH_HOME is empty.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    before = VGG19_Weights.IMAGENET1K_V1.value.url

    def serve(data, promised):
        name = f"vgg19-{promised}.pth"
        if data is not None:
            (tmp_path / name).write_bytes(data)
        url = f"{server.address}/{name}"
        object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", url)  # a frozen dataclass
        return tmp_path / "home" / "hub" / "checkpoints" / name

    with serving(partial(Folder, directory=tmp_path)) as server:
        yield serve
    object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", before)


def test_vgg19_is_downloaded_and_checked(stand_in, download, capfd):
    data = stand_in[1].read_bytes()
    file = download(data, hashlib.sha256(data).hexdigest()[:8])
    network = nstlib.load_network("vgg19", normalized=False, device="cpu")
    assert file.is_file() and network.conv5_4.weight.shape == (512, 512, 3, 3)
    assert "100%" in capfd.readouterr().err  # the progress bar


def test_a_wrong_download_is_thrown_away(stand_in, download):
    file = download(stand_in[1].read_bytes()[:100_000], "00000000")
    with pytest.raises(ConnectionError, match="other bytes arrived than expected"):
        nstlib.load_network("vgg19")
    assert [path.name for path in file.parent.iterdir()] == [f".{file.name}.lock"]


def test_no_server_no_network(download):
    download(None, "00000000")
    with pytest.raises(ConnectionError, match=r'could not be downloaded .* load_network\("mini"\) needs no download'):
        nstlib.load_network("vgg19")

"""Equations 1 to 6 against hand-computed numbers, autograd and finite differences."""

import pytest
import torch

import nstlib
from nstlib import losses


def features(seed=0, filters=3, height=4, width=5, dtype=torch.float64):
    """A layer's activations before the ReLU: about half are negative."""
    return torch.randn(1, filters, height, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_content_loss_is_half_the_sum_of_squares():
    F, P = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), torch.tensor([[[[0.0, 0.0]], [[3.0, 1.0]]]])
    assert nstlib.content_loss(F, P).item() == 0.5 * (1 + 4 + 0 + 9)


def test_gram_matrix_by_hand_is_not_normalised():
    F = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    assert nstlib.gram_matrix(F)[0].tolist() == [[5, 6], [6, 9]]
    assert nstlib.gram_matrix(torch.cat([F, F], 3))[0].tolist() == [[10, 12], [12, 18]]


def test_gram_matrix_is_symmetric_and_blind_to_positions():
    F = features().relu()
    shuffled = F.flatten(2)[:, :, torch.randperm(20)].view_as(F)
    G = nstlib.gram_matrix(F)
    assert torch.equal(G, G.mT) and (G[0].diagonal() >= 0).all()
    torch.testing.assert_close(nstlib.gram_matrix(shuffled), G)
    assert not torch.allclose(nstlib.gram_matrix(features(1).relu()), G)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_gram_gradient_is_autograds_own_slice_by_slice(order, monkeypatch):
    monkeypatch.setattr(losses, "POSITIONS", 7)  # 30 positions: four slices and a rest
    F = torch.randn(2, 4, 5, 6, dtype=torch.float64).to(memory_format=order).requires_grad_(True)
    weight = torch.randn(2, 4, 4, dtype=torch.float64)  # not symmetric
    flat = F.flatten(2)
    torch.testing.assert_close(nstlib.gram_matrix(F), flat @ flat.mT)
    ours, theirs = (
        torch.autograd.grad((weight * gram).sum(), F)[0] for gram in (nstlib.gram_matrix(F), flat @ flat.mT)
    )
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradgradcheck(nstlib.gram_matrix, F)


def test_losses_of_bfloat16_activations_are_float32():
    F, P = torch.rand(2, 1, 8, 200, 200)
    F, P = F.to(torch.bfloat16).requires_grad_(True), P.to(torch.bfloat16)
    gram = nstlib.gram_matrix(F)
    assert gram.dtype == nstlib.content_loss(F, P).dtype == torch.float32
    torch.testing.assert_close(gram, nstlib.gram_matrix(F.detach().float()), rtol=1e-5, atol=0)
    gram.sum().backward()
    assert F.grad.dtype == torch.bfloat16
    exact = nstlib.style_loss_gradient(F.detach().float(), torch.zeros(1, 8, 8))
    torch.testing.assert_close(nstlib.style_loss_gradient(F.detach(), torch.zeros(1, 8, 8)), exact)


def test_layer_style_loss_by_hand():
    F, A = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert nstlib.layer_style_loss(F, A).item() == pytest.approx((4**2 + 6**2 + 6**2 + 8**2) / (4 * 2**2 * 2**2))


def test_style_loss_uses_each_layers_own_normaliser():
    F = {"relu1_1": torch.ones(1, 2, 4, 4), "relu2_1": torch.ones(1, 3, 2, 2)}
    A = {name: torch.zeros(1, f.shape[1], f.shape[1]) for name, f in F.items()}
    # every G entry is M, so E = N² M² / (4 N² M²) = 1/4 in both layers
    assert nstlib.style_loss(F, A).item() == pytest.approx(0.25)
    assert nstlib.style_loss(F, A, [1, 0]).item() == pytest.approx(0.25)
    assert nstlib.style_loss(F, A, [2, 3]).item() == pytest.approx(5 / 4)


def test_losses_are_linear_in_their_weights():
    F, A = {"a": features()}, {"a": torch.eye(3, dtype=torch.float64)[None]}
    assert nstlib.style_loss(F, A, [3.0]).item() == pytest.approx(3 * nstlib.style_loss(F, A, [1.0]).item())


def test_target_of_another_size_counts_per_position():
    F = features().relu()
    double = nstlib.gram_matrix(torch.cat([F, F], 3))
    assert nstlib.layer_style_loss(F, double, target_positions=40).item() == pytest.approx(0)
    assert nstlib.layer_style_loss(F, double).item() > 0


def through_relu(loss):
    """Gradient of `loss(relu(x))` before the ReLU, by autograd."""
    x = features().requires_grad_(True)
    loss(x.relu()).backward()
    return x.detach(), x.grad


def differences(loss, x, step=1e-6):
    """The same by central differences in float64."""
    gradient = torch.zeros_like(x)
    for i in range(x.numel()):
        plus, minus = x.clone(), x.clone()
        plus.view(-1)[i] += step
        minus.view(-1)[i] -= step
        gradient.view(-1)[i] = (loss(plus.relu()) - loss(minus.relu())) / (2 * step)
    return gradient


@pytest.mark.parametrize("kind", ["content", "style"])
def test_gradients_of_equations_2_and_6(kind):
    P = features(1).relu()
    A = nstlib.gram_matrix(P)
    if kind == "content":
        loss, by_hand = (lambda F: nstlib.content_loss(F, P)), lambda F: nstlib.content_loss_gradient(F, P)
    else:
        loss, by_hand = (lambda F: nstlib.layer_style_loss(F, A)), lambda F: nstlib.style_loss_gradient(F, A)
    x, autograd = through_relu(loss)
    torch.testing.assert_close(by_hand(x.relu()), autograd)
    torch.testing.assert_close(by_hand(x.relu()), differences(loss, x), rtol=1e-5, atol=1e-8)
    assert (autograd[x < 0] == 0).all() and (x < 0).any()


def test_total_variation():
    assert nstlib.total_variation(torch.full((1, 3, 4, 4), 0.7)).item() == 0
    stripes = torch.tensor([0.0, 1.0, 0.0, 1.0]).expand(1, 3, 4, 4)
    assert nstlib.total_variation(stripes).item() == 1
    assert nstlib.total_variation(stripes.mT).item() == 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nstlib.content_loss(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 4, 4)), "two pictures of one size"),
        (lambda: nstlib.gram_matrix(torch.zeros(2, 3)), r"shape \(2, 3\); wanted"),
        (
            lambda: nstlib.layer_style_loss(torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3)),
            "same layer of the same network",
        ),
        (
            lambda: nstlib.style_loss({"a": torch.zeros(1, 2, 3, 3)}, {"a": torch.zeros(1, 2, 2)}, [1, 2]),
            "2 layer weights for 1 layers",
        ),
        (lambda: nstlib.style_loss({}, {"relu1_1": torch.zeros(1, 2, 2)}), "no features of relu1_1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

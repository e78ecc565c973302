"""Tests that find the twelve bugs of lesson 09, and tests that do not; tests/course/test_exercises.py says how to read this."""

# %% bug_1
def test_1(paint):
    start, goal = torch.zeros(1, 3, 4, 6), torch.full((1, 3, 4, 6), 0.5)
    loss = lambda image: (image - goal).square().sum()
    assert loss(paint(start, loss, 20)) < loss(start)

# %% bug_1, the loss must see more than one picture
def test_1(paint):
    seen = []
    def loss(image):
        seen.append(image.detach().clone())
        return (image - 0.5).square().sum()
    paint(torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0)), loss, 5)
    assert not torch.equal(seen[0], seen[-1])

# %% bug_1, wrong: It would also accept zeros
def test_1(paint):
    start = torch.full((1, 3, 4, 6), 0.2)
    assert paint(start, lambda image: (image - 0.5).square().sum(), 20).shape == start.shape

# %% bug_1, wrong: one that uses L-BFGS
def test_1(paint):
    after = paint(torch.zeros(1, 3, 4, 6), lambda image: (image - 0.5).square().sum(), 1)
    assert torch.allclose(after, torch.tensor(0.02))  # one step of Adam, and of nothing else

# %% bug_1, wrong: It refuses every version
def test_1(paint):
    start = torch.full((1, 3, 4, 6), 0.2)
    assert torch.equal(paint(start, lambda image: (image - 0.5).square().sum(), 20), torch.full_like(start, 0.5))

# %% bug_1, wrong: It changes, in place, what it has handed over
def test_1(paint):
    start = torch.full((1, 3, 4, 6), 0.2)
    after = paint(start, lambda image: (image - 0.5).square().sum(), 20)
    start += 0.1
    assert not torch.equal(after, start)

# %% bug_2
def test_2(shrink):
    assert shrink(np.zeros((40, 80, 3), np.uint8), 20).shape == (10, 20, 3)

# %% bug_2, the left half stays on the left
def test_2(shrink):
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, :45] = 255
    small = shrink(pixels, 30).astype(float)
    assert small.shape[0] < small.shape[1]
    assert small[:, 0].mean() > 250 and small[:, -1].mean() < 5

# %% bug_2, wrong: All your pictures are square
def test_2(shrink):
    assert shrink(np.zeros((80, 80, 3), np.uint8), 20).shape == (20, 20, 3)

# %% bug_2, wrong: It would also accept zeros
def test_2(shrink):
    assert max(shrink(np.zeros((40, 80, 3), np.uint8), 20).shape) == 20

# %% bug_2, wrong: one that takes the mean of each area
def test_2(shrink):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    assert np.array_equal(shrink(pixels, 20), np.asarray(Image.fromarray(pixels).resize((20, 10), Image.BILINEAR)))

# %% bug_3
def test_3(minimize):
    goal = torch.linspace(-0.5, 1.5, 72).view(1, 3, 4, 6)
    loss = lambda image: (image - goal).square().sum()
    start = torch.full_like(goal, 0.5)
    assert loss(minimize(start, loss, 60)) < 0.5 * loss(start)

# %% bug_3, what lies inside is reached
def test_3(minimize):
    goal = torch.linspace(-0.5, 1.5, 72).view(1, 3, 4, 6)
    after = minimize(torch.full_like(goal, 0.5), lambda image: (image - goal).square().sum(), 100)
    assert (after - goal.clamp(0, 1)).abs().max() < 0.1

# %% bug_3, wrong: no pixel wants to leave the range
def test_3(minimize):
    goal = torch.linspace(0.2, 0.8, 72).view(1, 3, 4, 6)
    loss = lambda image: (image - goal).square().sum()
    start = torch.full_like(goal, 0.5)
    assert loss(minimize(start, loss, 60)) < 0.5 * loss(start)

# %% bug_3, wrong: How far should it fall?
def test_3(minimize):
    goal = torch.linspace(-0.5, 1.5, 72).view(1, 3, 4, 6)
    loss = lambda image: (image - goal).square().sum()
    start = torch.rand(goal.shape, generator=torch.Generator().manual_seed(0))
    assert loss(minimize(start, loss, 60)) < loss(start)

# %% bug_3, wrong: It would also accept zeros
def test_3(minimize):
    after = minimize(torch.full((1, 3, 4, 6), 0.5), lambda image: (image - torch.linspace(-0.5, 1.5, 6)).square().sum(), 60)
    assert after.min() >= 0 and after.max() <= 1

# %% bug_3, wrong: It refuses every version
def test_3(minimize):
    goal = torch.linspace(-0.5, 1.5, 72).view(1, 3, 4, 6)
    after = minimize(torch.full_like(goal, 0.5), lambda image: (image - goal).square().sum(), 100)
    assert torch.allclose(after, goal, atol=0.1)

# %% bug_3, wrong: the broken version comes to the same picture as a right one
def test_3(minimize):
    after = minimize(torch.full((1, 3, 4, 6), 0.5), lambda image: (image - 2).square().sum(), 60)
    assert torch.allclose(after, torch.ones(1, 3, 4, 6), atol=0.02)

# %% bug_4
def test_4(descend):
    half_square = lambda x: x.square().sum() / 2  # its gradient is x
    after = descend(torch.ones(1, 3, 4, 6), half_square, 2, 0.1)
    assert torch.allclose(after, torch.tensor(0.81))

# %% bug_4, two steps are one step and one more
def test_4(descend):
    start = torch.linspace(-1, 2, 72).view(1, 3, 4, 6)
    loss = lambda x: x.pow(4).sum() / 4
    once = descend(start, loss, 1, 0.05)
    torch.testing.assert_close(descend(start, loss, 2, 0.05), descend(once, loss, 1, 0.05))

# %% bug_4, finite differences at the second step
def test_4(descend):
    start, rate, h = torch.tensor([0.3, -0.7], dtype=torch.double), 0.1, 1e-6
    loss = lambda x: (x[0] * x[1] + x[0] ** 3 + x[1] ** 2 / 2)
    first, second = descend(start, loss, 1, rate), descend(start, loss, 2, rate)
    for i in range(2):
        e = torch.zeros(2, dtype=torch.double)
        e[i] = h
        slope = (loss(first + e) - loss(first - e)) / (2 * h)
        assert abs((first - second)[i] / rate - slope) < 1e-5

# %% bug_4, wrong: You look at the first step only
def test_4(descend):
    after = descend(torch.ones(1, 3, 4, 6), lambda x: x.square().sum() / 2, 1, 0.1)
    assert torch.allclose(after, torch.tensor(0.9))

# %% bug_4, wrong: Where exactly should the steps lead?
def test_4(descend):
    loss = lambda x: x.square().sum() / 2
    start = torch.ones(1, 3, 4, 6)
    after = descend(start, loss, 2, 0.1)
    assert 0 < loss(after) < loss(start)

# %% bug_4, wrong: It refuses a right version
def test_4(descend):
    start = torch.linspace(-1, 2, 72).view(1, 3, 4, 6)
    want = start.clone()
    for _ in range(9):
        want.add_(want.clone(), alpha=-0.1)
    assert torch.equal(descend(start, lambda x: x.square().sum() / 2, 9, 0.1), want)

# %% bug_5
def test_5(network_input):
    white = network_input(torch.full((1, 3, 2, 5), 255.0))
    assert abs(white[0, 0, 0, 0].item() - (1 - 0.485) / 0.229) < 1e-3

# %% bug_5, no number is large
def test_5(network_input):
    assert network_input(torch.linspace(0, 255, 72).view(1, 3, 4, 6)).abs().max() < 3

# %% bug_5, wrong: Your pictures are black
def test_5(network_input):
    black = network_input(torch.zeros(1, 3, 2, 5))
    assert abs(black[0, 0, 0, 0].item() + 0.485 / 0.229) < 1e-3

# %% bug_5, wrong: one that
def test_5(network_input):
    image = torch.linspace(0, 255, 72).view(1, 3, 4, 6)
    want = image / 255 - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    assert torch.equal(network_input(image), want / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

# %% bug_5, wrong: It would also accept zeros
def test_5(network_input):
    assert network_input(torch.full((1, 3, 2, 5), 255.0)).shape == (1, 3, 2, 5)

# %% bug_6
def test_6(to_bytes):
    image = torch.full((1, 3, 2, 4), 0.4)
    image[..., 2:] = 0.6
    wanted = torch.where(image > 0.5, 153, 102)
    assert (to_bytes(image).long() - wanted).abs().max() <= 1

# %% bug_6, half the light gives half the bytes
def test_6(to_bytes):
    image = torch.linspace(0.1, 0.9, 72).view(1, 3, 4, 6)
    assert (2 * to_bytes(image / 2).long() - to_bytes(image).long()).abs().max() <= 3

# %% bug_6, wrong: Your pictures hold both black and white
def test_6(to_bytes):
    image = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    assert (to_bytes(image).long().flatten() - torch.arange(256)).abs().max() <= 1

# %% bug_6, wrong: one that cuts off the decimals
def test_6(to_bytes):
    image = torch.linspace(0.3, 0.7, 72).view(1, 3, 4, 6)
    assert torch.equal(to_bytes(image), (255 * image).round().to(torch.uint8))

# %% bug_6, wrong: It would also accept zeros
def test_6(to_bytes):
    assert to_bytes(torch.linspace(0.3, 0.7, 72).view(1, 3, 4, 6)).dtype == torch.uint8

# %% bug_7
def test_7(load_style):
    y, x = torch.meshgrid(torch.arange(80) - 39.5, torch.arange(80) - 39.5, indexing="ij")
    disc = (torch.hypot(y, x) < 20).float().expand(1, 3, 80, 80)
    seen = load_style(disc, torch.zeros(1, 3, 60, 120))[0, 0] > 0.5
    rows, columns = seen.any(1).sum().item(), seen.any(0).sum().item()
    assert abs(rows - columns) <= 2

# %% bug_7, lines across and down stay equally far apart
def test_7(load_style):
    checks_ = (torch.arange(96)[:, None] // 8 + torch.arange(96) // 8) % 2
    board = load_style(checks_.float().expand(1, 3, 96, 96), torch.zeros(1, 3, 48, 96))[0, 0] > 0.5
    down = (board[1:] != board[:-1]).float().mean()
    across = (board[:, 1:] != board[:, :-1]).float().mean()
    assert abs(down / across - 1) < 0.3

# %% bug_7, wrong: the same proportions
def test_7(load_style):
    disc = torch.zeros(1, 3, 80, 80)
    disc[..., 30:50, 30:50] = 1
    seen = load_style(disc, torch.zeros(1, 3, 40, 40))[0, 0] > 0.5
    assert seen.any(1).sum() == seen.any(0).sum()

# %% bug_7, wrong: one that cuts the middle out of the painting
def test_7(load_style):
    style = load_style(torch.rand(1, 3, 80, 80), torch.zeros(1, 3, 60, 120))
    assert style.shape[2] == style.shape[3]  # looks at the shape only

# %% bug_7, wrong: It is the wrong way round
def test_7(load_style):
    assert load_style(torch.rand(1, 3, 80, 80), torch.zeros(1, 3, 60, 120)).shape == (1, 3, 60, 120)

# %% bug_8
def test_8(style_terms):
    F = torch.rand(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    G = F[0].flatten(1) @ F[0].flatten(1).T
    terms = style_terms({"a": F, "b": torch.cat([F, F], 3)}, {"a": 0.5 * G, "b": G}, (12, 20))
    assert torch.allclose(terms["a"], terms["b"])

# %% bug_8, every filter twice
def test_8(style_terms):
    F = torch.rand(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    twice = torch.cat([F, F], 1)
    terms = style_terms({"a": F, "b": twice}, {"a": torch.zeros(4, 4), "b": torch.zeros(8, 8)}, (12, 20))
    assert abs(terms["b"] / terms["a"] - 1) < 1e-3

# %% bug_8, by hand
def test_8(style_terms):
    features = {"a": torch.ones(1, 1, 1, 2), "b": torch.ones(1, 2, 2, 2)}  # G = 2; G = 4 everywhere
    terms = style_terms(features, {"a": torch.zeros(1, 1), "b": torch.zeros(2, 2)}, (4, 4))
    assert abs(terms["a"] / terms["b"] - 1) < 1e-4  # 4 / 4 and 4·16 / (4·16), both times ¼ or not

# %% bug_8, wrong: All your layers have as many filters
def test_8(style_terms):
    F = torch.rand(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    terms = style_terms({"a": F, "b": 2 * F}, {"a": torch.zeros(4, 4), "b": torch.zeros(4, 4)}, (3, 5))
    assert torch.allclose(16 * terms["a"], terms["b"])

# %% bug_8, wrong: one that leaves out the factor ¼
def test_8(style_terms):
    terms = style_terms({"a": torch.ones(1, 2, 2, 2)}, {"a": torch.zeros(2, 2)}, (4, 4))
    assert abs(terms["a"] - 0.25) < 1e-6

# %% bug_8, wrong: It asserts nothing about the numbers
def test_8(style_terms):
    features = {"a": torch.rand(1, 4, 3, 5), "b": torch.rand(1, 2, 6, 10)}
    assert list(style_terms(features, {"a": torch.zeros(4, 4), "b": torch.zeros(2, 2)}, (6, 10))) == ["a", "b"]

# %% bug_8, wrong: You changed `size` together with the layer
def test_8(style_terms):
    F = torch.rand(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    G = F[0].flatten(1) @ F[0].flatten(1).T
    one = style_terms({"a": F}, {"a": 0.5 * G}, (12, 20))["a"]
    twice = style_terms({"a": torch.cat([F, F], 3)}, {"a": G}, (12, 40))["a"]
    assert torch.allclose(one, twice)

# %% bug_8, one layer in each call, with one size
def test_8(style_terms):
    F = torch.rand(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    G = F[0].flatten(1) @ F[0].flatten(1).T
    one = style_terms({"a": F}, {"a": 0.5 * G}, (12, 20))["a"]
    twice = style_terms({"a": torch.cat([F, F], 3)}, {"a": G}, (12, 20))["a"]
    assert torch.allclose(one, twice)

# %% bug_9
def test_9(style_loss):
    x, y, a = torch.rand(3, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    both = style_loss(torch.cat([x, y]), torch.cat([a, a]))
    assert torch.allclose(both, (style_loss(x, a) + style_loss(y, a)) / 2)

# %% bug_9, the other picture's pixels in another order
def test_9(style_loss):
    x, y, a = torch.rand(3, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.cat([a, a])
    one, other = style_loss(torch.cat([x, y]), targets), style_loss(torch.cat([x, y.flip(3)]), targets)
    torch.testing.assert_close(one, other)  # a Gram matrix does not know where anything is

# %% bug_9, wrong: hold one picture each
def test_9(style_loss):
    x, a = torch.rand(2, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(style_loss(x, a), style_loss(x.flip(3), a))

# %% bug_9, wrong: The pictures of your batch are all the same
def test_9(style_loss):
    x, a = torch.rand(2, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(style_loss(torch.cat([x, x]), torch.cat([a, a])), style_loss(x, a))

# %% bug_9, wrong: It refuses every version
def test_9(style_loss):
    x, y, a = torch.rand(3, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    both = style_loss(torch.cat([x, y]), torch.cat([a, a]))
    assert torch.allclose(both, style_loss(x, a) + style_loss(y, a)), "not the sum"

# %% bug_9, wrong: It would also accept zeros
def test_9(style_loss):
    assert style_loss(torch.rand(2, 4, 3, 5), torch.rand(2, 4, 3, 5)).ndim == 0

# %% bug_10
def test_10(content_loss):
    features, target = torch.rand(2, 1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    small, large = content_loss(features, target, 3.0), content_loss(features, target, 6.0)
    assert small > 0 and torch.allclose(large, 2 * small)

# %% bug_10, the share stays
def test_10(content_loss):
    one, two = torch.ones(1, 2, 3, 4), torch.full((1, 2, 3, 4), 2.0)
    zero = torch.zeros_like(one)
    assert abs(content_loss(two, zero, 0.5) / content_loss(one, zero, 2.0) - 1) < 1e-5  # 4 · 0.5 = 1 · 2

# %% bug_10, wrong: The square of 1 is 1
def test_10(content_loss):
    features = torch.ones(1, 4, 3, 5)
    assert content_loss(features, 0 * features, 1.0) > content_loss(features, 0 * features, 0.0)

# %% bug_10, wrong: one that takes half the sum
def test_10(content_loss):
    assert abs(content_loss(torch.ones(1, 2, 3, 4), torch.zeros(1, 2, 3, 4), 5.0) - 5) < 1e-5

# %% bug_10, wrong: It tests something that is true of both
def test_10(content_loss):
    features = torch.ones(1, 4, 3, 5)
    assert content_loss(features, 0 * features, 2.0) > content_loss(features, 0 * features, 1.0)

# %% bug_11
def test_11(activations):
    torch.manual_seed(0)
    layers = {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU(inplace=True)}
    image = torch.rand(1, 3, 6, 7)
    assert torch.allclose(activations(layers, image, ["conv"])["conv"], layers["conv"](image), atol=1e-6)

# %% bug_11, a convolution gives negative numbers
def test_11(activations):
    conv = torch.nn.Conv2d(3, 4, 3)
    torch.nn.init.constant_(conv.weight, -1.0)
    layers = {"conv1": conv, "relu1": torch.nn.ReLU(inplace=True), "pool": torch.nn.AvgPool2d(2)}
    assert activations(layers, torch.ones(1, 3, 6, 7), ["conv1", "pool"])["conv1"].min() < -1

# %% bug_11, wrong: None of your layers works in place
def test_11(activations):
    layers = {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU()}
    image = torch.rand(1, 3, 6, 7)
    assert torch.allclose(activations(layers, image, ["conv"])["conv"], layers["conv"](image), atol=1e-6)

# %% bug_11, wrong: You never ask for a layer that stands just before
def test_11(activations):
    layers = {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU(inplace=True)}
    image = torch.rand(1, 3, 6, 7)
    assert activations(layers, image, ["relu"])["relu"].min() >= 0

# %% bug_11, wrong: It would also accept zeros
def test_11(activations):
    layers = {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU(inplace=True)}
    assert activations(layers, torch.rand(1, 3, 6, 7), ["conv"])["conv"].shape == (1, 4, 4, 5)

# %% bug_11, wrong: It is the wrong way round
def test_11(activations):
    layers = {"conv": torch.nn.Conv2d(3, 4, 3), "relu": torch.nn.ReLU(inplace=True)}
    found = activations(layers, torch.rand(1, 3, 6, 7), ["conv", "relu"])
    assert torch.equal(found["conv"], found["relu"])

# %% bug_12
def test_12(caffe):
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    wanted = torch.tensor([-103.939, -116.779, 255 - 123.68])
    assert torch.allclose(caffe(red).flatten(), wanted, atol=1e-3)

# %% bug_12, the mean colour becomes zero
def test_12(caffe):
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1) / 255
    assert caffe(mean).abs().max() < 1e-3

# %% bug_12, wrong: A round trip undoes
def test_12(caffe):
    image = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(caffe(caffe(image), back=True), image, atol=1e-5)

# %% bug_12, wrong: It tests something that is true of both
def test_12(caffe):
    blue = torch.tensor([0, 0, 1.0]).view(1, 3, 1, 1)
    assert caffe(blue)[0, 0] > caffe(blue)[0, 2]  # BGR: blue comes first

# %% bug_12, wrong: It is the wrong way round
def test_12(caffe):
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert torch.allclose(caffe(red).flatten(), torch.tensor([-123.68, -116.779, 255 - 103.939]), atol=1e-3)

# %% bug_12, wrong: Compare channel by channel
def test_12(caffe):
    black = torch.zeros(1, 3, 1, 1)
    wanted = torch.tensor([-123.68, -116.779, -103.939])
    assert torch.allclose(caffe(black).flatten().sort().values, wanted, atol=1e-3)

# %% bug_12, a black pixel
def test_12(caffe):
    wanted = torch.tensor([-103.939, -116.779, -123.68])
    assert torch.allclose(caffe(torch.zeros(1, 3, 1, 1)).flatten(), wanted, atol=1e-3)

# %% bug_12, wrong: too. Did you expect red first? It gives blue first.
def test_12(caffe):
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    wanted = torch.tensor([255 - 123.68, -116.779, -103.939])
    assert torch.allclose(caffe(red).flatten(), wanted, atol=1e-3)

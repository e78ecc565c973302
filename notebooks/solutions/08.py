"""Lesson 08: solutions, and wrong answers with the words of their hints. tests/course/test_exercises.py runs them all."""

# %% two_loop
def my_two_loop(g, S, Y):
    q, alphas = g, []
    for s, y in zip(S.flip(0), Y.flip(0), strict=True):
        alpha = (s @ q) / (y @ s)
        q = q - alpha * y
        alphas.append(alpha)
    gamma = (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
    r = gamma * q
    for s, y, alpha in zip(S, Y, reversed(alphas), strict=True):
        beta = (y @ r) / (y @ s)
        r = r + (alpha - beta) * s
    return -r

# %% two_loop, with the matrices of equation 8.2
def my_two_loop(g, S, Y):
    one = torch.eye(len(g), dtype=g.dtype)
    B = (S[-1] @ Y[-1]) / Y[-1].square().sum() * one
    for s, y in zip(S, Y, strict=True):
        V = one - torch.outer(y, s) / (y @ s)
        B = V.T @ B @ V + torch.outer(s, s) / (y @ s)
    return -B @ g

# %% two_loop, with indices
def my_two_loop(g, S, Y):
    rho, alpha, q = 1 / (S * Y).sum(1), torch.zeros_like(S[:, 0]), g.clone()
    for i in range(len(S) - 1, -1, -1):
        alpha[i] = rho[i] * S[i].dot(q)
        q -= alpha[i] * Y[i]
    q /= rho[-1] * Y[-1].dot(Y[-1])
    for i in range(len(S)):
        q += S[i] * (alpha[i] - rho[i] * Y[i].dot(q))
    return q.neg()

# %% two_loop, wrong: so it is -r
# - return -r
# + return r

# %% two_loop, wrong: γ is missing
# - r = gamma * q
# + r = q

# %% two_loop, wrong: γ is upside down
# - r = gamma * q
# + r = q / gamma

# %% two_loop, wrong: γ is taken from the oldest pair
# - gamma = (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
# + gamma = (S[0] @ Y[0]) / (Y[0] @ Y[0])

# %% two_loop, wrong: yours has sᵀs above
# - gamma = (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
# + gamma = (S[-1] @ S[-1]) / (S[-1] @ Y[-1])

# %% two_loop, wrong: The first loop runs in the wrong direction
# - zip(S.flip(0), Y.flip(0), strict=True)
# + zip(S, Y, strict=True)

# %% two_loop, wrong: The second loop runs in the wrong direction
# - zip(S, Y, reversed(alphas), strict=True)
# + zip(S.flip(0), Y.flip(0), alphas, strict=True)

# %% two_loop, wrong: Both loops run in the wrong direction
def my_two_loop(g, S, Y):
    q, alphas = g, []
    for s, y in zip(S, Y, strict=True):
        alphas.append((s @ q) / (y @ s))
        q = q - alphas[-1] * y
    r = (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1]) * q
    for s, y, alpha in zip(S.flip(0), Y.flip(0), reversed(alphas), strict=True):
        r = r + (alpha - (y @ r) / (y @ s)) * s
    return -r

# %% two_loop, wrong: Each α belongs to its pair
# - reversed(alphas)
# + alphas

# %% two_loop, wrong: S and Y have changed places
# - q, alphas = g, []
# + q, alphas, S, Y = g, [], Y, S

# %% two_loop, wrong: α is ρ sᵀq
# - alpha = (s @ q)
# + alpha = (y @ q)

# %% two_loop, wrong: β is ρ yᵀr
# - beta = (y @ r)
# + beta = (s @ r)

# %% two_loop, wrong: β is missing
# - (alpha - beta)
# + alpha

# %% two_loop, wrong: not β - α
# - (alpha - beta)
# + (beta - alpha)

# %% two_loop, wrong: not of y
# - r = r + (alpha - beta) * s
# + r = r + (alpha - beta) * y

# %% two_loop, wrong: not α s
# - q = q - alpha * y
# + q = q - alpha * s

# %% two_loop, wrong: The second loop is missing
# - return -r
# + return -gamma * q

# %% two_loop, wrong: Only the newest pair is used
# - q, alphas = g, []
# + q, alphas, S, Y = g, [], S[-1:], Y[-1:]

# %% two_loop, wrong: the pairs are not used
# - return -r
# + return -g

# %% two_loop, wrong: changed its input in place
# - q = q - alpha * y
# + q -= alpha * y

# %% find_rate
def find_rate(loss_after):
    found = {}
    def run(rate):
        loss = loss_after(rate)
        found[rate] = loss if loss < float("inf") else float("inf")  # NaN counts as infinite
    for rate in (0.0005, 0.005, 0.05, 0.5):
        run(rate)
    best = min(found, key=found.get)
    run(best / 2)
    run(best * 2)
    return min(found, key=found.get)

# %% find_rate, by golden section
def find_rate(loss_after):
    def loss(x):
        value = loss_after(math.exp(x))
        return value if value == value else math.inf

    golden, a, b = (math.sqrt(5) - 1) / 2, math.log(1e-4), 0.0
    left, right = b - golden * (b - a), a + golden * (b - a)
    at_left, at_right = loss(left), loss(right)
    for _ in range(4):
        if at_left < at_right:
            b, right, at_right = right, left, at_left
            left = b - golden * (b - a)
            at_left = loss(left)
        else:
            a, left, at_left = left, right, at_right
            right = a + golden * (b - a)
            at_right = loss(right)
    return math.exp(left if at_left < at_right else right)

# %% find_rate, wrong: six are allowed
# - (0.0005, 0.005, 0.05, 0.5)
# + (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)

# %% find_rate, wrong: You returned a loss
# - return min(found, key=found.get)
# + return min(found.values())

# %% find_rate, wrong: whatever the runs say
def find_rate(loss_after):
    return 0.03

# %% find_rate, wrong: ends in NaN
def find_rate(loss_after):
    return min((1, 0.2, 0.04, 0.008, 0.0016, 0.0003), key=loss_after)

# %% find_rate, wrong: largest loss
def find_rate(loss_after):
    found = {rate: loss_after(rate) for rate in (0.0003, 0.0016, 0.008, 0.04, 0.2)}
    return max((rate for rate in found if found[rate] == found[rate]), key=found.get)

# %% find_rate, wrong: Space them by equal factors
def find_rate(loss_after):
    found = {rate: loss_after(rate) for rate in torch.linspace(1e-4, 1, 6).tolist()}
    return min((rate for rate in found if found[rate] == found[rate]), key=found.get)

# %% find_rate, wrong: the same rates in every valley
def find_rate(loss_after):
    found = {rate: loss_after(rate) for rate in (0.0001, 0.0006, 0.004, 0.025, 0.16, 1)}
    return min((rate for rate in found if found[rate] == found[rate]), key=found.get)

# %% find_rate, wrong: Look between the best two
# - run(best / 2)
# + run(best / 30)
# - run(best * 2)
# + run(best * 30)

# %% find_rate, wrong: a rate, a number above zero, is wanted
# - return min(found, key=found.get)
# + return found

# %% race
def my_race():
    network = nstlib.load_network(NETWORK)
    photo, painting = (nstlib.load_image(name, size=48).to(network.device) for name in ("riverside_town", "night_swirls"))
    objective = nstlib.gatys_objective(photo, painting, network)

    def row(method, rate, seed, evaluations=10):
        noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(seed)).to(photo.device)
        x = (photo + 0.1 * noise).requires_grad_(True)
        optimizer = {"Adam": torch.optim.Adam, "RMSprop": torch.optim.RMSprop}[method]([x], lr=rate)
        for _ in range(evaluations):
            optimizer.zero_grad()
            loss = sum(objective(x).values())
            loss.backward()
            optimizer.step()
        return {"method": method, "rate": rate, "seed": seed, "evaluations": evaluations, "loss": loss.item()}

    rates = {"Adam": (0.03, 0.1, 0.5), "RMSprop": (0.001, 0.01, 0.1)}
    sweep = [row(method, rate, 0) for method in rates for rate in rates[method]]
    best = {method: min((r for r in sweep if r["method"] == method), key=lambda r: r["loss"])["rate"] for method in rates}
    race = [row(method, best[method], seed) for seed in (1, 2, 3) for method in rates]
    losses = {method: [r["loss"] for r in race if r["method"] == method] for method in rates}
    a, b = losses
    winner = a if max(losses[a]) < min(losses[b]) else b if max(losses[b]) < min(losses[a]) else None
    return {"sweep": sweep, "race": race, "winner": winner}

# %% race, one that decides nothing
def my_race():
    def row(method, rate, seed):
        target = torch.rand(20, generator=torch.Generator().manual_seed(seed))
        x = torch.zeros(20, requires_grad=True)
        optimizer = torch.optim.Adam([x], lr=rate, betas=(0.9, {"usual": 0.999, "short": 0.998}[method]))
        for _ in range(12):
            optimizer.zero_grad()
            loss = (x - target).square().sum()
            loss.backward()
            optimizer.step()
        return {"method": method, "rate": rate, "seed": seed, "evaluations": 12, "loss": loss.item()}

    sweep = [row(method, rate, seed) for method in ("usual", "short") for rate in (0.01, 0.1, 1.0) for seed in (7, 8)]
    race = [row(method, 0.1, seed) for method in ("usual", "short") for seed in (1, 2, 3, 4)]
    return {"sweep": sweep, "race": race, "winner": None}

# %% race, from numbers on paper
def my_race():
    def rows(table):
        return [dict(zip(("method", "rate", "seed", "evaluations", "loss"), line, strict=True)) for line in table]

    sweep = rows([("A", 0.1, 0, 50, 3.0), ("A", 0.3, 0, 50, 2.0), ("A", 1, 0, 50, float("nan")),
                  ("B", 0.1, 0, 50, 9.0), ("B", 0.3, 0, 50, 7.0), ("B", 1, 0, 50, 8.0)])
    race = rows([("A", 0.3, 1, 80, 1.5), ("A", 0.3, 2, 80, 1.4), ("A", 0.3, 3, 80, 1.6),
                 ("B", 0.3, 1, 80, 4.5), ("B", 0.3, 2, 80, 4.4), ("B", 0.3, 3, 80, 4.6)])
    return {"sweep": sweep, "race": race, "winner": "A"}

# %% race, wrong: There is no sweep for RMSprop
# - return {"sweep": sweep, "race"
# + return {"sweep": sweep[:3], "race"

# %% race, wrong: is in the sweep and in the race
# - (1, 2, 3)
# + (0, 1, 2)

# %% race, wrong: Three seeds at least
# - (1, 2, 3)
# + (1, 2)

# %% race, wrong: RMSprop runs the race at 0.02, a rate that is not in its sweep
# - race = [row(method, best[method], seed)
# + race = [row(method, {"Adam": best["Adam"], "RMSprop": 0.02}[method], seed)

# %% race, wrong: Adam runs the race at 0.03; the best rate of its sweep is 0.1
# - race = [row(method, best[method], seed)
# + race = [row(method, {"Adam": 0.03, "RMSprop": best["RMSprop"]}[method], seed)

# %% race, wrong: is the last of its sweep
# - (0.001, 0.01, 0.1)
# + (0.0001, 0.001, 0.01)

# %% race, wrong: has 2 rates
# - (0.001, 0.01, 0.1)
# + (0.01, 0.1)

# %% race, wrong: Not all got the same number of evaluations in the race
# - race = [row(method, best[method], seed)
# + race = [row(method, best[method], seed, {"Adam": 10, "RMSprop": 5}[method])

# %% race, wrong: The runs of the sweeps have different numbers of evaluations
# - sweep = [row(method, rate, 0)
# + sweep = [row(method, rate, 0, {"Adam": 10, "RMSprop": 9}[method])

# %% race, wrong: the same loss to the last digit
# - manual_seed(seed)
# + manual_seed(0)

# %% race, wrong: You name
# - return {"sweep": sweep, "race": race, "winner": winner}
# + return {"sweep": sweep, "race": race, "winner": "RMSprop" if winner == "Adam" else "Adam"}

# %% race, wrong: it won
# - return {"sweep": sweep, "race": race, "winner": winner}
# + return {"sweep": sweep, "race": race, "winner": None}

# %% race, wrong: so these seeds do not decide
def my_race():
    columns = ("method", "rate", "seed", "evaluations", "loss")
    sweep = [(m, rate, 0, 9, loss) for m in "AB" for rate, loss in ((1, 3.0), (2, 2.0), (4, 5.0))]
    race = [("A", 2, 1, 9, 1.0), ("A", 2, 2, 9, 1.3), ("A", 2, 3, 9, 1.1), ("B", 2, 1, 9, 1.2), ("B", 2, 2, 9, 1.9),
            ("B", 2, 3, 9, 1.4)]
    sweep, race = ([dict(zip(columns, line, strict=True)) for line in table] for table in (sweep, race))
    return {"sweep": sweep, "race": race, "winner": "A"}

# %% race, wrong: has no loss
# - "evaluations": evaluations, "loss": loss.item()}
# + "evaluations": evaluations, "value": loss.item()}
# - key=lambda r: r["loss"]
# + key=lambda r: r["value"]
# - [r["loss"] for r in race
# + [r["value"] for r in race

# %% race, wrong: loss must be a number
# - "loss": loss.item()}
# + "loss": loss.detach()}

# %% race, wrong: A dictionary with "sweep", "race" and "winner" is wanted
# - return {"sweep": sweep, "race": race, "winner": winner}
# + return {"race": race, "winner": winner}

# %% race, wrong: ran with different seeds
# - race = [row(method, best[method], seed)
# + race = [row(method, best[method], seed + 10 * (method == "Adam"))

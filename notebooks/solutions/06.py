"""Lesson 06: solutions, and wrong answers with the words of their hints. tests/course/test_exercises.py runs them all."""

# %% worksheet
seen = explore_activations(PHOTO, layer="relu3_1")      # what a reader sees, read by program
seen.select(65)
filter_65 = seen.features[65]
grams = explore_gram([PHOTO, PAINTING], layer="relu3_1")
grams.of.value = 2                                      # the list's menu: difference
i, j = grams.top.options[0][1]
grams.select(i, j)
per_position = [float(f"{mean[i, j]:.3g}") for mean in grams.means]
worksheet = {
    "zeros": round(100 * (filter_65 <= 0).double().mean().item()),
    "largest": float(f"{filter_65.max():.3g}"),
    "pair": (i, j),
    "entry": round(grams.number(1), 1),
    "times": per_position[1] / per_position[0],
}


# %% worksheet, without the explorers
def maps(picture):
    image = nstlib.load_image(picture, size=256)
    return nstlib.load_network()(image, ["relu3_1"])["relu3_1"].cpu()


F, S = maps(PHOTO), maps(PAINTING)
G, A = (nstlib.gram_matrix(f)[0] / f[0, 0].numel() for f in (F, S))
j, i = sorted(divmod((A - G).triu(1).abs().argmax().item(), len(G)), reverse=True)
worksheet = {
    "zeros": (F[0, 65] == 0).float().mean().item() * 100,
    "largest": F[0, 65].max().item(),
    "pair": [j, i],
    "entry": (S[0, i] * S[0, j]).sum().item(),
    "times": (A[i, j] / G[i, j]).item(),
}


# %% worksheet, wrong: 0 of 5 are right. zeros: This is a share
F = nstlib.load_network()(nstlib.load_image(PHOTO, size=256), ["relu3_1"])["relu3_1"].cpu()
share = (F[0, 65] == 0).float().mean().item()
worksheet = {"zeros": share, "largest": None, "pair": None, "entry": None, "times": None}


# %% worksheet, wrong: zeros: At so many per cent of the positions it is above zero
F = nstlib.load_network()(nstlib.load_image(PHOTO, size=256), ["relu3_1"])["relu3_1"].cpu()
worksheet = {"zeros": 100 * (F[0, 65] > 0).float().mean().item()}


# %% worksheet, wrong: zeros: This is the painting's
F = nstlib.load_network()(nstlib.load_image(PAINTING, size=256), ["relu3_1"])["relu3_1"].cpu()
worksheet = {"zeros": 100 * (F[0, 65] == 0).float().mean().item()}


# %% worksheet, wrong: 1 of 5 are right. largest: This is the mean
F = nstlib.load_network()(nstlib.load_image(PHOTO, size=256), ["relu3_1"])["relu3_1"].cpu()
share = (F[0, 65] == 0).float().mean().item()
worksheet = {"zeros": 100 * share, "largest": F[0, 65].mean().item()}


# %% worksheet, wrong: pair: This pair has the largest entry of the photograph
F = nstlib.load_network()(nstlib.load_image(PHOTO, size=256), ["relu3_1"])["relu3_1"].cpu()
G = nstlib.gram_matrix(F)[0]
worksheet = {"pair": divmod(G.triu(1).argmax().item(), len(G))}


# %% worksheet, wrong: pair: Two filter numbers are wanted
worksheet = {"pair": 65}


# %% worksheet, wrong: entry: This is the photograph's
grams = explore_gram([PHOTO, PAINTING], layer="relu3_1")
grams.of.value = 2
grams.select(*grams.top.options[0][1])
worksheet = {"entry": grams.number(0)}


# %% worksheet, wrong: entry: This is the value per position
grams = explore_gram([PHOTO, PAINTING], layer="relu3_1")
grams.of.value = 2
worksheet = {"entry": grams.means[1][grams.top.options[0][1]].item()}


# %% worksheet, wrong: entry: Python reads 119, 95.6 as several numbers
worksheet = {"entry": (119, 95.6)}


# %% worksheet, wrong: entry: A number is wanted, without quotes
worksheet = {"entry": "119,095.6"}


# %% worksheet, wrong: times: You divided the photograph's by the painting's
grams = explore_gram([PHOTO, PAINTING], layer="relu3_1")
grams.of.value = 2
i, j = grams.top.options[0][1]
worksheet = {"times": (grams.means[0] / grams.means[1])[i, j].item()}


# %% worksheet, wrong: times: You divided the sums
grams = explore_gram([PHOTO, PAINTING], layer="relu3_1")
grams.of.value = 2
i, j = grams.top.options[0][1]
worksheet = {"times": grams.grams[1][i, j].item() / grams.grams[0][i, j].item()}


# %% worksheet, wrong: The names are zeros, largest, pair, entry, times
worksheet = {"sparsity": 54}


# %% never_together
grams = explore_gram([PHOTO, PAINTING], layer="relu5_2").grams
fires = (grams[0].diag() > 0) & (grams[1].diag() > 0)
zero = (grams[0] == 0) & (grams[1] == 0) & fires[:, None] & fires
pair = tuple(zero.nonzero()[0].tolist())


# %% never_together, without the explorer
F, S = (
    nstlib.load_network()(nstlib.load_image(picture, size=256), ["relu5_2"])["relu5_2"][0].cpu() > 0
    for picture in (PHOTO, PAINTING)
)
filters = [k for k in range(len(F)) if F[k].any() and S[k].any()]
meet = lambda maps, i, j: (maps[i] & maps[j]).any()
pairs = ([j, i] for i in filters for j in filters if i < j)
pair = next([j, i] for j, i in pairs if not meet(F, i, j) and not meet(S, i, j))


# %% never_together, wrong: The two fire together in both pictures
grams = explore_gram([PHOTO, PAINTING], layer="relu5_2").grams
pair = tuple(((grams[0] > 1) & (grams[1] > 1)).triu(1).nonzero()[0].tolist())


# %% never_together, wrong: Zero in one picture only: the entry is
grams = explore_gram([PHOTO, PAINTING], layer="relu5_2").grams
fires = grams[0].diag() > 1
zero = (grams[0] == 0) & fires & fires[:, None] & (grams[1] > 1)
pair = tuple(zero.nonzero()[0].tolist())


# %% never_together, wrong: in the photograph
grams = explore_gram([PHOTO, PAINTING], layer="relu5_2").grams
fires = grams[1].diag() > 1
zero = (grams[1] == 0) & fires & fires[:, None] & (grams[0] > 1)
pair = tuple(zero.nonzero()[0].tolist())


# %% never_together, wrong: This is an entry on the diagonal
pair = (5, 5)


# %% never_together, wrong: are numbered 0 to
pair = (3, 1000)


# %% never_together, wrong: Two filter numbers are wanted
pair = 3


# %% never_together, wrong: never fires in the photograph
PHOTO = torch.full((1, 3, 64, 64), 0.5)   # plain grey: many filters have nothing to answer to
grey = nstlib.load_network()(PHOTO, ["relu5_2"])["relu5_2"][0].amax((1, 2))
silent = (grey == 0).nonzero().flatten().tolist()
pair = (silent[0], silent[1])

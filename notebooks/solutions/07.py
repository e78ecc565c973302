"""Lesson 07: solutions, and wrong answers with the words of their hints. tests/course/test_exercises.py runs them all."""

# %% found_setting
found_setting = {"content_layer": "relu2_2", "start": "content", "times": 0.01}

# %% found_setting, read off less exactly
found_setting = {"start": "photograph", "times": 0.03, "content_layer": "relu2_2"}

# %% found_setting, wrong: 2 of 3 are right. content_layer: With relu4_2 walls bend
found_setting = {"content_layer": "relu4_2", "start": "content", "times": 0.01}

# %% found_setting, wrong: content_layer: It is one of the two layers of section 2
found_setting = {"content_layer": "conv2_2", "start": None, "times": None}

# %% found_setting, wrong: start: A start from noise leaves grain
found_setting = {"content_layer": "relu2_2", "start": "noise", "times": 0.01}

# %% found_setting, wrong: start: From the painting some large form of it stays
found_setting = {"content_layer": "relu2_2", "start": "style", "times": 0.01}

# %% found_setting, wrong: times: Too large
found_setting = {"content_layer": "relu2_2", "start": "content", "times": 1}

# %% found_setting, wrong: times: Too large
found_setting = {"content_layer": None, "start": None, "times": 0.05}

# %% found_setting, wrong: times: Too small
found_setting = {"content_layer": "relu2_2", "start": "content", "times": 0.001}

# %% found_setting, wrong: times: This looks like α itself
found_setting = {"content_layer": "relu2_2", "start": "content", "times": 4e-8}

# %% found_setting, wrong: times: A number is wanted
found_setting = {"content_layer": "relu2_2", "start": "content", "times": "small"}

# %% found_setting, wrong: 2 of 3 are right. Still empty: times
found_setting = {"content_layer": "relu2_2", "start": "content", "times": None}

# %% fair_runs
def fair_runs(runs):
    shared = {name: value for name, value in runs[0].items() if name not in ("init", "seed")}
    shared |= {"coarse_to_fine": False, "steps": max(run["steps"] for run in runs)}
    return [{"init": run["init"], "seed": seed} | shared for seed, run in enumerate(runs)]

# %% fair_runs, another way
def fair_runs(runs):
    for seed, run in enumerate(runs):
        run.update({**runs[-1], "init": run["init"], "seed": 10 - seed, "steps": 200, "coarse_to_fine": False})
    return runs

# %% fair_runs, wrong: The runs still differ in coarse_to_fine (True, False)
def fair_runs(runs):
    return [run | {"steps": 140, "content_weight": 4e-6, "seed": seed} for seed, run in enumerate(runs)]

# %% fair_runs, wrong: The runs still differ in content_weight
def fair_runs(runs):
    return [run | {"steps": 140, "coarse_to_fine": False, "seed": seed} for seed, run in enumerate(runs)]

# %% fair_runs, wrong: The runs still differ in size (128, 192)
def fair_runs(runs):
    return [run | {"steps": 140, "coarse_to_fine": False, "content_weight": 4e-6, "seed": seed} for seed, run in enumerate(runs)]

# %% fair_runs, wrong: The runs still differ in steps
def fair_runs(runs):
    return [run | {"coarse_to_fine": False, "content_weight": 4e-6, "seed": seed} for seed, run in enumerate(runs)]

# %% fair_runs, wrong: where a start has lost its detail
def fair_runs(runs):
    shared = {name: value for name, value in runs[0].items() if name not in ("init", "seed")}
    shared |= {"steps": 140}
    return [{"init": run["init"], "seed": seed} | shared for seed, run in enumerate(runs)]

# %% fair_runs, wrong: leave every init as it is
def fair_runs(runs):
    return [runs[0] | {"coarse_to_fine": False, "seed": seed} for seed in range(len(runs))]

# %% fair_runs, wrong: Two runs from noise have the same seed
def fair_runs(runs):
    shared = {name: value for name, value in runs[0].items() if name not in ("init", "seed")}
    shared |= {"coarse_to_fine": False, "steps": max(run["steps"] for run in runs)}
    return [{"init": run["init"], "seed": 0} | shared for run in runs]

# %% fair_runs, wrong: 4 runs came in and 3 came out
def fair_runs(runs):
    seen = {run["init"]: run for run in runs}
    return [run | {"steps": 140, "coarse_to_fine": False} for run in seen.values()]

# %% fair_runs, wrong: coarse_to_fine is gone
def fair_runs(runs):
    return [{"init": run["init"], "seed": seed, "steps": 140, "content_weight": 4e-6} for seed, run in enumerate(runs)]

# %% fair_runs, wrong: are fewer than any of these runs had
def fair_runs(runs):
    shared = {name: value for name, value in runs[0].items() if name not in ("init", "seed")}
    shared |= {"coarse_to_fine": False, "steps": 10}
    return [{"init": run["init"], "seed": seed} | shared for seed, run in enumerate(runs)]

# %% fair_runs, wrong: A list of dictionaries is wanted
def fair_runs(runs):
    return {"steps": 140, "coarse_to_fine": False}

# %% shown
shown = {"a": True, "b": False, "c": True, "d": False, "e": False, "f": True, "g": False}

# %% shown, another way
shown = dict.fromkeys("abcdefg", False) | dict.fromkeys("acf", True)

# %% shown, wrong: 6 of 7 are right. b: Nobody was asked
shown = {"a": True, "b": True, "c": True, "d": False, "e": False, "f": True, "g": False}

# %% shown, wrong: d: The square of distances is about one small network
shown = {"a": True, "b": False, "c": True, "d": True, "e": True, "f": True, "g": True}

# %% shown, wrong: e: Each start was run once
shown = {"a": None, "b": None, "c": None, "d": None, "e": True, "f": None, "g": None}

# %% shown, wrong: g: No figure shows pictures that were not painted
shown = {"a": True, "b": False, "c": True, "d": False, "e": False, "f": True, "g": True}

# %% shown, wrong: c: Look along the last row
shown = dict.fromkeys("abcdefg", False) | {"a": True, "f": True}

# %% shown, wrong: a: The lesson's first figure has this
shown = dict.fromkeys("abcdefg", False)

# %% shown, wrong: f: Compare two numbers of the row
shown = {"f": False}

# %% shown, wrong: 3 of 7 are right. Still empty: d, e, f, g
shown = {"a": True, "b": False, "c": True, "d": None, "e": None, "f": None, "g": None}

# %% shown, wrong: a: True or False is wanted
shown = {"a": "yes"}

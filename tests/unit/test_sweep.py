"""Grids of paintings: what is painted, kept, found again, shown; and everything that can go wrong with one run or with
the workers.
"""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import active_children, get_context

import numpy as np
import psutil
import pytest
import torch

import nstlib
from nstlib import sweep
from nstlib.experiments import grid as grids
from nstlib.experiments import sweeps as module
from nstlib.experiments import workers

SMALL = {
    "content": "riverside_town",
    "style": "night_swirls",
    "size": 64,
    "steps": 2,
    "init": "noise",
    "precision": "float32",
}


def small(*absent, **more):
    return {name: value for name, value in {**SMALL, **more}.items() if name not in absent}


@pytest.fixture
def threads():
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def quick(tmp_path, threads):
    return functools.partial(sweep, folder=tmp_path / "out", executor=threads, progress=False)


@pytest.fixture
def paintings(monkeypatch):
    """The settings of each painting of this process, as they are begun."""
    begun, real = [], module.style_transfer

    def recorded(**settings):
        begun.append(settings)
        return real(**settings)

    monkeypatch.setattr(module, "style_transfer", recorded)
    return begun


def errors(result):
    return [record["error"] for record in result.records]


# ---------------------------------------------------------------- what is painted


def test_every_combination_is_painted_as_style_transfer_paints_it(quick, mini, threads):
    result = quick({"content_weight": [1e-3, 1.0], "seed": range(2)}, SMALL)
    assert [record["values"] for record in result.records] == [
        {"content_weight": weight, "seed": seed} for weight in ("0.001", "1") for seed in ("0", "1")
    ]
    assert errors(result) == [""] * 4 and result.painted == 4
    run = result.records[3]
    alone = nstlib.style_transfer(**SMALL, content_weight=1.0, seed=1, network=mini, progress=False)
    torch.testing.assert_close(nstlib.load_image(run["picture"]), alone.image, atol=0.51 / 255, rtol=0)
    assert run["losses"] == pytest.approx({name: alone.losses[name] for name in ("total", "content", "style")})
    assert (
        run["settings"]["content_weight"] == 1.0
        and run["settings"]["network"] == "mini"
        and run["settings"]["tv_weight"] == 0
    )
    assert run["precision"] == alone.settings["precision"] in ("float32", "bfloat16")
    assert run["steps"] == len(alone.history) and run["seconds"] > 0
    assert threads.submit(int, "7").result() == 7  # left open


def test_pictures_and_layers_of_every_kind_reach_the_worker(quick, paintings, tmp_path):
    tensor = nstlib.load_image("gravel", size=40)
    file = nstlib.save_image(tensor, tmp_path / "gravel_here.png")
    array = (tensor[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    layers = ["relu1_1", ("relu1_1", "relu2_1")]
    result = quick(
        {"style": [file, tensor, array, "gravel"], "style_layers": layers},
        small("style", init=tensor, seed=np.int64(3)),
    )
    assert errors(result) == [""] * 8
    arrived = [painting["style"] for painting in paintings[::2]]
    assert torch.equal(arrived[1], tensor) and torch.equal(arrived[3], nstlib.load_image("gravel"))
    torch.testing.assert_close(arrived[0], tensor, atol=0.51 / 255, rtol=0)
    assert torch.equal(paintings[0]["init"], tensor) and paintings[0]["seed"] == 3
    assert [painting["style_layers"] for painting in paintings[:2]] == ["relu1_1", ["relu1_1", "relu2_1"]]
    values = [record["values"] for record in result.records]
    assert values[0] == {"style": "gravel_here", "style_layers": "relu1_1"}
    assert values[7] == {"style": "gravel", "style_layers": "relu1_1 relu2_1"}
    assert values[2]["style"] != values[4]["style"]  # tensors have no name, and are told apart


def test_a_picture_under_two_names_is_painted_once_and_both_names_are_shown(quick, paintings, tmp_path):
    image = nstlib.load_image("gravel", size=40)
    files = [nstlib.save_image(image, tmp_path / folder / "a.png") for folder in ("one", "two")]
    result = quick({"style": files}, small("style"))
    assert len(paintings) == result.painted == 1
    assert [record["values"]["style"] for record in result.records] == [str(file) for file in files]  # not "a" twice
    assert result.records[0]["picture"] == result.records[1]["picture"] != ""


# ---------------------------------------------------------------- resuming


def test_a_second_call_paints_only_what_is_missing(quick, paintings, tmp_path):
    first = quick({"seed": [0, 1]}, SMALL)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()}
    assert len(paintings) == 2 and sorted(file.suffix for file in before) == [".json", ".json", ".png", ".png"]
    second = quick({"seed": [0, 1, 2]}, small(tv_weight=0))  # a default, said aloud, is no other setting
    assert [painting["seed"] for painting in paintings[2:]] == [2] and second.painted == 1
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert [record["losses"] for record in second.records[:2]] == [record["losses"] for record in first.records]
    assert second.records[0]["picture"] == first.records[0]["picture"]
    quick({"seed": [0, 1, 2]}, small(steps=3))
    assert len(paintings) == 6


@pytest.mark.parametrize("harm", ["no picture", "half a record", "no record", "another record"])
def test_a_run_whose_files_are_not_whole_is_painted_again(quick, paintings, tmp_path, harm):
    (record,) = quick({}, SMALL).records
    picture = tmp_path / "out" / os.path.basename(record["picture"])
    json_file = picture.with_suffix(".json")
    if harm == "no picture":
        picture.unlink()
    elif harm == "no record":
        json_file.unlink()
    else:
        json_file.write_text(json_file.read_text()[:50] if harm == "half a record" else "[]")
    again = quick({}, SMALL)
    assert (
        len(paintings) == 2
        and again.painted == 1
        and picture.is_file()
        and json.loads(json_file.read_text())["error"] == ""
    )


def test_another_picture_under_the_same_name_is_painted_anew(quick, paintings, tmp_path):
    file = nstlib.save_image(nstlib.load_image("gravel", size=40), tmp_path / "style.png")
    first = quick({}, small(style=file))
    assert quick({}, small(style=file)).painted == 0
    nstlib.save_image(nstlib.load_image("night_swirls", size=40), file)
    second = quick({}, small(style=file))
    assert len(paintings) == 2 and second.records[0]["picture"] != first.records[0]["picture"]
    moved = file.rename(tmp_path / "moved.png")
    assert quick({}, small(style=moved)).painted == 0  # the same picture elsewhere


def test_another_network_of_that_name_is_another_run(quick, monkeypatch, tmp_path):
    first = quick({}, SMALL)
    (tmp_path / "mini.safetensors").write_bytes(b"trained anew")
    monkeypatch.setattr(grids, "DATA", tmp_path)
    assert quick({}, SMALL).records[0]["picture"] != first.records[0]["picture"]


# ---------------------------------------------------------------- failures of single runs


def test_a_run_that_fails_is_reported_retried_and_stops_no_other(quick, monkeypatch, tmp_path):
    grid = {"style": ["nowhere.png", "night_swirls"], "content_weight": [-1.0, 1e-3], "network": ["mini", "minni"]}
    result = quick(grid, small("style", style_layers=["relu1_1"]))
    assert ["" if error == "" else error.split(";")[0].split(",")[0] for error in errors(result)] == [
        *["FileNotFoundError: no file 'nowhere.png' in " + os.getcwd()] * 4,
        "ValueError: content_weight is -1.0",
        "ValueError: There is no network 'minni'",
        "",
        "ValueError: There is no network 'minni'",
    ]
    assert result.painted == 1 and repr(result) == "8 runs: 1 painted, 0 there before, 7 without a picture"
    kept = [json.loads(file.read_text())["error"] for file in (tmp_path / "out").glob("*.json")]
    assert sorted(map(bool, kept)) == [False, True, True, True]
    monkeypatch.setattr(module, "network_by_name", lambda name: nstlib.load_network("mini"))  # the trouble is over
    again = quick(grid, small("style", style_layers=["relu1_1"]))
    assert (
        again.painted == 1
        and errors(again)[5].startswith("ValueError: content_weight")
        and errors(again)[6:] == ["", ""]
    )


def test_a_full_disk_is_a_failure_of_the_run(quick, monkeypatch):
    def full(image, path):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_image", full)
        assert errors(quick({"seed": [0, 1]}, SMALL)) == ["OSError: no space left"] * 2
    assert quick({"seed": [0, 1]}, SMALL).painted == 2


def test_what_memory_ended_early_is_shown_and_painted_again_another_time(quick, monkeypatch):
    full = []

    def short_of_memory(step, image, losses):
        if step == 2 and not full:
            full.append(step)
            raise MemoryError

    monkeypatch.setattr(module, "go_on", short_of_memory)
    with pytest.warns(UserWarning, match="best picture so far"):
        (record,) = quick({}, small(steps=4)).records
    assert record["note"] == "out of memory after 2 of 4 steps" and record["error"] == ""
    again = quick({}, small(steps=4))
    assert again.painted == 1 and again.records[0]["note"] == ""
    assert quick({}, small(steps=4)).painted == 0


def test_an_interrupt_in_a_worker_alone_is_no_finished_picture(quick, monkeypatch, tmp_path):
    def interrupted(step, image, losses):
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "go_on", interrupted)
    result = quick({}, small(steps=4))
    assert errors(result) == ["stopped by the user after 2 of 4 steps"] and not list((tmp_path / "out").glob("*.png"))


def test_a_keyboard_interrupt_keeps_the_runs_that_are_done_and_begins_no_other(
    quick, monkeypatch, paintings, threads, tmp_path
):
    real = module.keep_outcome

    def keep_and_interrupt(*args):
        kept = real(*args)
        signal.raise_signal(signal.SIGINT)
        return kept

    with monkeypatch.context() as patch:
        patch.setattr(module, "keep_outcome", keep_and_interrupt)
        result = quick({"seed": range(6)}, SMALL)
    threads.submit(int).result()  # what was handed over and not taken back is painted before this
    done = len(list(tmp_path.glob("out/*.json")))
    assert done == 1 and len(paintings) <= 3  # the second was under way; of the third the end may have come too late
    assert (
        errors(result) == [""] * done + ["stopped by the user before it was done"] * (6 - done)
        and result.painted == done
    )
    assert quick({"seed": range(6)}, SMALL).painted == 6 - done


@pytest.mark.parametrize(
    "grid, settings, message",
    [
        ({"seeds": [0]}, SMALL, "no setting 'seeds' of style_transfer.*did you mean 'seed'"),
        ({"seed": [0]}, small(stepz=3), "did you mean 'steps'"),
        ({"progress": [True]}, SMALL, "no setting 'progress'"),
        ({"checkpoint": ["a"]}, SMALL, "no setting 'checkpoint'"),
        ({"zzzzz": [0]}, SMALL, "there are content, style, network, .*tv_weight"),
        ({"size": [64]}, SMALL, "'size' is in the grid and in the settings"),
        ({"seed": [0]}, {"content": "cat"}, "no picture 'style'; give one"),
        ({"seed": 3}, SMALL, r"grid\['seed'\] is '3'; it must be a list"),
        ({"seed": []}, SMALL, r"grid\['seed'\] is '\[\]'; it must be a list of at least one"),
        ({"method": "adam"}, SMALL, r"grid\['method'\] is 'adam'; it must be a list"),
        ({"seed": [0, 1, 0]}, SMALL, r"grid\['seed'\] has 0 twice"),
        (
            {"network": [nstlib.load_network(device="cpu")]},
            SMALL,
            "network is a FeatureNetwork; a sweep takes the name",
        ),
        ({"learning_rate": [object()]}, SMALL, "learning_rate is a object; a sweep takes what can be kept"),
    ],
)
def test_a_wrong_grid_is_refused_before_anything_is_painted(quick, tmp_path, grid, settings, message):
    with pytest.raises(ValueError, match=message):
        quick(grid, settings)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- table and contact sheet


@pytest.fixture
def mixed(quick):
    return quick({"content_weight": [1e-3, -1.0], "seed": [0, 1, 2], "size": [64]}, small("size"))


def test_the_table_has_a_row_for_each_run(mixed):
    header, rule, *rows = [[text.strip() for text in line.strip("|").split("|")] for line in mixed.table().splitlines()]
    assert header == ["content_weight", "seed", "total", "content", "style", "seconds", "picture"] and set(
        "".join(rule)
    ) == {"-"}
    # The size is the same in all
    assert [row[:2] for row in rows] == [[weight, seed] for weight in ("0.001", "-1") for seed in "012"]
    assert float(rows[0][2]) == pytest.approx(mixed.records[0]["losses"]["total"], rel=1e-3) and rows[0][-1].endswith(
        ".png"
    )
    assert rows[3][2:6] == [""] * 4 and rows[3][-1].startswith("failed: ValueError: content_weight is -1.0")


def test_the_table_survives_any_text():
    record = {**module.EMPTY_RECORD, "values": {"style": "a|b\nc"}, "settings": {}, "error": "<b>no & never"}
    result = module.Sweep([record])
    assert len(result.table().splitlines()) == 3 and "a\\|b c" in result.table()
    assert "&lt;b>no &amp; never" in result._repr_markdown_()


def test_the_contact_sheet_labels_what_differs_and_greys_what_failed(mixed):
    figure = mixed.contact_sheet()
    axes = figure.axes
    assert len(axes) == 6 and axes[0].get_gridspec().ncols == 3  # one row for each weight
    assert axes[0].get_title() == "content_weight 0.001\nseed 0" and axes[4].get_title() == "content_weight -1\nseed 1"
    shown = [torch.tensor(np.asarray(axis.get_images()[0].get_array())) for axis in axes]
    torch.testing.assert_close(
        shown[1].permute(2, 0, 1)[None], nstlib.load_image(mixed.records[1]["picture"], size=400)
    )
    assert shown[3].std() < 1e-6 and shown[3].shape == shown[0].shape
    assert "content_weight is" in axes[3].texts[0].get_text() and axes[0].texts[0].get_text() == ""
    assert figure._repr_jpeg_()[:2] == b"\xff\xd8"
    os.unlink(mixed.records[1]["picture"])
    assert "FileNotFoundError" in mixed.contact_sheet(columns=2).axes[1].texts[0].get_text()


def test_a_sheet_where_nothing_is_to_be_told_apart_or_nothing_was_painted():
    dollars = {**module.EMPTY_RECORD, "values": {"style": "$a_{$"}, "settings": {}, "error": "$x^{$"}
    for records in ([dollars], [{**dollars, "values": {}}]):
        assert module.Sweep(records).contact_sheet()._repr_jpeg_()


# ---------------------------------------------------------------- processes, killed ones, and clusters


@pytest.mark.parametrize(
    "cores, device, wanted",
    [(1, "cpu", (1, 1)), (2, "cpu", (2, 1)), (7, "cpu", (4, 1)), (16, "cpu", (4, 4)), (16, "cuda", (1, 16))],
)
def test_processes_and_threads_never_exceed_the_cores(monkeypatch, cores, device, wanted):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(workers, "default_device", lambda: torch.device(device))
    assert workers.shares() == wanted


def kill_the_first_child(known):
    """Kills the first process that this one starts, as the system does when memory is short."""

    def watch():
        for _ in range(3000):
            if new := [child for child in active_children() if child.pid not in known]:
                new[0].kill()
                return
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_killed_worker_costs_its_own_run_and_no_other(tmp_path):
    # In processes of its own
    paint = functools.partial(sweep, {"seed": [0, 1, 2]}, SMALL, folder=tmp_path, progress=False)
    known = {child.pid for child in active_children()}
    killer = kill_the_first_child(known)
    result = paint()
    killer.join()
    failed = [error for error in errors(result) if error]
    assert len(failed) == 1 and failed[0].startswith("its worker process died: killed") and result.painted == 2
    assert {child.pid for child in active_children()} <= known  # closed
    again = paint(executor=ThreadPoolExecutor(1))
    assert errors(again) == [""] * 3 and again.painted == 1


def test_a_given_pool_that_breaks_is_reported_for_every_run_left(tmp_path):
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        killer = kill_the_first_child({child.pid for child in active_children()})
        result = sweep({"seed": range(4)}, SMALL, folder=tmp_path, executor=pool, progress=False)
        killer.join()
        assert (
            all("its worker process died" in error for error in errors(result))
            and len(list(tmp_path.glob("*.json"))) == 4
        )
        # Refused already when it is handed over
        broken = sweep({"seed": [7]}, SMALL, folder=tmp_path, executor=pool, progress=False)
        assert "its worker process died" in errors(broken)[0]


SCRIPT = """
import sys
from nstlib import sweep
if __name__ == "__main__" or "unguarded" in sys.argv:
    grid = {"seed": [0, 1, 2], "steps": [2, 100_000]} if "unguarded" not in sys.argv else {}
    settings = {"content": "riverside_town", "style": "night_swirls", "size": 64, "init": "noise"}
    result = sweep(grid, settings, folder=sys.argv[1])
    print(result)
    print(result.records[-1]["error"])
"""


@contextlib.contextmanager
def script(tmp_path, *arguments):
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, "script.py", "out", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
@pytest.mark.parametrize("moment", ["starting", "painting"])
def test_ctrl_c_ends_the_workers_within_a_step_and_keeps_what_is_done(tmp_path, moment):
    with script(tmp_path) as running:
        parent = psutil.Process(running.pid)
        if moment == "starting":
            until(lambda: any("spawn_main" in word for child in parent.children() for word in child.cmdline()))
        else:
            until(lambda: list(tmp_path.glob("out/*.json")))
            time.sleep(0.5)  # into the run of 100 000 steps
        children = parent.children()
        for process in [parent, *children]:  # as a terminal does
            process.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=30)
    assert running.returncode == 0 and "Traceback" not in errors, errors
    done = len(list(tmp_path.glob("out/*.png")))
    assert done == 0 if moment == "starting" else 1 <= done < 6
    assert said.splitlines() == [
        f"6 runs: {done} painted, 0 there before, {6 - done} without a picture",
        "stopped by the user before it was done",
    ]
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_no_worker_outlives_a_parent_that_was_killed(tmp_path):
    with script(tmp_path) as running:
        until(lambda: list(tmp_path.glob("out/*.json")))
        children = psutil.Process(running.pid).children(recursive=True)
        assert children
        running.kill()
        running.communicate()
        assert psutil.wait_procs(children, timeout=10)[1] == []


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    with script(tmp_path, "unguarded") as running:
        said, errors = running.communicate(timeout=60)
    assert (
        "1 runs: 0 painted, 0 there before, 1 without a picture" in said
        and "started by a script without `if __name__" in said
    )
    assert 'put that call under `if __name__ == "__main__":`' in errors
    assert said.count("runs:") == 1  # the worker did not go on with the script


def test_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed")
    style = nstlib.load_image("gravel", size=40)
    grid = {"style": [style, "night_swirls"], "content_weight": [1e-3, -1.0]}

    def break_the_worker():
        importlib.import_module("nstlib.experiments.sweeps").network_by_name = None

    def mend_the_worker():
        importlib.import_module("nstlib.experiments.sweeps").network_by_name = nstlib.load_network

    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        run = functools.partial(
            sweep, grid, small("style"), folder=tmp_path / "out", executor=client.get_executor(), progress=False
        )
        client.run(break_the_worker)
        assert [error[:12] for error in errors(run())] == ["TypeError: '"] * 4
        client.run(mend_the_worker)
        second = run()  # Dask remembers what it has computed, but not for this
        assert [error[:26] for error in errors(second)] == [
            "",
            "ValueError: content_weight",
        ] * 2 and second.painted == 2
        third = run()
        assert third.painted == 0 and errors(third) == errors(second)
        assert client.submit(int, "7").result() == 7
    alone = nstlib.style_transfer(**small(style=style), network=nstlib.load_network(device="cpu"), progress=False)
    torch.testing.assert_close(nstlib.load_image(second.records[0]["picture"]), alone.image, atol=2 / 255, rtol=0)

"""Killed, stopped, cut off, two at once, no disk, no memory, no home: nothing is lost, half written or mixed.

NSTLIB_SOAK=1 makes it thorough: 50 kills and more of the rest, some minutes.
"""

import hashlib
import io
import multiprocessing
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import torch
from helpers.server import Quiet, serving
from PIL import Image

import nstlib
from nstlib.__main__ import main
from nstlib.images import fetch_picture, load_image, picture_info, save_image
from nstlib.images.registry import cached_file
from nstlib.networks.weights import vgg19_weights
from nstlib.optimize.checkpoint import read_checkpoint

SOAK = os.environ.get("NSTLIB_SOAK") == "1"
KILLS = 50 if SOAK else 10
PAINT = ["transfer", "cat", "gravel", "--size", "144", "--steps", "20"]  # two sizes

posix = pytest.mark.skipif(os.name == "nt", reason="signals, forks and limits of Unix")


@pytest.fixture(scope="module")
def fork():
    """Processes that have imported torch already, and so start at once."""
    if os.name == "nt":
        pytest.skip("no forks on Windows")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["processes", "pooch", "requests", "torch._dynamo"])
    return context


@pytest.fixture
def nst(fork, tmp_path):
    """`nst(arguments, kill=(signal, seconds or file))`: runs nstlib in tmp_path and gives its exit status and what it
    said.
    """
    import processes

    def run(arguments, *, kill=None, folder=tmp_path, limits=None, seconds=0.0):
        ready = fork.Event()
        process = fork.Process(target=processes.command, args=(arguments, str(folder), ready, limits, seconds))
        process.start()
        assert ready.wait(60)
        if kill:
            if isinstance(kill[1], str):  # a file that has to be there first
                while process.exitcode is None and not (folder / kill[1]).exists():
                    process.join(0.05)
            else:
                process.join(kill[1])
            if process.exitcode is None:
                os.kill(process.pid, kill[0])
        process.join(120)
        said = (folder / "said").read_text(encoding="utf-8")
        assert "Traceback" not in said, said
        return process.exitcode, said

    return run


def painted(folder):
    return load_image(folder / "out.png") if (folder / "out.png").exists() else None


@posix
def test_killed_at_random_moments(nst, tmp_path):
    """SIGKILL, SIGTERM, SIGINT, SIGHUP: whole files or none, and the resumed run ends in the very picture of one that
    was left alone.
    """
    for _ in range(2):  # the first one also waits for the process that forks
        start = time.monotonic()
        assert nst([*PAINT, "-o", "out.png"])[0] == 0
    spell, whole = time.monotonic() - start, painted(tmp_path)
    rng, counts, leftover, kept_runs = random.Random(1), {}, 0, 0
    for number in range(KILLS):
        folder = tmp_path / f"run {number} ü"
        folder.mkdir()
        old = torch.zeros(1, 3, 8, 8)
        if number % 2:  # an older picture of that name
            save_image(old, folder / "out.png")
        which = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGHUP)[
            number % 6
        ]
        command = [*PAINT, "-o", "out.png", "--checkpoint", "the run.ck", "--resume"]
        code, said = nst(command, kill=(which, rng.uniform(0, 0.9 * spell)), folder=folder, seconds=0.1)
        assert code in (0, 130, -which), said
        names = sorted(path.name for path in folder.iterdir() if path.suffix not in (".part", ".lock"))
        leftover += len(os.listdir(folder)) - len(names)
        assert which == signal.SIGKILL or len(names) == len(os.listdir(folder)), "only kill −9 leaves a hidden file"
        assert set(names) <= {"out.png", "said", "the run.ck"}
        now = painted(folder)
        if code == 0:
            assert torch.equal(now, whole)
        elif code == 130:
            kept = number % 2 and torch.equal(now, old)
            assert (
                "stopped before there was anything to save" in said if now is None or kept else now.shape == whole.shape
            ), said
        else:
            assert (now is None) == (number % 2 == 0) or now.shape == whole.shape
        if (folder / "the run.ck").exists():
            read_checkpoint(folder / "the run.ck")  # whole, by its own SHA-256
            kept_runs += 1
        counts[which.name, code] = counts.get((which.name, code), 0) + 1
        assert nst(command, folder=folder, seconds=30)[0] == 0
        assert torch.equal(painted(folder), whole), "a resumed run ends in the same picture"
        assert not (folder / "the run.ck").exists(), "no longer wanted once the picture is there"
    print(f"{KILLS} kills: {counts}; {kept_runs} checkpoints, all whole; {leftover} hidden files left by kill −9")
    assert sum(count for (_, code), count in counts.items() if code) >= KILLS // 3, "most of them hit a run"


@posix
def test_what_sigterm_saves_and_says(nst, tmp_path):
    command = ["transfer", "cat", "gravel", "--size", "96", "--steps", "5000", "-o", "out.png", "--checkpoint", "c"]
    code, said = nst(command, kill=(signal.SIGTERM, "c"), seconds=1)  # not at the first step: that is the photograph
    assert code == 130 and painted(tmp_path).shape == (1, 3, 64, 96)
    assert "stopped by the user after" in said and "c is kept: the same command with --resume goes on" in said


@posix
@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--checkpoint", "no/such/c"], "there is no folder no/such to write c into"),
        (["--resume"], "give --checkpoint FILE too"),
        (["--checkpoint", "out.png"], "the output and the checkpoint are the same file"),
        (["--checkpoint", "kept"], "there is a checkpoint kept already; add --resume"),
        (["--checkpoint", "kept", "--resume"], "is not a checkpoint of nstlib"),
        (["--checkpoint", "mine.png", "--resume"], "is one of the input pictures"),
        (["--checkpoint", "."], "is a folder"),
    ],
)
def test_checkpoints_that_cannot_be(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_image(torch.zeros(1, 3, 32, 32), "mine.png")
    Path("kept").write_text("a diary")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert main(["transfer", "mine.png", "gravel", "-o", "out.png", *arguments]) == 1
    out, err = capsys.readouterr()
    assert message in err and err.count("\n") == 1 and out == ""
    assert before == {file: file.read_bytes() for file in tmp_path.iterdir()}


# ---- no disk, no memory --------------------------------------------------------------------------------------------------


@posix
def test_a_full_disk(nst, tmp_path):
    save_image(torch.zeros(1, 3, 8, 8), tmp_path / "out.png")
    before = (tmp_path / "out.png").read_bytes()
    code, said = nst(
        ["transfer", "cat", "gravel", "--size", "96", "--steps", "2", "-o", "out.png", "--quiet", "--checkpoint", "c"],
        limits={"RLIMIT_FSIZE": 3000},
    )
    assert code == 1 and "nstlib: 'out.png' could not be written (File too large)" in said
    assert "The checkpoint 'c' could not be written" in said
    assert (tmp_path / "out.png").read_bytes() == before and sorted(os.listdir(tmp_path)) == ["out.png", "said"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux keeps them")
def test_too_little_memory(nst, tmp_path):
    """A limit for this program; then 41 GiB for one picture."""
    for size, limit in (("1600", {"RLIMIT_AS": 700 * 2**20}), ("1600", {"RLIMIT_DATA": 500 * 2**20}), ("9400", None)):
        for more in ([], ["--dry-run"]) if limit else ([],):
            code, said = nst(
                ["transfer", "cat", "gravel", "--size", size, "--steps", "2", "-o", "out.png", *more], limits=limit
            )
            assert code == 1 or more, said
            if code:
                line = said.splitlines()[-1]
                assert re.search(
                    r"^nstlib: A picture of \d+ × \d+ pixels would take another .* left; (try a size of|close)", line
                ), said
            assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_a_folder_that_cannot_be_written_is_refused_before_painting(folder, capsys, monkeypatch):
    if not Path(folder, "self").exists() and not Path(folder, "kernel").exists():
        pytest.skip("no such system")
    monkeypatch.setattr(nstlib, "style_transfer", lambda *_, **__: pytest.fail("it paints"))
    assert main(["transfer", "cat", "gravel", "-o", f"{folder}/out.png"]) == 1
    assert "nothing can be written into the folder" in capsys.readouterr().err


# ---- no home, strange places ---------------------------------------------------------------------------------------------


def transfer_elsewhere(folder, environment, **options):
    keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "OMP_NUM_THREADS") if name in os.environ}
    command = [
        sys.executable,
        "-m",
        "nstlib",
        "transfer",
        "my photo ü.png",
        "night_swirls",
        "-o",
        "öut put 日本.png",
        "--size",
        "48",
        "--steps",
        "2",
    ]
    return subprocess.run(
        command,
        cwd=folder,
        env=keep | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        **options,
    )


@posix
@pytest.mark.parametrize("case", ["empty home", "no HOME", "read-only home", "home in the way", "nobody"])
def test_homes(case, tmp_path):
    """It works from each, and writes nothing but the output."""
    home, place, temporary = tmp_path / "home ß", tmp_path / "my pictures ü 日本", tmp_path / "temporary"
    for folder in (home, place, temporary):
        folder.mkdir()
    save_image(load_image("cat", size=64), place / "my photo ü.png")
    environment, options = {"HOME": str(home), "TMPDIR": str(temporary)}, {}
    if case in ("no HOME", "nobody"):
        del environment["HOME"]
    if case == "home in the way":
        environment["HOME"] = str(place / "my photo ü.png")
    if case == "read-only home":
        home.chmod(0o555)
        if os.geteuid() == 0:  # whom that does not stop
            environment["HOME"] = "/proc"
    if case == "nobody":
        if os.geteuid() != 0:
            pytest.skip("only root can become somebody else")
        options = {"user": 54321, "group": 54321}
        for folder in (place, temporary):
            os.chown(folder, 54321, 54321)
        try:
            subprocess.run(
                [sys.executable, "-c", f"import nstlib, os; os.listdir({str(place)!r})"],
                check=True,
                capture_output=True,
                **options,
            )
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this Python or the temporary folder is for its owner only")
    done = transfer_elsewhere(place, environment, **options)
    assert done.returncode == 0, done.stderr
    assert load_image(place / "öut put 日本.png").shape[-1] == 48
    assert sorted(os.listdir(place)) == ["my photo ü.png", "öut put 日本.png"]
    home.chmod(0o755)
    # PyTorch's own, and empty
    ours = [path for path in temporary.iterdir() if not path.name.startswith("torchinductor_")]
    assert not list(home.iterdir()) and not ours
    if case == "empty home":
        return
    told = subprocess.run(
        [sys.executable, "-m", "nstlib", "doctor"],
        cwd=place,
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )
    assert "Traceback" not in told.stderr and "disk " in told.stdout


def test_a_user_without_a_home_has_a_cache_all_the_same(monkeypatch):
    monkeypatch.delenv("NSTLIB_CACHE", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr("pooch.os_cache", lambda name: "~/.cache/nstlib")
    assert cached_file("starry_night").parent == Path(tempfile.gettempdir()) / "nstlib"


# ---- downloads -----------------------------------------------------------------------------------------------------------


def small_picture(seed):
    stream = io.BytesIO()
    Image.fromarray((torch.rand(20, 20, 3, generator=torch.Generator().manual_seed(seed)) * 255).byte().numpy()).save(
        stream, "PNG"
    )
    return stream.getvalue()


class Moody(Quiet):
    """Spoils the first answer for each path in the way that `server.moods` says; all later ones are right."""

    def do_GET(self):
        server, body = self.server, self.server.files[self.path]
        with server.lock:
            server.asked.append(self.path)
            mood, rng = server.moods.pop(self.path, "good"), random.Random(self.path)
        place = rng.randrange(len(body))
        if mood == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return self.connection.close()
        if mood in ("404", "500", "loop"):
            self.send_response(302 if mood == "loop" else int(mood))
            self.send_header("Location", self.path)
            if mood == "loop":
                server.moods[self.path] = mood
            return self.end_headers()
        sent = {
            "cut": body[:place],
            "cut, and honest": body[:place],
            "flipped": body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :],
            "login page": b"<html>Please log in to the hotel network</html>",
            "empty": b"",
            "longer": body + b"!",
            "another": small_picture(999),
            "gzip": body,
        }.get(mood, body)
        self.send_response(200)
        if mood == "gzip":
            self.send_header("Content-Encoding", "gzip")  # which it is not
        self.send_header("Content-Length", len(body) if mood == "cut" else len(sent))
        self.end_headers()
        if mood != "slow":
            return self.wfile.write(sent)
        for part in range(0, len(sent), 200):
            self.wfile.write(sent[part : part + 200])
            time.sleep(0.02)


@pytest.fixture
def moody(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving(Moody) as server:
        server.files, server.moods, server.asked, server.lock = {}, {}, [], threading.Lock()
        yield server


MOODS = [
    "cut",
    "cut, and honest",
    "flipped",
    "login page",
    "empty",
    "longer",
    "another",
    "404",
    "500",
    "reset",
    "gzip",
    "loop",
]


def test_fifty_spoilt_downloads(moody, tmp_path, monkeypatch):
    """38 pictures and 12 files of weights: each refused in a sentence, nothing of it kept, and fetched rightly by the
    next call.
    """
    monkeypatch.setenv("NSTLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    registry, refused, recovered = {"cat": picture_info("cat")}, 0, 0
    monkeypatch.setattr("nstlib.images.registry.registry", lambda: registry)
    for number in range(38):
        name, data = f"picture_{number}", small_picture(number)
        moody.files[f"/{name}.png"], moody.moods[f"/{name}.png"] = data, MOODS[number % len(MOODS)]
        registry[name] = {
            **registry["cat"],
            "source": "download",
            "address": f"http://127.0.0.1:{moody.server_port}/{name}.png",
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        with pytest.raises(
            ConnectionError,
            match=f"'{name}' could not be downloaded from 127.0.0.1 .*these work without a network: cat",
        ):
            load_image(name)
        refused += 1
        moody.moods.pop(f"/{name}.png", None)  # the loop
        kept = {path.name for path in (tmp_path / "cache").iterdir() if not path.name.endswith(".lock")}
        assert kept == {f"picture_{n}.png" for n in range(number)}, "nothing of a spoilt one stays"
        recovered += fetch_picture(name).read_bytes() == data
    before = torch.hub.get_dir()
    assert str(tmp_path) in before
    from torchvision.models import VGG19_Weights

    url = VGG19_Weights.IMAGENET1K_V1.value.url
    try:
        for number in range(12):
            state = {
                f"features.{2 * k}.{part}": torch.full((1,), float(number))
                for k in range(16)
                for part in ("weight", "bias")
            }
            stream = io.BytesIO()
            torch.save(state, stream)
            name = f"/vgg19-{hashlib.sha256(stream.getvalue()).hexdigest()[:8]}.pth"
            moody.files[name], moody.moods[name] = stream.getvalue(), MOODS[number]
            object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", f"http://127.0.0.1:{moody.server_port}{name}")
            if MOODS[number] == "gzip":  # torch's downloader does not unpack: the bytes are right
                moody.moods[name] = "flipped"
            with pytest.raises(ConnectionError, match=r"VGG-19's weights .* needs no download"):
                vgg19_weights()
            refused += 1
            moody.moods.pop(name, None)
            folder = tmp_path / "torch" / "hub" / "checkpoints"
            assert not (folder / name[1:]).exists() and not list(folder.glob("*.partial"))
            recovered += vgg19_weights()["conv1_1.weight"].item() == number
    finally:
        object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", url)
    assert refused == recovered == 50
    kept = {path.name for path in (tmp_path / "cache").iterdir() if not path.name.endswith(".lock")}
    assert kept == {f"picture_{n}.png" for n in range(38)}


def test_no_pickle_is_opened_before_its_hash_is_right(tmp_path, monkeypatch):
    """A file put in VGG-19's place that would run a program, and one whose first bytes are right."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was opened"))
    file = tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x80\x02cposix\nsystem\nX\x09\0\0\0touch ran\x85R.")
    with pytest.raises(ValueError, match=r"damaged and is thrown away: .*vgg19-dcbb9e9d\.pth"):
        nstlib.load_network("vgg19")
    assert not file.exists()
    source = "".join(path.read_text(encoding="utf-8") for path in Path(nstlib.__file__).parent.rglob("*.py"))
    assert source.count("torch.load(") == source.count("weights_only=True") == 1
    for word in ("import pickle", "allow_pickle", "yaml.load", " eval(", " exec(", "shell=True"):
        assert word not in source, word


# ---- two at once ---------------------------------------------------------------------------------------------------------


def test_four_notebooks_fetch_the_same_picture(fork, moody, tmp_path):
    import processes

    data = small_picture(1)
    entry = {
        **picture_info("cat"),
        "source": "download",
        "sha256": hashlib.sha256(data).hexdigest(),
        "address": f"http://127.0.0.1:{moody.server_port}/a.png",
    }
    for spoilt in (False, True):  # none there yet; a wrong one there, which each would throw away
        moody.files["/a.png"], moody.moods["/a.png"] = data, "slow"
        moody.asked.clear()
        cache = tmp_path / f"cache {spoilt}"
        if spoilt:
            cache.mkdir()
            (cache / "a.png").write_bytes(b"spoilt")
        start, results = fork.Event(), fork.Queue()
        four = [
            fork.Process(target=processes.fetch, args=("a", {"a": entry}, str(cache), start, results)) for _ in range(4)
        ]
        for process in four:
            process.start()
        time.sleep(0.5)
        start.set()
        assert [results.get(timeout=60) for _ in four] == [(1, 3, 20, 20)] * 4
        for process in four:
            process.join(30)
        assert moody.asked == ["/a.png"], "one download for all"
        assert sorted(os.listdir(cache)) == [".a.png.lock", "a.png"]


def test_a_killed_download_leaves_no_lock(fork, moody, tmp_path):
    import processes

    data = small_picture(2) * 50
    moody.files["/b.png"], moody.moods["/b.png"] = data, "slow"
    entry = {
        **picture_info("cat"),
        "source": "download",
        "sha256": hashlib.sha256(data).hexdigest(),
        "address": f"http://127.0.0.1:{moody.server_port}/b.png",
    }
    run = lambda start, results: fork.Process(
        target=processes.fetch, args=("b", {"b": entry}, str(tmp_path), start, results)
    )
    start, results = fork.Event(), fork.Queue()
    start.set()
    first = run(start, results)
    first.start()
    while not moody.asked:
        time.sleep(0.02)
    time.sleep(0.2)
    first.kill()
    first.join()
    second = run(start, results)
    second.start()
    assert results.get(timeout=60) == (1, 3, 20, 20)
    second.join(30)
    assert (tmp_path / "b.png").read_bytes() == data


def test_two_writers_never_mix(fork, tmp_path):
    import processes

    path, until = tmp_path / "out.png", fork.Event()
    save_image(torch.zeros(1, 3, 60, 60), path)
    writers = [
        fork.Process(target=processes.save_again_and_again, args=(str(path), value, until)) for value in (0.2, 0.8)
    ]
    for process in writers:
        process.start()
    seen, end = {}, time.monotonic() + (20 if SOAK else 3)
    while time.monotonic() < end or not {0.2, 0.8} <= set(seen):
        values = load_image(path).unique()
        assert len(values) == 1 and all(process.is_alive() for process in writers)
        seen[round(values.item(), 1)] = seen.get(round(values.item(), 1), 0) + 1
        assert time.monotonic() < end + 60
    until.set()
    for process in writers:
        process.join(30)
    assert {0.2, 0.8} <= set(seen) and os.listdir(tmp_path) == ["out.png"]


@posix
def test_two_runs_with_one_checkpoint(nst, fork, mini, tmp_path):
    """The second one is told who has it, whatever it would do; the first one goes on as if nothing were."""
    import processes

    command = ["transfer", "cat", "gravel", "--size", "96", "--steps", "60", "-o", "out.png", "--checkpoint", "c"]
    assert nst([*command[:8], "whole.png"])[0] == 0
    ready = fork.Event()
    first = fork.Process(target=processes.command, args=(command, str(tmp_path), ready, None, 0.0))
    first.start()
    while not (tmp_path / "c").exists():  # it is painting
        assert first.is_alive()
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)
    others = tmp_path / "others"
    others.mkdir()
    try:
        kept = (tmp_path / "c").read_bytes()
        for more in (["--resume"], ["--resume", "--seed", "7"]):
            code, said = nst([*command[:8], "b.png", "--checkpoint", "../c", *more], folder=others)
            assert code == 1 and not (others / "b.png").exists()
            assert f"in use by process {first.pid};" in said or "other settings: seed 0 there, 7 here" in said
        assert (tmp_path / "c").read_bytes() == kept
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.join(120)
    assert first.exitcode == 0 and torch.equal(painted(tmp_path), load_image(tmp_path / "whole.png"))
    assert sorted(os.listdir(tmp_path)) == ["others", "out.png", "said", "whole.png"]


@posix
def test_a_killed_run_has_its_checkpoint_no_more(nst, tmp_path):
    command = ["transfer", "cat", "gravel", "--size", "96", "--steps", "60", "-o", "out.png", "--checkpoint", "c"]
    code, _ = nst(command, kill=(signal.SIGKILL, "c"))
    assert code == -signal.SIGKILL and (tmp_path / ".c.lock").exists()
    assert nst([*command, "--resume"])[0] == 0
    assert sorted(name for name in os.listdir(tmp_path) if not name.endswith(".part")) == ["out.png", "said"]

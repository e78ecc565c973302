"""A closed terminal, a full disk, a reader that leaves, Ctrl-C at any time: no picture is lost, and no traceback."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import nstlib
from nstlib import load_image
from nstlib.__main__ import main
from nstlib.commands import output

posix = pytest.mark.skipif(os.name == "nt", reason="shells, signals and /dev of Unix")
NSTLIB = f'"{sys.executable}" -m nstlib'
PAINT = "transfer cat gravel --size 48 --steps 3"


def shell(command, folder, **options):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, **options
    )


# ---- closed, full, left --------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    "streams, said",
    [
        ("2>&-", "out"),
        (">&-", "err"),
        ("<&- >&- 2>&-", ""),
        ("> /dev/full", "err"),
        ("> /dev/full 2> /dev/full", ""),
        ("| head -n 1", "err"),
    ],
    ids=["no stderr", "no stdout", "none at all (pythonw, cron)", "a full disk", "both", "a reader that leaves"],
)
def test_painting_goes_on_and_says_where_the_picture_is(streams, said, tmp_path):
    if "/dev/full" in streams and not Path("/dev/full").exists():
        pytest.skip("no such device")
    done = shell(f"{NSTLIB} {PAINT} -o out.png {streams}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert load_image(tmp_path / "out.png").shape[-1] == 48
    streams = {"out": done.stdout, "err": done.stderr}
    assert [name for name, text in streams.items() if "out.png: 48 × 32 picture after 3 steps" in text] == said.split()
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert os.listdir(tmp_path) == ["out.png"], "nothing was written into another file"


@posix
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_closed_stream(closed, tmp_path):
    """What a C library says on standard error would be written into it: into the painting, for example."""
    code = (
        "import os, nstlib.__main__ as entry, nstlib.commands.demo as demo\n"
        "demo.run = lambda options: os.write(os.open('out.png', os.O_CREAT | os.O_WRONLY), b'picture') and os.write(2, b'?')\n"
        "entry.main(['demo'])\n"
    )
    (tmp_path / "run.py").write_text(code)
    shell(f'"{sys.executable}" run.py {closed}', tmp_path)
    assert (tmp_path / "out.png").read_bytes() == b"picture"


@posix
def test_a_mistake_is_told_where_standard_error_is_closed(tmp_path):
    done = shell(f"{NSTLIB} transfer nosuch.jpg gravel -o out.png 2>&-", tmp_path)
    assert done.returncode == 1 and "no file 'nosuch.jpg'" in done.stdout


class Full(io.StringIO):
    """A file on a disk that is full, as Python writes to it: the error comes when its buffer is emptied."""

    def flush(self):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "missing, kind",
    [
        (["stdout"], "none"),
        (["stderr"], "none"),
        (["stdout", "stderr"], "none"),
        (["stdout"], "full"),
        (["stderr"], "full"),
    ],
)
def test_a_command_without_its_streams(missing, kind, tmp_path, monkeypatch):
    """As `pythonw` starts it, and at each place of the program."""
    monkeypatch.chdir(tmp_path)
    streams = {name: io.StringIO() for name in ("stdout", "stderr")}
    streams |= {name: Full() if kind == "full" else None for name in missing}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    before = sys.stdout, sys.stderr
    assert main(["demo", "--size", "48", "--steps", "3"]) == 0
    assert (sys.stdout, sys.stderr) == before, "the caller's own are back"
    assert sorted(os.listdir("outputs")) == ["demo.png", "demo_result.png"]
    there = [stream for name, stream in streams.items() if name not in missing]
    assert all("demo_result.png" in stream.getvalue() for stream in there)


@pytest.mark.parametrize("command", [["pictures"], ["--help"], ["--version"]], ids=" ".join)
def test_a_list_that_cannot_be_written_is_no_success(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Full())
    try:
        assert main(command) == 1
    except SystemExit as end:
        assert end.code == 0  # help
    assert capsys.readouterr().err == "nstlib: not all of the output could be written (No space left on device)\n"


@posix
def test_a_reader_of_a_list_may_leave(tmp_path):
    done = shell(f"{NSTLIB} pictures | head -n 1", tmp_path)
    assert done.stdout.count("\n") == 1 and done.stderr == ""


# ---- saving --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lost(tmp_path, monkeypatch):
    """A folder that is gone when the painting is done, and a temporary folder of its own."""
    folder, temporary = tmp_path / "disk", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(folder)
    real = nstlib.style_transfer

    def paint(*pictures, **options):
        result = real(*pictures, **options)
        monkeypatch.chdir(tmp_path)
        with contextlib.suppress(OSError):
            (folder / "outputs").rmdir()
        folder.rmdir()
        folder.write_text("in the way")
        return result

    monkeypatch.setattr(nstlib, "style_transfer", paint)
    return folder, temporary


@pytest.mark.parametrize("command", [PAINT.split(), ["demo", "--size", "48", "--steps", "3"]], ids=["transfer", "demo"])
def test_a_picture_that_cannot_be_saved_there_is_saved_elsewhere(command, lost, capsys):
    folder, temporary = lost
    place = ["-o", str(folder / "out.png")] if command[0] == "transfer" else []
    assert main([*command, *place]) == 1
    (kept,) = temporary.rglob("*.png")
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "could not be written" in err and f"; it is kept as {kept}" in err
    assert load_image(kept).shape[-1] == 48


def test_where_nothing_can_be_saved_at_all_it_says_so(lost, monkeypatch, capsys):
    folder, temporary = lost
    real = Path.write_bytes
    full = lambda path, data: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    monkeypatch.setattr(
        Path, "write_bytes", lambda path, data: (full if temporary in path.parents else real)(path, data)
    )
    assert main([*PAINT.split(), "-o", str(folder / "out.png")]) == 1
    assert f"nor into the temporary folder {temporary} (No space left on device)" in capsys.readouterr().err
    assert list(temporary.iterdir()) == [], "nothing half written is left"


@pytest.mark.parametrize("command", ["transfer", "demo"])
def test_an_output_that_is_replaced_is_said_to_be(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [*PAINT.split(), "-o", "out.png"] if command == "transfer" else ["demo", "--size", "48", "--steps", "3"]
    names = ["out.png"] if command == "transfer" else ["demo.png", "demo_result.png"]
    for earlier in (False, True):
        assert main(words) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if any(name in line for name in names)]
        assert len(lines) == len(names) and all(("(in place of an older one)" in line) == earlier for line in lines)


# ---- the demo's folder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Path("outputs").write_text("mine"), "cannot be made (File exists); run the demo in another folder"),
        (lambda: Path("outputs/demo_result.png").mkdir(parents=True), "demo_result.png is a folder; give the name of"),
        (lambda: Path("outputs/demo.png").mkdir(parents=True), "demo.png is a folder; give the name of"),
        (lambda: Path("outputs").symlink_to("/proc"), "nothing can be written into the folder"),
    ],
    ids=["a file in the way", "a folder in the way", "another", "read only"],
)
def test_the_demo_looks_at_its_folder_before_it_paints(make, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        make()
    except OSError:
        pytest.skip("no such link")
    if "nothing" in words and not Path("/proc/self").exists():
        pytest.skip("no such system")
    before = sorted(os.walk("."))  # through no link: processes come and go
    monkeypatch.setattr(nstlib, "style_transfer", lambda *_, **__: pytest.fail("it paints"))
    assert main(["demo"]) == 1
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1 and out == "" and sorted(os.walk(".")) == before


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_the_demo_in_a_folder_that_is_not_ours(tmp_path, monkeypatch, capsys):
    tmp_path.chmod(0o555)
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 1
    assert "cannot be made (Permission denied); run the demo in another folder" in capsys.readouterr().err


# ---- light, and Ctrl-C ---------------------------------------------------------------------------------------------------

LIGHT = [
    ["--help"],
    ["--version"],
    [],
    ["paint"],
    ["transfer", "--help"],
    ["transfer"],
    ["transfer", "cat"],
    ["transfer", "a", "b", "-o", "c.png", "--steps", "0"],
    ["transfer", "a", "b", "-o", "c.png", "--network", "vgg16"],
    ["demo", "--help"],
    ["demo", "--size", "-1"],
    ["fetch"],
    ["fetch", "--help"],
    ["doctor", "--help"],
    ["pictures", "more"],
]


def test_help_and_wrong_usage_need_no_pytorch(tmp_path):
    """All in one process: none of them may have loaded it. What is loaded before `main` begins is next to nothing, for
    Ctrl-C there is a traceback.
    """
    code = (
        "import sys\nbefore = set(sys.modules)\nimport nstlib.__main__ as light\n"
        "mine = {name for name in set(sys.modules) - before if name.startswith('nstlib')}\n"
        f"for words in {LIGHT!r}:\n"
        "    try: light.main(words)\n"
        "    except SystemExit as end: print(end.code, *words, file=sys.stderr)\n"
        "print(sorted(mine), [name for name in ('torch', 'numpy', 'PIL', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "['nstlib', 'nstlib.__main__'] []", done.stderr
    ends = [line for line in done.stderr.splitlines() if line[0] in "02" and line[1:2] in ("", " ")]
    wanted = [f"{0 if {'--help', '--version'} & set(words) else 2} {' '.join(words)}".strip() for words in LIGHT]
    assert [end.strip() for end in ends] == wanted
    assert f"nstlib {nstlib.__version__}" in done.stdout.splitlines()


@posix
@pytest.mark.parametrize("after", [0, 0.1, 0.3, 0.7, 1.2, 1.8, 2.5])
def test_three_quick_ctrl_c(after, tmp_path):
    """From the moment at which `main` begins; Python's own start is not ours."""
    code = (
        "import sys, nstlib.__main__ as entry\nhandle = entry.handle_signals\n"
        "def ready():\n    handlers = handle()\n    print('ready', flush=True)\n    return handlers\n"
        "entry.handle_signals = ready\nsys.exit(entry.main())"
    )
    words = ["transfer", "cat", "gravel", "-o", "out.png", "--size", "48", "--steps", "100000"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        for wait in (after, 0.05, 0.05):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "Exception ignored" not in err and err.count("\n") <= 1
    assert (tmp_path / "out.png").exists() == ("out.png: " in out)
    assert ("out.png: " in out) != ("stopped before there was anything to save" in err)


@posix
def test_ctrl_c_again_while_the_picture_is_saved(tmp_path, monkeypatch, capsys):
    """The second one means the same as the first: end, and keep what there is."""
    real_keep, real_paint = output.keep, nstlib.style_transfer

    def keep(data, path):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        return real_keep(data, path)

    def paint(*pictures, on_step, **options):
        def at_the_fourth(step, image, losses):
            if step == 4:
                signal.raise_signal(signal.SIGINT)

        return real_paint(*pictures, on_step=at_the_fourth, **options)

    monkeypatch.setattr(output, "keep", keep)
    monkeypatch.setattr(nstlib, "style_transfer", paint)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    out = tmp_path / "out.png"
    assert main(["transfer", "cat", "gravel", "-o", str(out), "--size", "48", "--steps", "50"]) == 130
    assert load_image(out).shape[-1] == 48 and "stopped by the user after 4 of 50 steps" in capsys.readouterr().out
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_ctrl_c_before_a_step_has_lowered_the_loss_saves_nothing(tmp_path, monkeypatch, capsys):
    """The picture would be the photograph."""
    real = nstlib.style_transfer

    def paint(*pictures, on_step, **options):
        return real(*pictures, on_step=lambda step, *_: signal.raise_signal(signal.SIGINT), **options)

    monkeypatch.setattr(nstlib, "style_transfer", paint)
    out = tmp_path / "out.png"
    assert main(["transfer", "cat", "gravel", "-o", str(out), "--size", "48"]) == 130
    assert "stopped before there was anything to save" in capsys.readouterr().err and not out.exists()


def test_another_ctrl_c_after_a_while_is_another(monkeypatch):
    """Where saving hangs, for example on a network drive."""
    now = [100.0]
    monkeypatch.setattr("nstlib.__main__.time.monotonic", lambda: now[0])
    ends = []

    def patient(options):
        for seconds in (0, 1, 2.9, 3.5, 0):
            now[0] += seconds
            try:
                signal.raise_signal(signal.SIGINT)
                ends.append("")
            except KeyboardInterrupt:
                ends.append("stopped")
        return 0

    monkeypatch.setattr("nstlib.commands.demo.run", patient)
    assert torch.tensor(0) == 0 and load_image, "PyTorch is loaded: Ctrl-C is an exception and not the end"
    assert main(["demo"]) == 0 and ends == ["stopped", "", "stopped", "stopped", ""]


# ---- PyTorch that cannot be loaded ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, words",
    [
        ("libtorch_cpu.so: failed to map segment from shared object", "not enough memory to load PyTorch"),
        ("libtorch_cpu.so: cannot allocate memory in static TLS block", "not enough memory to load PyTorch"),
        ("libc10.so: cannot open shared object file", "cannot be imported here: {}. Install it anew"),
    ],
)
@pytest.mark.parametrize("kind", ["ImportError", "OSError"])
def test_why_pytorch_is_not_there(error, words, kind, tmp_path):
    """Whichever module of ours was the first to want it."""
    (tmp_path / "torch.py").write_text(f"raise {kind}({error!r})")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for command in (["pictures"], ["transfer", "cat", "gravel", "-o", "out.png"], ["demo"]):
        command = [sys.executable, "-m", "nstlib", *command]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and done.stdout == ""
        assert words.format(error) in done.stderr and done.stderr.count(error) == 1, done.stderr

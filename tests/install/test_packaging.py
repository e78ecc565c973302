"""What people install: pyproject.toml, environment.yml, CITATION.cff and the wheel."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

import nstlib

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest and build bring it
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
# Conda-forge → PyPI
CONDA_NAMES = {
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "python-build": "build",
    "playwright-python": "playwright",
    "lazy_loader": "lazy-loader",
}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def conda_entries():
    """environment.yml as {key: [entries]}; it is simple enough to be read without a YAML library."""
    entries, key = {}, None
    for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].rstrip()
        if line and not line.startswith(" "):
            key = line.split(":")[0]
        elif line.strip() == "- pip:":
            key = "pip"
        elif line:
            entries.setdefault(key, []).append(line.strip().removeprefix("- "))
    return entries


def specifiers(requirements):
    return {r.name: r.specifier for r in map(Requirement, requirements)}


# ---------------------------------------------------------------- pyproject.toml and environment.yml


def test_pyproject_names_what_the_course_needs(project):
    assert set(specifiers(project["dependencies"])) == {
        "torch",
        "torchvision",
        "matplotlib",
        "pillow",
        "ipywidgets",
        "jupyterlab",
        "ipykernel",
        "numpy",
        "safetensors",
        "tqdm",
        "pooch",
        "scikit-image",
        "scipy",
        "filelock",
        "lazy-loader",
        "packaging",
        "requests",
    }
    assert "ipykernel>=6.29,<7" in project["dependencies"]
    assert project["requires-python"] == ">=3.10"
    assert project["scripts"] == {"nstlib": "nstlib.__main__:main"}
    assert {"pytest", "nbval"} <= set(specifiers(project["optional-dependencies"]["test"]))


def test_pyproject_gives_ranges_and_not_pins(project):
    for name, specifier in specifiers(project["dependencies"] + project["optional-dependencies"]["test"]).items():
        operators = {part.operator for part in specifier}
        assert ">=" in operators and operators <= {">=", "<", "!="}, f"{name}{specifier}"


def test_a_release_that_shows_no_widgets_is_left_out(project):
    """Met in: microsoft/vscode-jupyter#17504."""
    wanted = specifiers(project["dependencies"])["ipywidgets"]
    assert [version for version in ("8.1.8", "8.1.9", "8.1.10") if version not in wanted] == ["8.1.9"]


def test_environment_yml_agrees_with_pyproject(project):
    entries = conda_entries()
    assert entries["channels"] == ["conda-forge", "nodefaults"]
    assert entries["pip"] == ["-e ."]  # torch under pip would be the CUDA build
    python, *packages = entries["dependencies"]
    found = {CONDA_NAMES.get(name, name): specifier for name, specifier in specifiers(packages).items()}
    assert found == specifiers(project["dependencies"] + project["optional-dependencies"]["test"])
    version = re.fullmatch(r"python=(3\.\d+)", python).group(1)  # Binder wants one version
    assert Requirement("python" + project["requires-python"]).specifier.contains(version)


def test_citation_names_the_paper_and_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for fact in (
        "cff-version: 1.2.0",
        f"version: {nstlib.__version__}",
        "doi: 10.1109/CVPR.2016.265",
        "Gatys",
        "Ecker",
        "Bethge",
        "start: 2414",
        "end: 2423",
    ):
        assert fact in citation, fact


HEAVY = [
    "torch",
    "numpy",
    "matplotlib",
    "ipywidgets",
    "IPython",
    "skimage",
    "scipy",
    "pooch",
    "torchvision",
    "distributed",
]


@pytest.mark.parametrize(
    "code, brought",
    [
        ("nstlib", []),
        ("nstlib.__main__", []),
        ("nstlib; nstlib.load_image", ["torch", "numpy"]),
        ("nstlib; nstlib.style_transfer", ["torch", "numpy"]),
    ],
)
def test_only_what_is_used_is_loaded(code, brought):
    code = f"import sys, {code}\nprint(*[name for name in sys.argv[1:] if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True).stdout
    assert said.split() == brought


@pytest.fixture
def without_torch(tmp_path):
    """An environment in which PyTorch cannot be imported."""
    (tmp_path / "torch.py").write_text("raise OSError('c10.dll not found')\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}


def test_a_broken_pytorch_is_named_with_its_cure(without_torch):
    command = [sys.executable, "-c", "import nstlib; nstlib.load_network()"]
    said = subprocess.run(command, cwd=ROOT, env=without_torch, capture_output=True, text=True).stderr.splitlines()[-1]
    assert (
        said.startswith("ImportError: nstlib needs PyTorch") and "c10.dll" in said and "--force-reinstall torch" in said
    )


@pytest.mark.parametrize(
    "arguments, code, word",
    [
        (["--help"], 0, "transfer  "),
        (["doctor"], 1, "to mend: "),
        (["transfer", "cat", "gravel", "-o", "no.png"], 1, "nstlib needs PyTorch"),
    ],
)
def test_the_command_line_without_a_working_pytorch(without_torch, tmp_path, arguments, code, word):
    run = subprocess.run(
        [sys.executable, "-m", "nstlib", *arguments], cwd=tmp_path, env=without_torch, capture_output=True, text=True
    )
    assert run.returncode == code and word in run.stdout + run.stderr and "Traceback" not in run.stderr, run.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
@pytest.mark.parametrize("moment", [0.15, 0.4, 0.8])
def test_ctrl_c_in_the_first_second_is_no_traceback(tmp_path, moment):
    command = [sys.executable, "-m", "nstlib", "transfer", "cat", "gravel", "-o", "no.png", "--steps", "5000"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        time.sleep(moment)
        run.send_signal(signal.SIGINT)
        said = "".join(run.communicate(timeout=60))
    assert "Traceback" not in said and run.returncode in (130, -signal.SIGINT), said


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a git checkout")
def test_no_tracked_file_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    sizes = {name: (ROOT / name).stat().st_size for name in listed.split("\0") if name and (ROOT / name).is_file()}
    assert not {name: size for name, size in sizes.items() if size > 5_000_000}


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without isolation, so that it needs no network: hatchling is in the extra `test`."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of a new environment with the wheel and the packages installed here, which cannot see the checkout.

    A path in a .pth file is added as it is: the .pth files of the folder it names, among them the one of an
    editable install, are not read. It is written last, lest pip find an editable nstlib there and install nothing.
    """
    folder = tmp_path_factory.mktemp("installed")
    windows = os.name == "nt"
    venv.create(folder, with_pip=False, symlinks=not windows)
    python = str(folder / ("Scripts/python.exe" if windows else "bin/python"))
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    site_packages = folder / "Lib/site-packages" if windows else next(folder.glob("lib/python*/site-packages"))
    here = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (site_packages / "packages_from_outside.pth").write_text("\n".join(here))
    return python


def run_outside(command, folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_wheel_carries_the_data(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        registry = json.loads(archive.read("nstlib/data/registry.json"))
    shipped = [entry["address"] for entry in registry.values() if entry["source"] == "shipped"]
    assert len(shipped) >= 8
    assert [name for name in ["mini.safetensors", *shipped] if f"nstlib/data/{name}" not in names] == []
    ours = re.compile(r"nstlib(/|-[\d.]+\.dist-info/)(?!.*__pycache__)")
    assert [name for name in names if not ours.match(name)] == []


def test_wheel_works_where_there_is_no_checkout(installed, tmp_path):
    code = "import sys, nstlib; print(nstlib.__file__); print(*sys.path, sep='\\n')"
    found = run_outside([installed, "-c", code], tmp_path)
    assert found.returncode == 0, found.stderr
    module, *path = found.stdout.splitlines()
    assert Path(installed).parents[1] in Path(module).parents
    assert str(ROOT) not in path

    command = str(Path(installed).with_name("nstlib"))
    arguments = ["riverside_town", "night_swirls", "-o", "out.png", "--size", "64", "--steps", "3", "--quiet"]
    done = run_outside([command, "transfer", *arguments], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.format == "PNG" and picture.mode == "RGB" and picture.size == (64, 48)
        assert np.asarray(picture).std() > 10  # a picture, not a flat colour

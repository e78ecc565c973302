"""start.py, with stand-ins for everything that it runs: nothing is installed and no network is used."""

import ast
import importlib.util
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

START = Path(__file__).resolve().parents[2] / "start.py"
GB = 1e9


class Machine:
    """A copy of start.py in a folder of its own, and a machine whose commands are only written down."""

    def __init__(self, folder, monkeypatch):
        shutil.copy(START, folder / "start.py")
        (folder / "pyproject.toml").write_text("[project]")
        (folder / "notebooks").mkdir()
        spec = importlib.util.spec_from_file_location("start_copy", folder / "start.py")
        self.start = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.start)
        self.folder, self.commands, self.uv, self.free = folder, [], None, 100 * GB
        self.pip_says, self.exit_codes, self.interruptions = "", {}, 0
        self.places, self.called = [], f"{folder}/start.py"
        monkeypatch.setattr(sys, "argv", [f"{folder}/start.py"])
        monkeypatch.setattr(self.start, "WINDOWS", False)
        monkeypatch.delenv("NSTLIB_CALLED_AS", raising=False)
        monkeypatch.setattr(
            self.start, "subprocess", SimpleNamespace(run=self.run, Popen=self.popen, PIPE=-1, STDOUT=-2, DEVNULL=-3)
        )
        monkeypatch.setattr(
            self.start,
            "shutil",
            SimpleNamespace(
                which=lambda name: self.uv,
                disk_usage=lambda path: SimpleNamespace(free=self.free),
                rmtree=shutil.rmtree,
            ),
        )
        for name in ("UV_TORCH_BACKEND", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)

    @property
    def python(self):
        return Path(self.start.venv_python())

    def run(self, command, **_):  # the short commands: look at .venv, make .venv
        if "venv" in command:
            self.commands.append(command)
            self.python.parent.mkdir(parents=True)
            self.python.touch()
            (self.folder / ".venv" / "pyvenv.cfg").touch()
        elif not self.python.exists():
            raise FileNotFoundError(command[0])
        return SimpleNamespace(returncode=0, stdout=b"3.12\n")

    def popen(self, command, cwd, stderr=None, env=None):  # the long ones: install, and what the user asked for
        self.commands.append(command)
        self.places.append(cwd)
        installing = "install" in command
        if not installing:  # threads that wait for a while and then sleep, unless the user has said otherwise
            told = {
                "GOMP_SPINCOUNT": "10000",
                "NSTLIB_CALLED_AS": f"{'py' if self.start.WINDOWS else 'python3'} {self.called}",
            }
            if "--nbval" in command:  # two lessons at a time share the cores
                told["OMP_NUM_THREADS"] = str(max(1, os.cpu_count() // 2))
            assert env == {**told, **os.environ}
        process = SimpleNamespace(stderr=self.pip_says.encode().splitlines(keepends=True) if installing else None)
        process.returncode = int(bool(self.pip_says)) if installing else 0
        for word, code in self.exit_codes.items():
            if word in command:
                process.returncode = code

        def wait():
            if not installing and self.interruptions:
                self.interruptions -= 1
                raise KeyboardInterrupt
            return process.returncode

        process.wait = wait
        return process

    def main(self, *arguments):
        """Run start.py; gives its exit code and what it started, each as text without the environment's Python."""
        self.commands.clear()
        self.places.clear()
        try:
            code = self.start.main(list(arguments))
        except SystemExit as error:
            code = error.code
        return code, [" ".join(c[1:] if c[0] in (str(self.python), sys.executable) else c) for c in self.commands]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


# ---------------------------------------------------------------- the script itself


def test_an_old_python_can_read_it_as_far_as_the_message():
    tree = ast.parse(START.read_text(encoding="ascii"), feature_version=(3, 6))  # and any console can show it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom):
            assert node.module in sys.stdlib_module_names and node.module != "__future__"
        if isinstance(node, ast.arg | ast.FunctionDef):  # list[str] and str | None fail in Python 3.6
            hint = node.annotation if isinstance(node, ast.arg) else node.returns
            assert hint is None or isinstance(hint, ast.Name | ast.Constant)


def test_help_and_usage(machine, capsys):
    for arguments, code in ((["--help"], 0), ([], 2)):
        assert machine.main(*arguments) == (code, [])
        text = capsys.readouterr().out
        assert all(
            word in text
            for word in (
                "demo",
                "test",
                "lab",
                "panel",
                "transfer",
                "doctor",
                "6 GB",
                "UV_TORCH_BACKEND=cpu",
                "/whl/cpu",
            )
        )
    assert machine.main("dmeo") == (2, [])
    assert "'dmeo'" in capsys.readouterr().err


# ---------------------------------------------------------------- when it installs


def test_first_run_makes_the_environment_and_later_runs_do_not(machine):
    venv = str(machine.folder / ".venv")
    code, commands = machine.main("demo")
    assert code == 0
    assert commands == [f"-m venv {venv}", "-m pip install -e .", "-m nstlib demo"]
    assert machine.main("demo") == (0, ["-m nstlib demo"])


def test_installs_again_only_when_pyproject_changed(machine):
    machine.main("demo")
    (machine.folder / "notebooks" / "new.ipynb").touch()
    assert machine.main("demo") == (0, ["-m nstlib demo"])
    (machine.folder / "pyproject.toml").write_text("[project] # changed")
    assert machine.main("demo") == (0, ["-m pip install -e .", "-m nstlib demo"])
    assert machine.main("demo") == (0, ["-m nstlib demo"])


def test_test_extra_is_added_once_and_kept(machine):
    machine.main("demo")
    assert machine.main("test")[1][0] == "-m pip install -e .[test]"
    assert "install" not in " ".join(machine.main("test")[1] + machine.main("demo")[1])
    (machine.folder / "pyproject.toml").write_text("[project] # changed")
    assert machine.main("demo")[1][0] == "-m pip install -e .[test]"


def test_the_extras_of_test_and_panel_add_up(machine):
    assert machine.main("test")[1][1] == "-m pip install -e .[test]"
    assert machine.main("panel")[1][0] == "-m pip install -e .[panel,test]"
    assert "install" not in " ".join(machine.main("test")[1] + machine.main("panel")[1] + machine.main("demo")[1])


def test_the_panel_is_for_this_machine_alone(machine):
    command = machine.main("panel", "--port=9999")[1][-1]
    assert "-m voila notebooks/06_explorers.ipynb --Voila.ip=127.0.0.1" in command and command.endswith(" --port=9999")
    assert "default-src 'self'" in command and "http" not in command


def test_a_moved_folder_is_installed_again(machine, monkeypatch):
    machine.main("demo")
    stamp = machine.start.fingerprint("3.12")
    monkeypatch.setattr(machine.start, "ROOT", machine.folder / "notebooks" / "..")
    assert machine.start.fingerprint("3.12") != stamp  # the path of an editable install is absolute


def test_uv_is_preferred(machine):
    machine.uv = "/bin/uv"
    venv, python = machine.folder / ".venv", machine.python
    assert machine.main("demo")[1][:2] == [
        f"/bin/uv venv --python {sys.executable} {venv}",
        f"/bin/uv pip install --python {python} -e .",
    ]


def test_windows_layout(machine, monkeypatch):
    monkeypatch.setattr(machine.start, "WINDOWS", True)
    assert machine.python == machine.folder / ".venv" / "Scripts" / "python.exe"
    assert machine.main("demo")[0] == 0
    assert machine.python.exists()


def test_broken_environment_is_made_again(machine, capsys):
    machine.main("demo")
    machine.python.unlink()
    assert len(machine.main("demo")[1]) == 3
    assert "broken" in capsys.readouterr().out


def test_a_stranger_in_its_place_is_left_alone(machine, capsys):
    (machine.folder / ".venv").mkdir()
    (machine.folder / ".venv" / "thesis.txt").touch()
    assert machine.main("demo") == (1, [])
    assert "Move it away" in capsys.readouterr().err
    assert (machine.folder / ".venv" / "thesis.txt").exists()


# ---------------------------------------------------------------- what it says when something is wrong


def test_old_python(machine, monkeypatch, capsys):
    monkeypatch.setattr(machine.start, "OLDEST", (99, 0))
    assert machine.main("demo") == (1, [])
    version = "{}.{}".format(*sys.version_info)
    assert f"Python {version} is too old" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_no_venv_module(machine, monkeypatch, capsys, missing):
    util = SimpleNamespace(find_spec=lambda name: None if name == missing else object())
    monkeypatch.setattr(machine.start, "importlib", SimpleNamespace(util=util))
    assert machine.main("demo") == (1, [])
    assert "sudo apt install python3-venv" in capsys.readouterr().err
    machine.uv = "/bin/uv"  # uv needs neither
    assert machine.main("demo")[0] == 0


def test_too_little_disk(machine, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    machine.free = 3 * GB
    assert machine.main("demo") == (1, [])
    message = capsys.readouterr().err
    assert "too little disk" in message and "6 GB" in message and "3.0 GB free" in message
    assert not (machine.folder / ".venv").exists()

    monkeypatch.setattr(sys, "platform", "darwin")  # no CUDA there
    assert machine.main("demo")[0] == 0


def test_the_cpu_build_needs_less_disk(machine, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    machine.free = 3 * GB
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://example.org/whl/cpu")
    assert machine.main("demo")[0] == 0


@pytest.mark.parametrize("torch", ["lib/python3.12/site-packages/torch", "Lib/site-packages/torch"])
def test_disk_is_only_checked_when_pytorch_is_to_come(machine, torch):
    machine.main("demo")
    machine.free = 0.1 * GB
    assert machine.main("demo")[0] == 0  # nothing to install
    (machine.folder / "pyproject.toml").write_text("[project] # changed")
    (machine.folder / ".venv" / torch).mkdir(parents=True)
    assert machine.main("demo")[0] == 0  # PyTorch is there already


@pytest.mark.parametrize(
    "pip_says, told",
    [
        (
            "WARNING: Retrying (...) after connection broken by 'NewConnectionError('...: Failed to establish a new "
            "connection: [Errno -3] Temporary failure in name resolution')'\nERROR: Could not find a version that "
            "satisfies the requirement torch\nERROR: No matching distribution found for torch",
            "no network",
        ),
        ("error: Request failed after 3 retries\n  cause: client error (Connect)\n  cause: dns error", "no network"),
        (
            "Could not fetch URL https://pypi.org/simple/torch/: There was a problem confirming the ssl certificate: "
            "HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded with url: /simple/torch/ (Caused by "
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))) - "
            "skipping\nERROR: No matching distribution found for torch",
            "SSL_CERT_FILE and PIP_CERT",  # pytorch/pytorch#33288 is of this kind
        ),
        ("error: client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        (
            "WARNING: Retrying after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('Tunnel "
            "connection failed: 407 Proxy Authentication Required'))'\nERROR: No matching distribution found",
            "http://NAME:PASSWORD@HOST:PORT",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: No matching distribution found for torch<3,>=2.4", "does not exist for Python 3.12"),
        ("error: No solution found when resolving dependencies", "does not exist for Python 3.12"),
        ("error: something else \xff", "the installation failed"),
    ],
)
def test_failed_installation(machine, capsys, pip_says, told):
    machine.pip_says = pip_says
    code, commands = machine.main("demo")
    assert code == 1 and commands[-1] == "-m pip install -e ."
    shown = capsys.readouterr().err
    assert pip_says in shown and told in shown.splitlines()[-1]

    machine.pip_says = ""  # and once the reason is gone, the same command goes through
    assert machine.main("demo") == (0, ["-m pip install -e .", "-m nstlib demo"])


# ---------------------------------------------------------------- what it runs


def test_arguments_are_passed_on(machine):
    assert machine.main("demo", "--size", "64")[1][-1] == "-m nstlib demo --size 64"
    assert machine.main("test", "-k", "gram", "-x")[1][1:] == ["-m pytest --doctest-modules -k gram -x"]
    assert machine.main("lab", "--port=9999")[1][-1].endswith("--port=9999")


def test_what_nstlib_does_is_handed_on_in_the_folder_of_the_user(machine, tmp_path_factory, monkeypatch):
    here = tmp_path_factory.mktemp("my pictures")
    monkeypatch.chdir(here)
    wanted = "-m nstlib transfer a.jpg b.jpg -o c.png --help"
    assert machine.main("transfer", "a.jpg", "b.jpg", "-o", "c.png", "--help")[1][-1] == wanted
    assert machine.places[-1] == str(here)
    assert machine.main("demo")[1][-1] == "-m nstlib demo" and machine.places[-1] == str(machine.folder)
    sys.argv[0] = "../nst lib/start.py"
    machine.called = '"../nst lib/start.py"'
    assert machine.main("doctor") == (0, ["-m nstlib doctor"])


def test_every_command_of_nstlib_is_one_of_start_py(machine):
    help_text = subprocess.run([sys.executable, "-m", "nstlib", "--help"], capture_output=True, text=True).stdout
    commands = re.findall(r"^    (\w+) +\S", help_text, re.M)
    assert {"transfer", "demo", "doctor"} <= set(commands)
    assert {machine.main(command)[0] for command in commands} == {0}
    assert set(commands) == {*machine.start.NSTLIB, "demo"}


@pytest.mark.parametrize("unit, notebooks, code", [(0, 0, 0), (1, 0, 1), (0, 1, 1), (5, 2, 1)])
def test_test_runs_both_parts_and_sums_up(machine, capsys, unit, notebooks, code):
    machine.exit_codes = {"--doctest-modules": unit, "--nbval": notebooks}
    found, commands = machine.main("test")
    assert found == code
    assert commands[-2:] == [
        "-m pytest --doctest-modules -n2 --dist=loadfile",
        "-m pytest --nbval --nbval-current-env --nbval-sanitize-with tests/course/nbval_sanitize.cfg "
        "--nbval-cell-timeout=300 -n2 --dist=loadfile notebooks/",
    ]
    last = capsys.readouterr().out.splitlines()[-1]
    verdicts = ["FAILED" if part else "passed" for part in (unit, notebooks)]
    assert "unit tests {}, notebooks {}, in".format(*verdicts) in last and last.endswith(" s altogether.")


def test_lab_opens_the_first_notebook(machine):
    settings = '--ServerApp.tornado_settings={"websocket_max_message_size": 200000000}'  # for uploads above 10 MB
    assert machine.main("lab")[1][-1] == f"-m jupyterlab --ServerApp.root_dir={machine.folder} {settings}"
    for name in ("05_style_transfer.ipynb", "01_pixels.ipynb", "scratch.ipynb"):
        (machine.folder / "notebooks" / name).touch()
    assert machine.main("lab")[1][-1].endswith(" notebooks/01_pixels.ipynb")
    assert machine.main("lab", "notebooks/scratch.ipynb")[1][-1].count(".ipynb") == 1


def test_exit_code_of_the_command_is_passed_on(machine):
    machine.exit_codes = {"demo": 3}
    assert machine.main("demo")[0] == 3
    machine.exit_codes = {"demo": -9}  # killed, on Linux and macOS
    assert machine.main("demo")[0] == 137


# ---------------------------------------------------------------- Ctrl-C


def test_an_interrupted_command_may_end_in_its_own_way(machine):
    machine.interruptions = 2
    assert machine.main("demo")[0] == 0  # it saved what it had
    machine.interruptions, machine.exit_codes = 1, {"demo": 1}
    with pytest.raises(KeyboardInterrupt):
        machine.main("demo")


def test_ctrl_c_exits_with_130_and_no_traceback(tmp_path, monkeypatch, capsys):
    shutil.copy(START, tmp_path / "start.py")
    (tmp_path / "pyproject.toml").touch()

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    monkeypatch.setattr(sys, "argv", ["start.py", "demo"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(tmp_path / "start.py"), run_name="__main__")
    assert stopped.value.code == 130
    assert capsys.readouterr().err.strip() == "start.py: stopped."

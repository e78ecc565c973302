#!/usr/bin/env python3
"""Set the project up and run it:  python3 start.py COMMAND  [more arguments]

  demo   turn a shipped photograph into a painting; the pictures go to outputs/.
         More arguments go to the demo.
  test   the whole test suite: unit tests and doctests, then every notebook.
         With more arguments only pytest runs, with those arguments and without
         the notebooks:  start.py test -k gram  or  start.py test tests/unit/test_losses.py
  lab    open JupyterLab on the first notebook. More arguments go to JupyterLab;
         one that ends in .ipynb is opened in place of the first notebook.
  panel  the explorers as a page without code, for a projector; this machine
         alone can reach it. More arguments go to Voila, such as --port=8888.
  transfer, pictures, fetch, doctor
         what `nstlib` does in .venv, with the same arguments, in the folder you
         are in:  start.py transfer PHOTO PAINTING -o OUT.png

The first run makes an environment in .venv and installs the project there, with
uv where uv is on the path and with pip otherwise; later runs install again only
when pyproject.toml changed. Delete .venv to begin afresh.

On Linux, PyTorch with its CUDA libraries takes about 6 GB. Its CPU build takes
about 1 GB and is all that the course needs. To get it, set one variable first:
  with uv:   UV_TORCH_BACKEND=cpu
  with pip:  PIP_EXTRA_INDEX_URL=ADDRESS, the one ending in /whl/cpu that
             pytorch.org/get-started shows for pip and CPU
Any other setting of pip or uv (index, proxy, cache) is respected as well.
"""

# The standard library alone, and no syntax newer than Python 3.6, so that an old Python can say that it is too old.
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "nstlib-installed"  # line 1: what was installed (a hash); line 2: with which extras
WINDOWS = os.name == "nt"
LARGEST_UPLOAD = 200_000_000  # bytes of a picture; above 10 MB, servers end the connection unless they are told
OLDEST = (3, 10)
NSTLIB = ("transfer", "pictures", "fetch", "doctor")  # commands of nstlib, handed on; tests/install/test_start.py

# Words in the messages of pip and uv that tell why an installation failed.
DISK_FULL = ("no space left on device", "not enough space on the disk", "disk quota exceeded")
CERTIFICATE = ("certificate verify failed", "certificate_verify_failed", "invalid peer certificate", "unknownissuer")
PROXY_LOGIN = ("407 proxy authentication", "proxy authentication required")
NO_NETWORK = (
    "new connection",
    "max retries exceeded",
    "name resolution",
    "getaddrinfo",
    "network is unreachable",
    "connection refused",
    "connecttimeout",
    "read timed out",
    "proxyerror",
    "connection broken",
    "dns error",
    "error sending request",
    "client error (connect)",
    "operation timed out",
    "failed to fetch",
)
NO_VERSION = ("no matching distribution", "no solution found", "requires a different python")


def fail(message: str) -> None:
    sys.stdout.flush()
    print("start.py: " + message, file=sys.stderr)
    raise SystemExit(1)


def venv_python() -> str:
    return str(VENV / "Scripts" / "python.exe" if WINDOWS else VENV / "bin" / "python")


def venv_version() -> str:
    """The version of the Python in .venv ("3.12"), or "" where there is none that runs and is new enough."""
    code = "import sys; print('%d.%d' % sys.version_info[:2] if sys.version_info >= " + str(OLDEST) + " else '')"
    try:
        found = subprocess.run([venv_python(), "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return found.stdout.decode().strip() if found.returncode == 0 else ""


def check_disk(uv: str) -> None:
    """Stop where PyTorch does not fit; nothing to check where it is already there."""
    if any(VENV.glob("lib/python*/site-packages/torch")) or (VENV / "Lib" / "site-packages" / "torch").exists():
        return
    settings = ("UV_TORCH_BACKEND",) if uv else ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    cpu_build = any("cpu" in os.environ.get(name, "") for name in settings)
    large = sys.platform.startswith("linux") and not cpu_build
    needed, free = (6.0 if large else 1.5), shutil.disk_usage(str(ROOT)).free / 1e9
    if free < needed:
        hint = " (PyTorch's CPU build needs only 1.5 GB: see python3 start.py --help)" if large else ""
        fail(
            f"too little disk: PyTorch and the rest take about {needed:g} GB, and {ROOT} has {free:.1f} GB free. "
            f"Make room and run the same command again{hint}."
        )


def remove_broken_venv() -> None:
    ours = (VENV / "pyvenv.cfg").exists() or (VENV.is_dir() and not any(path.is_file() for path in VENV.rglob("*")))
    if not ours or VENV.is_symlink():
        fail(f"{VENV} is not a Python environment that works here. Move it away, then run the same command again.")
    print("The environment .venv is broken or half made: making it again.", flush=True)
    try:
        shutil.rmtree(str(VENV))
    except OSError as error:
        fail(f"cannot remove the broken environment {VENV} ({error}). Delete it, then run the same command again.")


def make_venv(uv: str) -> None:
    if uv:
        command = [uv, "venv", "--python", sys.executable, str(VENV)]
    else:
        if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
            fail(
                "this Python cannot make environments: its venv module is missing. On Debian and Ubuntu: "
                "sudo apt install python3-venv; elsewhere install Python from python.org, or uv."
            )
        command = [sys.executable, "-m", "venv", str(VENV)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        reason = made.stdout.decode("utf-8", "replace").strip()
        fail(f"could not make the environment {VENV}:\n{reason}")


def install(uv: str, extra: str) -> None:
    project = f".[{extra}]" if extra else "."
    if uv:
        command = [uv, "pip", "install", "--python", venv_python(), "-e", project]
    else:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.run([venv_python(), "-m", "pip", "--version"], **quiet).returncode != 0:
            subprocess.run([venv_python(), "-m", "ensurepip"], **quiet)
        command = [venv_python(), "-m", "pip", "install", "-e", project]
    # Its stdout, with the progress bar, stays on the terminal; its stderr is shown and kept to find the reason.
    process = subprocess.Popen(command, cwd=str(ROOT), stderr=subprocess.PIPE)
    said = []
    try:
        for line in process.stderr:
            said.append(line.decode("utf-8", "replace"))
            sys.stderr.write(said[-1])
            sys.stderr.flush()
        process.wait()
    except KeyboardInterrupt:
        process.wait()  # it was interrupted too
        raise
    if process.returncode == 0:
        return
    reason = "".join(said).lower()
    if any(words in reason for words in DISK_FULL):
        fail("the disk is full: PyTorch on Linux takes about 6 GB. Make room and run the same command again.")
    if any(words in reason for words in CERTIFICATE):
        fail(
            "the certificate of the package index is not trusted here. Where a proxy looks into connections, set "
            "SSL_CERT_FILE and PIP_CERT to the file with its certificate, then run the same command again."
        )
    if any(words in reason for words in PROXY_LOGIN):
        fail(
            "the proxy wants a name and a password. Set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT, then run the "
            "same command again."
        )
    if any(words in reason for words in NO_NETWORK):
        fail(
            "no network, or the package index cannot be reached; the first run downloads PyTorch and JupyterLab. "
            "Connect (behind a proxy, set HTTPS_PROXY) and run the same command again."
        )
    if any(words in reason for words in NO_VERSION):
        fail(
            f"a package does not exist for Python {venv_version()} on this system; the lines above name it. "
            "Delete .venv and try another one, such as 64-bit Python 3.12."
        )
    fail("the installation failed; the lines above say why. If .venv is damaged, delete it and run this again.")


def prepare(extra: str) -> None:
    """Make .venv and install the project into it, as far as that is not done yet."""
    uv = shutil.which("uv") or ""
    version = venv_version()
    stamp = (STAMP.read_text() if version and STAMP.exists() else "\n").split("\n")
    extras = {name for name in [extra] + stamp[1].split(",") if name}  # one that is there does not fall behind
    if stamp[0] == fingerprint(version) and extras == {name for name in stamp[1].split(",") if name}:
        return
    extra = ",".join(sorted(extras))
    if not version and os.path.lexists(str(VENV)):
        remove_broken_venv()
    check_disk(uv)
    if not version:
        make_venv(uv)
        version = venv_version()
        if not version:
            fail(f"the new environment {VENV} does not run. Delete it, then try another Python.")
    print(f"Installing into {VENV} with {'uv' if uv else 'pip'}; the first time, this takes some minutes.", flush=True)
    STAMP.write_text("\n" + stamp[1])  # an interrupted installation is done again
    install(uv, extra)
    STAMP.write_text(fingerprint(version) + "\n" + extra)


def fingerprint(version: str) -> str:
    """Changes when the installation is out of date: pyproject.toml, the Python, or the folder's place changed."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + f"{version} {ROOT}".encode()).hexdigest()


def run(arguments: list, folder: str = str(ROOT), **variables: str) -> int:
    """Run the environment's Python, with `variables` where the user has set none of these; Ctrl-C reaches it as well,
    and it may end in its own way (JupyterLab asks).
    """
    environment = {**variables, **os.environ}
    # See nstlib/__init__.py; a notebook may load PyTorch before nstlib
    environment.setdefault("GOMP_SPINCOUNT", "10000")
    script = f'"{sys.argv[0]}"' if " " in sys.argv[0] else sys.argv[0]
    environment.setdefault("NSTLIB_CALLED_AS", f"{'py' if WINDOWS else 'python3'} {script}")
    process = subprocess.Popen([venv_python()] + arguments, cwd=folder, env=environment)
    interrupted = False
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted and code != 0:
        raise KeyboardInterrupt
    return code if code >= 0 else 128 - code


def test(arguments: list) -> int:
    start = time.monotonic()
    if arguments:
        return run(["-m", "pytest", "--doctest-modules"] + arguments)
    unit = run(
        ["-m", "pytest", "--doctest-modules", "-n2", "--dist=loadfile"]
    )  # tests/ and nstlib/, says pyproject.toml
    # The kernel is this environment's, whatever a user has registered under the name python3. Two lessons at a time,
    # each with half of the cores, take three quarters of the time of one after the other with all.
    notebooks = run(
        [
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "--nbval-sanitize-with",
            "tests/course/nbval_sanitize.cfg",
            "--nbval-cell-timeout=300",
            "-n2",
            "--dist=loadfile",
            "notebooks/",
        ],
        OMP_NUM_THREADS=str(max(1, (os.cpu_count() or 2) // 2)),
    )
    verdict = ["passed" if code == 0 else "FAILED" for code in (unit, notebooks)]
    seconds = time.monotonic() - start
    print(f"start.py: unit tests {verdict[0]}, notebooks {verdict[1]}, in {seconds:.0f} s altogether.", flush=True)
    return 1 if unit or notebooks else 0


def lab(arguments: list) -> int:
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if notebooks and not any(argument.endswith(".ipynb") for argument in arguments):
        arguments = arguments + ["notebooks/" + notebooks[0].name]
    settings = '--ServerApp.tornado_settings={"websocket_max_message_size": ' + str(LARGEST_UPLOAD) + "}"
    return run(["-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}", settings] + arguments)


def panel(arguments: list) -> int:
    # Voila's page asks for a style sheet from a network; the policy forbids it whatever lies outside this machine.
    policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: ws://127.0.0.1:* ws://localhost:*; "
    policy += "frame-ancestors 'self'"
    headers = '--Voila.tornado_settings={"headers": {"Content-Security-Policy": "' + policy + '"}, '
    headers += '"websocket_max_message_size": ' + str(LARGEST_UPLOAD) + "}"
    return run(
        [
            "-W",
            "ignore::DeprecationWarning",
            "-m",
            "voila",
            "notebooks/06_explorers.ipynb",
            "--Voila.ip=127.0.0.1",
            headers,
        ]
        + arguments
    )


def main(arguments: list) -> int:
    if sys.version_info < OLDEST:
        version = ".".join(str(number) for number in sys.version_info[:2])
        fail(
            f"Python {version} is too old: version 3.10 or newer is needed. Install one from python.org or with your "
            "package manager, then run, for example, python3.12 start.py demo."
        )
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    command, more = arguments[0], arguments[1:]
    if command not in ("demo", "test", "lab", "panel") + NSTLIB:
        known = ", ".join(("demo", "test", "lab", "panel") + NSTLIB)
        print(f"start.py: there is no command {command!r}; there are {known}.", file=sys.stderr)
        return 2
    prepare(command if command in ("test", "panel") else "")
    if command == "demo":
        return run(["-m", "nstlib", "demo"] + more)
    if command in NSTLIB:
        return run(["-m", "nstlib", command] + more, folder=os.getcwd())
    return {"test": test, "lab": lab, "panel": panel}[command](more)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nstart.py: stopped.", file=sys.stderr)
        sys.exit(130)

"""Run the notebooks of the course, store them with their pictures, and say which are out of date.

    python tools/run_notebooks.py [NOTEBOOK ...] [--timeout S]   run, normalise and store (default: all)
    python tools/run_notebooks.py [NOTEBOOK ...] --tidy          after editing prose: normalise, run nothing
    python tools/run_notebooks.py [NOTEBOOK ...] --check         change nothing; exit 1 and name what is stale; tell how
    long code cells are

**A run** is top to bottom in a fresh kernel of this very interpreter, in the notebook's folder, on the CPU with two
threads (or OMP_NUM_THREADS), without anybody's IPython start-up files. A notebook is stored whole or not at all: it is
refused, with the cell named, for an error, a time-out (``--timeout`` seconds for the whole notebook), text on stderr, a
progress bar, a figure without its picture or a path of this machine, and above 1 MB (all together: 10 MB). Refused, not
mended, because strict nbval would meet the same text again. A cell tagged ``stderr-ok`` may write to stderr; that text
is not stored, so the cell needs the tag ``nbval-ignore-output`` too.

**Normalised**: counts 1…n; cell ids (a random one, as editors give, becomes a hash of the cell's source; any other is
kept: so neither an edit nor a regenerated notebook changes more ids than it must); only ``tags`` in cell metadata; no
widget state; neighbouring prints merged; no versions. Doing it twice changes nothing.

**Stale**: the fingerprint in ``metadata.nstlib`` no longer fits the checkout. It is a short hash of each code cell and
of each file of the checkout that the run used: the loaded modules of ``nstlib``, and what Python opened in ``data/``,
such as weights and pictures, but not ``.json`` and ``.md``, which list things and change often. Line ends, trailing
blanks and prose do not count. Programs that a notebook starts (``!nstlib …``) are not followed.
``seconds`` is rounded up to 5 and kept while a new run stays close to it.

Written here and nowhere else: the table between ``<!-- notebooks -->`` and ``<!-- /notebooks -->`` in README.md and in
notebooks; in numbered notebooks the line of the first cell that begins ``Previous:``; the number in ``N s of
computing``.
"""

import argparse
import copy
import hashlib
import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
LIMIT, LIMIT_TOGETHER = 1_000_000, 10_000_000  # bytes
BEGIN, END = "<!-- notebooks -->", "<!-- /notebooks -->"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
RANDOM_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BAR = re.compile(r"\r(?!\n)|\d%\|")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(home|Users|root|tmp|var/folders)/|\b[A-Za-z]:\\+Users|site-packages")
# WATCH runs before the first cell, as an IPython start-up file that leaves no name behind; USED after the last cell.
WATCH = """
def _watch():
    import os, sys
    sys.nstlib_opened = opened = set()
    def hook(event, args):
        if event == "open" and isinstance(args[0], str):
            opened.add(os.path.abspath(args[0]))
    sys.addaudithook(hook)
_watch(); del _watch
"""
USED = """
import json, sys
modules = [m for name, m in list(sys.modules.items()) if name.split(".")[0] == "nstlib"]
print(json.dumps([[m.__file__ for m in modules if getattr(m, "__file__", None)], sorted(sys.nstlib_opened)]))
"""


class NotebookError(Exception):
    """A notebook that must not be stored, or is stale; the message says which cell or file, and why."""


def read(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not content.get("cells"):
        raise NotebookError("not a notebook of format 4, or an empty one")
    return nbformat.v4.to_notebook(content)


def write(path, text):
    """Write atomically: a reader sees the old file or the new one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)


def where(nb, index):
    """For example 'cell 12 of 40, code cell 7 (its first line)'."""
    code = sum(cell.cell_type == "code" for cell in nb.cells[: index + 1])
    first = (nb.cells[index].source.strip().splitlines() or [""])[0][:60]
    return f"cell {index + 1} of {len(nb.cells)}, code cell {code} ({first})"


def run(nb, folder, root, timeout):
    """Execute ``nb`` in place; give the seconds, and the files of the checkout that it used, relative to ``root``."""
    nb.cells.append(nbformat.v4.new_code_cell(USED))
    index, start = 0, time.monotonic()

    def on_cell_start(cell, cell_index):
        nonlocal index
        index = cell_index

    client = NotebookClient(
        nb,
        resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda cell: max(1, math.ceil(start + timeout - time.monotonic())),
        on_cell_start=on_cell_start,
        force_raise_errors=True,
        record_timing=False,
        store_widget_state=False,
    )
    # No kernel folders: python3 is then this interpreter, whatever a user has registered under that name.
    specs = KernelSpecManager(kernel_dirs=[])
    client.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    failure = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        startup = Path(profile, "profile_default", "startup")
        startup.mkdir(parents=True)
        (startup / "watch.py").write_text(WATCH, encoding="utf-8")
        env = (
            {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "10000"}
            | os.environ
            | {"IPYTHONDIR": profile, "CUDA_VISIBLE_DEVICES": "-1"}
        )
        env.pop("MPLBACKEND", None)  # ipykernel's own default shows figures inline
        try:
            client.execute(env=env)
        except CellExecutionError as error:
            # a bare assert says nothing
            at = re.search(r"^-+> *\d+ (.*)", re.sub(r"\x1b\[[\d;]*m", "", error.traceback), re.M)
            failure = f"{error.ename}: {(error.evalue.splitlines() or [at[1] if at else ''])[0]}"
        except CellTimeoutError:
            failure = f"the notebook ran past {timeout} s (--timeout)"
        except DeadKernelError:
            failure = "the kernel died (out of memory?)"
    seconds, report = time.monotonic() - start, nb.cells.pop()
    if failure:
        raise NotebookError(f"{where(nb, min(index, len(nb.cells) - 1))}: {failure}")
    modules, opened = json.loads(report.outputs[0].text)
    modules = {Path(file).resolve() for file in modules}
    data = {Path(file).resolve() for file in opened if Path(file).suffix not in (".json", ".md")}
    if foreign := [file for file in modules if not file.is_relative_to(root / "nstlib")]:
        raise NotebookError(f"it used {foreign[0]}, not the nstlib of this checkout: pip install -e {root}")
    used = modules | {file for file in data if file.is_relative_to(root / "data") and file.is_file()}
    return seconds, sorted(file.relative_to(root).as_posix() for file in used)


def texts(cell):
    """The source and every text output of a cell; pictures, also those inside HTML, left out."""
    yield cell.source
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        for mime, data in output.get("data", {}).items():
            if mime not in ("image/png", "image/jpeg"):
                yield re.sub(r"base64,[\w+/=\s]+", "", data if isinstance(data, str) else json.dumps(data))


def faults(nb, root=ROOT):
    """What must not be in a stored notebook, a sentence each."""
    found = []
    for index, cell in enumerate(nb.cells):
        problems = []
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                problems.append(f"error {output.ename}: {output.evalue[:100]}")
            elif output.get("name") == "stderr" and "stderr-ok" not in cell.metadata.get("tags", []):
                problems.append(f"wrote to stderr: {output.text.strip()[:300]}")
            elif BAR.search(output.get("text", "") + output.get("data", {}).get("text/plain", "")):
                problems.append("a progress bar in its output (pass progress=False)")
            elif re.match(r"<\w*Figure ", output.get("data", {}).get("text/plain", "")) and len(output.data) == 1:
                problems.append("shows a figure's name and not its picture")
        for text in texts(cell):
            if path := MACHINE_PATH.search(text.replace(str(root), "/tmp/")):
                named = text[path.start() : path.end() + 40].splitlines()[0]
                problems.append(f"names a path of this machine ({named})")
        found += [f"{where(nb, index)}: {problem}" for problem in problems]
    return found


def normalise(nb):
    """A copy of ``nb`` without anything that differs between two equal runs."""
    nb, ids, count = copy.deepcopy(nb), set(), 0
    ours = {"nstlib": nb.metadata["nstlib"]} if "nstlib" in nb.metadata else {}
    nb.metadata = nbformat.from_dict(METADATA | ours)
    nb.nbformat_minor = 5
    for cell in nb.cells:
        cell.source = cell.source.replace("\r\n", "\n")
        cell.id = stable_id(cell, ids)
        ids.add(cell.id)
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = tidy_outputs(cell.outputs, count)
    nbformat.validate(nb)
    return nb


def stable_id(cell, taken):
    old = cell.get("id", "")
    if old and old not in taken and not RANDOM_ID.fullmatch(old):
        return old
    base, number = f"c-{digest(cell.cell_type + cell.source)[:8]}", 1
    while (new := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return new


def tidy_outputs(outputs, count):
    kept = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if "data" in output:
            output.data.pop("application/vnd.jupyter.widget-view+json", None)  # a random id
            if not output.data:
                continue
        if "execution_count" in output:
            output.execution_count = count
        if kept and output.output_type == kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def digest(content):
    """SHA-256 of bytes, or of text (line ends and trailing blanks do not count)."""
    if isinstance(content, str):
        content = "\n".join(line.rstrip() for line in content.splitlines()).strip("\n").encode()
    return hashlib.sha256(content).hexdigest()


def fingerprint(nb, files, root):
    """What ``metadata.nstlib`` has to say about this code and these files."""
    sources = {}
    for name in sorted(files):
        content = (root / name).read_bytes() if (root / name).is_file() else b"missing"
        sources[name] = digest(content.decode() if name.endswith(".py") else content)[:12]
    return {
        "cells": " ".join(digest(cell.source)[:8] for cell in nb.cells if cell.cell_type == "code"),
        "sources": sources,
    }


def stale(nb, root=ROOT):
    """Why the stored outputs no longer fit the checkout: a list of reasons, empty if they do."""
    stored = nb.metadata.get("nstlib", {})
    if not {"cells", "sources"} <= set(stored):
        return ["it was never run by tools/run_notebooks.py"]
    now = fingerprint(nb, stored["sources"], root)
    old, new = stored["cells"].split(), now["cells"].split()
    if len(old) != len(new):
        reasons = [f"it has {len(new)} code cells, {len(old)} were run"]
    else:
        edited = [str(n) for n, (before, after) in enumerate(zip(old, new, strict=True), 1) if before != after]
        reasons = [f"edited since it was run: code cell {', '.join(edited)}"] if edited else []
    changed = [name for name, short in now["sources"].items() if short != stored["sources"][name]]
    return reasons + [f"{name} {'changed since' if (root / name).is_file() else 'is gone'}" for name in changed]


def lengths(paths):
    """How long the code cells of these notebooks are, in a sentence; empty lines do not count."""
    lines = sorted(
        sum(bool(line.strip()) for line in cell.source.splitlines())
        for path in paths
        for cell in read(path).cells
        if cell.cell_type == "code"
    )
    return f"{len(lines)} code cells: median {statistics.median(lines):g} lines, 90th percentile {lines[int(0.9 * len(lines))]}, longest {lines[-1]}"


def rounded(seconds, before=0):
    """Up to the next 5 s; but the number stored before if that is within 5 s or a tenth."""
    now = 5 * math.ceil(seconds / 5)
    return before if before and abs(now - before) <= max(5, before / 10) else now


def heading(nb):
    return nb.cells[0].source.lstrip("# ").partition("\n")[0]


def table(root, folder="notebooks/"):
    """The table of notebooks: link, first plain paragraph of the title cell, time."""
    rows = ["| Notebook | What it holds | CPU time |", "|---|---|---|"]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        nb = read(path)
        rest = nb.cells[0].source.partition("\n")[2]
        plain = [" ".join(block.split()) for block in rest.split("\n\n") if block.strip()[:1] not in ("", *"#[!<>|")]
        sentence = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", plain[0] if plain else "").replace("|", r"\|")
        seconds = nb.metadata.get("nstlib", {}).get("seconds")
        rows.append(f"| [{heading(nb)}]({folder}{path.name}) | {sentence} | {f'{seconds} s' if seconds else '–'} |")
    return "\n".join(rows)


def with_table(text, root, folder="notebooks/"):
    """The text with its table of notebooks renewed; unchanged where it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{table(root, folder)}\n{end}{after}" if end else text


def furnish(root, check):
    """Renew navigation, times and tables in the prose of all notebooks; give the names of those that had others."""
    paths, changed = sorted((root / "notebooks").glob("*.ipynb")), []
    links = {path: f"[{heading(read(path))}]({path.name})" for path in paths if path.name[:2].isdigit()}
    order = list(links)
    for path in paths:
        nb = read(path)
        if path in order:
            at = order.index(path)
            before, after = links[order[at - 1]] if at else "–", links[order[at + 1]] if at + 1 < len(order) else "–"
            contents = "Contents" if at == 0 else f"[Contents]({order[0].name})"
            line = f"Previous: {before} · {contents} · Next: {after}"
            nb.cells[0].source = re.sub(r"(?m)^Previous: .*$", lambda _, line=line: line, nb.cells[0].source)
        seconds = nb.metadata.get("nstlib", {}).get("seconds")
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                cell.source = with_table(cell.source, root, "")
                if seconds:
                    cell.source = re.sub(r"\d+ s of computing", f"{seconds} s of computing", cell.source)
        text = nbformat.v4.writes(normalise(nb)) + "\n"
        if text != path.read_text(encoding="utf-8"):
            changed.append(path.name)
            if not check:
                write(path, text)
    return changed


def process(path, root, timeout):
    """Run (not if ``timeout`` is None), normalise and store one notebook; give a line to print."""
    nb, report = read(path), "tidied"
    before = nb.metadata.get("nstlib", {}).get("seconds", 0)
    if timeout is not None:
        seconds, files = run(nb, path.resolve().parent, root, timeout)
        report = f"ran {seconds:.0f} s, used {len(files)} files of the checkout"
        nb.metadata["nstlib"] = fingerprint(nb, files, root) | {"seconds": rounded(seconds, before)}
    if found := faults(nb, root):
        raise NotebookError("\n    ".join(["not stored", *found]))
    text = nbformat.v4.writes(normalise(nb)) + "\n"
    size = len(text.encode())
    others = [p for p in (root / "notebooks").glob("*.ipynb") if p.resolve() != path.resolve()]
    if size > LIMIT:
        raise NotebookError(f"{size:,} bytes, above {LIMIT:,}: use JPEG for photographs, fewer or smaller pictures")
    if (together := size + sum(p.stat().st_size for p in others)) > LIMIT_TOGETHER:
        raise NotebookError(f"all notebooks would have {together:,} bytes, above {LIMIT_TOGETHER:,}")
    write(path, text)
    return f"{report}, {size / 1000:.0f} kB"


def main(argv=None, root=ROOT):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: notebooks/*.ipynb")
    parser.add_argument("--timeout", type=int, default=600, metavar="S", help="seconds for one notebook (600)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="change nothing; exit 1 and name what is stale")
    mode.add_argument("--tidy", action="store_true", help="normalise and renew the README's table; run nothing")
    args, root, failed = parser.parse_args(argv), Path(root).resolve(), False
    paths = args.notebooks or sorted((root / "notebooks").glob("*.ipynb"))
    if not paths:
        print(f"no notebooks in {root / 'notebooks'}", file=sys.stderr)
        return 1
    for path in paths:
        try:
            if not args.check:
                print(f"{path.name}: {process(path, root, None if args.tidy else args.timeout)}", flush=True)
            elif reasons := stale(read(path), root):
                raise NotebookError(f"{'; '.join(reasons)}. Run: python tools/run_notebooks.py notebooks/{path.name}")
        except (NotebookError, OSError, ValueError, nbformat.ValidationError) as error:
            print(f"{path.name}: {error}", file=sys.stderr, flush=True)
            failed = True
    if not failed and (changed := furnish(root, args.check)) and args.check:
        print(
            f"{', '.join(changed)}: navigation, times or tables are stale. Run: python tools/run_notebooks.py --tidy",
            file=sys.stderr,
        )
        return 1
    if args.check:
        print(lengths(paths))
    readme = root / "README.md"
    old = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    new = old if failed else with_table(old, root)
    if new != old and args.check:
        print("README.md: its table is stale. Run: python tools/run_notebooks.py --tidy", file=sys.stderr)
        return 1
    if new != old:
        write(readme, new)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())

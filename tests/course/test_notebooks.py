"""The guard over the stored notebooks of the course, which runs none of them; and tests of the tool that stores them.

Strict nbval runs the course itself, as a step of its own. It does not compare a cell without an execution count, nor
any picture, so a notebook could pass it stripped or out of date: that is what the guard is for.
"""

import copy
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
COURSE = sorted((ROOT / "notebooks").glob("*.ipynb"))

spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "tools" / "run_notebooks.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def same_ends(path):
    """Text of a file as on Linux, whatever git made of its line ends."""
    return path.read_text(encoding="utf-8").replace("\r\n", "\n")


def links(nb, *, code=re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", re.S)):
    """Relative links and pictures of the markdown cells; code and equations may hold brackets that are none."""
    pattern = r"\]\(\s*<?([^)\s>]+)|<(?:img|a)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)|^\[[^\]]+\]:\s*(\S+)"
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            for groups in re.findall(pattern, code.sub("", cell.source), re.M):
                target = "".join(groups)
                if not re.match(r"[a-z]+:|#|//", target):
                    yield unquote(target.split("#")[0].split("?")[0])


# The guard: each stored notebook of the course


@pytest.fixture(params=COURSE or [None], ids=lambda path: path.stem if path else "none")
def stored(request):
    if request.param is None:
        pytest.fail("notebooks/ holds no notebook: the course is missing")
    return request.param


def test_outputs_are_fresh(stored):
    reasons = tool.stale(tool.read(stored), ROOT)
    assert not reasons, f"{'; '.join(reasons)}. Run: python tools/run_notebooks.py notebooks/{stored.name}"


def test_stored_whole(stored):
    cells = code_cells(tool.read(stored))
    assert cells
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output.evalue for output in outputs if output.output_type == "error"]
    pictures = [mime for output in outputs for mime in output.get("data", {}) if mime in ("image/png", "image/jpeg")]
    assert pictures, "no stored picture"


def test_normalised(stored):
    nb = tool.read(stored)
    assert not tool.faults(nb, ROOT)
    assert all(set(cell.metadata) <= {"tags"} for cell in nb.cells)
    normal = nbformat.v4.writes(tool.normalise(nb)) + "\n"
    assert normal == same_ends(stored), "not as the tool writes it; run: python tools/run_notebooks.py --tidy"


def test_size_and_time(stored):
    assert stored.stat().st_size <= tool.LIMIT
    assert sum(path.stat().st_size for path in COURSE) <= tool.LIMIT_TOGETHER
    assert tool.read(stored).metadata["nstlib"]["seconds"] <= 90


def test_code_cells_are_short(stored):
    assert max(len(cell.source.strip().splitlines()) for cell in code_cells(tool.read(stored))) <= 25


def test_code_cells_of_the_course_are_short_on_the_whole():
    median, tenth, longest = (
        float(number) for number in re.findall(r"(?:median|percentile|longest) (\d+\.?\d*)", tool.lengths(COURSE))
    )
    assert median <= 4 and tenth <= 12 and longest <= 25


def test_links_resolve(stored):
    broken = [link for link in links(tool.read(stored)) if not (stored.parent / link).exists()]
    assert not broken


def test_network_is_in_the_fingerprint(stored):
    """The weights' hash is taken in Python, which the tool sees; if that changes, retraining would go unnoticed."""
    nb = tool.read(stored)
    if any("load_network(" in cell.source for cell in code_cells(nb)):
        assert any(name.endswith(".safetensors") for name in nb.metadata["nstlib"]["sources"])


def test_readme_table_is_current():
    readme = ROOT / "README.md"
    assert tool.BEGIN in same_ends(readme) and tool.END in same_ends(readme)
    assert same_ends(readme) == tool.with_table(same_ends(readme), ROOT), "python tools/run_notebooks.py --tidy"


def test_navigation_times_and_tables_are_current():
    assert tool.furnish(ROOT, check=True) == [], "python tools/run_notebooks.py --tidy"


# The tool, on tiny notebooks beside a stand-in for nstlib

PACKAGE = {
    "nstlib/__init__.py": "from . import losses\n",
    "nstlib/losses.py": "def square(x):\n    return x * x\n",
    "nstlib/networks.py": "from pathlib import Path\n"
    "WEIGHTS = (Path(__file__).parents[1] / 'data' / 'mini.safetensors').read_bytes()\n",
    "nstlib/unused.py": "never = 'imported'\n",
    "data/mini.safetensors": "weights",
    "data/registry.json": "{}",
    "README.md": f"# Stand-in\n\n{tool.BEGIN}\n{tool.END}\n\nThe end.\n",
}
TITLE = "# 01 · Tiny\n\nOne [plain](nowhere.md) sentence.\n\n[next](02.ipynb)"
CODE = (
    "from nstlib import networks, losses\nimport sys",
    "print('one')\nsys.stdout.flush()\nprint('two')",
    "open('../data/registry.json').read()\nlosses.square(3)",
    "import ipywidgets\nipywidgets.IntSlider(value=3)",
    "[name for name in dir() if 'watch' in name]",
)


def notebook(*sources, title=TITLE):
    return new_notebook(cells=[new_markdown_cell(title), *map(new_code_cell, sources)])


def put(path, nb):
    path.write_text(nbformat.v4.writes(nb) + "\n", encoding="utf-8")
    return path.read_bytes()


def project(root):
    for name, text in PACKAGE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "notebooks").mkdir()
    return root


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A project whose one notebook was run by the tool; read only."""
    root = project(tmp_path_factory.mktemp("ran"))
    nb = notebook(*CODE)
    nb.cells[1].metadata = {"tags": ["parameters"], "collapsed": True, "execution": {"iopub.execute_input": "now"}}
    nb.metadata = {"kernelspec": {"name": "elsewhere", "display_name": "E"}, "widgets": {"state": {}}, "colab": {}}
    put(root / "notebooks" / "01_tiny.ipynb", nb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))
        assert tool.main([], root) == 0
    return root


@pytest.fixture
def tiny(ran, tmp_path, monkeypatch):
    """A copy of that project, to be changed."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def check(root, capsys, *more):
    code = tool.main(["--check", *more], root)
    return code, capsys.readouterr().err


def test_run_normalises(ran):
    nb = tool.read(ran / "notebooks" / "01_tiny.ipynb")
    nbformat.validate(nb)
    assert set(nb.metadata) == {"kernelspec", "language_info", "nstlib"}
    assert nb.metadata.kernelspec.name == "python3" and "version" not in nb.metadata.language_info
    assert [cell.execution_count for cell in code_cells(nb)] == [1, 2, 3, 4, 5]
    assert [dict(cell.metadata) for cell in nb.cells] == [{}, {"tags": ["parameters"]}, {}, {}, {}, {}]
    outputs = [cell.outputs for cell in code_cells(nb)]
    assert [output.text for output in outputs[1]] == ["one\ntwo\n"]
    assert outputs[2][0].data["text/plain"] == "9" and outputs[2][0].execution_count == 3
    assert list(outputs[3][0].data) == ["text/plain"], "the widget's view holds a random id"
    assert outputs[4][0].data["text/plain"] == "[]", "the tool leaves no name behind"


def test_run_records_what_it_used(ran):
    stored = tool.read(ran / "notebooks" / "01_tiny.ipynb").metadata["nstlib"]
    used = ["data/mini.safetensors", "nstlib/__init__.py", "nstlib/losses.py", "nstlib/networks.py"]
    assert sorted(stored["sources"]) == used
    assert stored["seconds"] % 5 == 0 and 5 <= stored["seconds"] <= 30


def test_navigation_and_times(tiny):
    first, second = (tiny / "notebooks" / name for name in ("01_tiny.ipynb", "02_tiny.ipynb"))
    nb = tool.read(first)
    seconds = nb.metadata["nstlib"]["seconds"]
    nb.cells[0].source = "# 01 · Tiny\n\nOne sentence.\n\nPrevious: nobody knows\n\n999 s of computing"
    nbformat.write(nb, first)
    nb.cells[0].source = f"# 02 · Other\n\nAnother sentence.\n\nPrevious: ?\n\n{tool.BEGIN}\n{tool.END}"
    nbformat.write(nb, second)
    assert tool.furnish(tiny, check=True) == [first.name, second.name]
    assert "nobody knows" in tool.read(first).cells[0].source, "checking changes nothing"
    assert tool.furnish(tiny, check=False) == [first.name, second.name]
    assert tool.furnish(tiny, check=True) == []
    title, other = (tool.read(path).cells[0].source for path in (first, second))
    assert (
        "Previous: – · Contents · Next: [02 · Other](02_tiny.ipynb)" in title and f"\n{seconds} s of computing" in title
    )
    assert "Previous: [01 · Tiny](01_tiny.ipynb) · [Contents](01_tiny.ipynb) · Next: –" in other
    assert f"| [01 · Tiny](01_tiny.ipynb) | One sentence. | {seconds} s |" in other


def test_readme_table(ran):
    seconds = tool.read(ran / "notebooks" / "01_tiny.ipynb").metadata["nstlib"]["seconds"]
    text = (ran / "README.md").read_text(encoding="utf-8")
    assert f"| [01 · Tiny](notebooks/01_tiny.ipynb) | One plain sentence. | {seconds} s |" in text
    assert text.startswith("# Stand-in\n\n<!-- notebooks -->\n|") and text.endswith("<!-- /notebooks -->\n\nThe end.\n")
    assert tool.with_table("no markers", ran) == "no markers"


def test_running_twice_gives_the_same_bytes(tiny):
    path = tiny / "notebooks" / "01_tiny.ipynb"
    before = path.read_bytes()
    assert tool.main([str(path)], tiny) == 0
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["01_tiny.ipynb"]


def test_strict_nbval_accepts_what_is_stored(tiny):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--rootdir", ".", "-p", "no:cacheprovider", "notebooks"]
    done = subprocess.run(command, cwd=tiny, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "5 passed" in done.stdout, done.stdout


def test_fresh_passes_and_prose_is_free(tiny, capsys):
    assert check(tiny, capsys) == (0, "")
    path = tiny / "notebooks" / "01_tiny.ipynb"
    nb = tool.read(path)
    nb.cells[0].source = "# 01 · Tiny\n\nBetter prose."
    path.write_bytes(put(path, nb).replace(b"\n", b"\r\n"))
    (tiny / "nstlib" / "losses.py").write_bytes(PACKAGE["nstlib/losses.py"].replace("\n", "  \r\n").encode())
    (tiny / "nstlib" / "unused.py").write_text("changed = True\n")
    (tiny / "data" / "registry.json").write_text("[]")
    assert tool.stale(tool.read(path), tiny) == []
    code, message = check(tiny, capsys)
    assert code == 1 and "README.md: its table is stale" in message
    assert tool.main(["--tidy"], tiny) == 0
    assert check(tiny, capsys) == (0, "")
    assert "Better prose." in (tiny / "README.md").read_text() and b"\r" not in path.read_bytes()


def test_edited_code_is_stale(tiny, capsys):
    path = tiny / "notebooks" / "01_tiny.ipynb"
    nb = tool.read(path)
    nb.cells[2].source = "print('three')"
    put(path, nb)
    code, message = check(tiny, capsys)
    assert code == 1 and "01_tiny.ipynb: edited since it was run: code cell 2. Run: python tools" in message
    nb.cells.append(new_code_cell("4"))
    put(path, nb)
    assert "it has 6 code cells, 5 were run" in check(tiny, capsys, str(path))[1]
    assert tool.main(["--tidy"], tiny) == 0, "tidying makes nothing fresh"
    assert check(tiny, capsys)[0] == 1


def test_changed_files_are_stale(tiny, capsys):
    (tiny / "nstlib" / "losses.py").write_text("def square(x):\n    return x**2\n")
    (tiny / "data" / "mini.safetensors").unlink()
    code, message = check(tiny, capsys)
    assert code == 1 and "nstlib/losses.py changed since" in message and "data/mini.safetensors is gone" in message
    nb = tool.read(tiny / "notebooks" / "01_tiny.ipynb")
    del nb.metadata["nstlib"]
    assert tool.stale(nb, tiny) == ["it was never run by tools/run_notebooks.py"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n1 / 0", "cell 3 of 4, code cell 2 (x = 1): ZeroDivisionError: division by zero"),
        ("x = 1\nassert x == 2", "code cell 2 (x = 1): AssertionError: assert x == 2"),
        ("import warnings\nwarnings.warn('old')", "code cell 2 (import warnings): wrote to stderr: "),
        ("while True:\n    pass", "code cell 2 (while True:): the notebook ran past 3 s (--timeout)"),
        ("import os\nos._exit(1)", "code cell 2 (import os): the kernel died"),
        ("print('x' * 1_000_001)", "bytes, above 1,000,000: use JPEG"),
    ],
    ids=["error", "assertion", "stderr", "timeout", "death", "size"],
)
def test_failure_leaves_everything_untouched(tmp_path, capsys, source, message):
    root = project(tmp_path)
    path = root / "notebooks" / "01_bad.ipynb"
    before = put(path, notebook("'fine'", source, "'after'"))
    assert tool.main(["--timeout", "3" if "while" in source else "60"], root) == 1
    error = capsys.readouterr().err
    assert error.startswith("01_bad.ipynb: ") and message in error and "Traceback" not in error
    assert path.read_bytes() == before
    assert (root / "README.md").read_text(encoding="utf-8") == PACKAGE["README.md"]


def test_another_nstlib_is_refused(tmp_path, capsys, monkeypatch):
    root = project(tmp_path / "checkout")
    monkeypatch.setenv("PYTHONPATH", str(project(tmp_path / "elsewhere")))
    put(root / "notebooks" / "01.ipynb", notebook("import nstlib"))
    assert tool.main([], root) == 1
    assert "not the nstlib of this checkout: pip install -e" in capsys.readouterr().err


def test_bad_files_and_none(tmp_path, capsys):
    assert tool.main([], tmp_path) == 1
    bad = tmp_path / "bad.ipynb"
    bad.write_text("{}")
    assert tool.main([str(bad), str(tmp_path / "missing.ipynb")], tmp_path) == 1
    assert re.search("no notebooks in .*bad.ipynb: not a notebook.*missing.ipynb: ", capsys.readouterr().err, re.S)


def test_all_together_have_a_limit(tiny, capsys, monkeypatch):
    monkeypatch.setattr(tool, "LIMIT_TOGETHER", 100)
    assert tool.main(["--tidy"], tiny) == 1
    assert "all notebooks would have" in capsys.readouterr().err


def with_output(output, **metadata):
    nb = notebook("'x'")
    nb.cells[1].outputs, nb.cells[1].metadata = [output], nbformat.from_dict(metadata)
    return nb


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def data(mime, text):
    return new_output("display_data", data={mime: text})


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (stream("step 1\rstep 2"), "progress bar"),
        (data("text/plain", " 30%|███       | 3/10"), "progress bar"),
        (data("text/plain", "<Figure size 640x480 with 1 Axes>"), "a figure's name and not its picture"),
        (stream("saved to /home/ada/out.png"), "path of this machine (/home/ada/out.png)"),
        (stream(r"C:\Users\ada\out.png"), "path of this machine"),
        (data("text/html", "<code>/tmp/x.png</code>"), "path of this machine"),
        (stream("oh", name="stderr"), "wrote to stderr: oh"),
        (new_output("error", ename="KeyError", evalue="'x'", traceback=[]), "error KeyError: 'x'"),
        (data("image/png", "abc/tmp/+/home/"), None),
        (data("text/html", '<img src="data:image/png;base64,/tmp/abc+/home/x">'), None),
        (stream("30 % of outputs/demo.png, see https://example.org/home/\r\n"), None),
    ],
)
def test_faults(output, fault):
    found = tool.faults(with_output(output))
    assert len(found) == bool(fault)
    assert not fault or (fault in found[0] and found[0].startswith("cell 2 of 2, code cell 1 ('x'): "))


def test_stderr_that_is_allowed_is_dropped():
    nb = with_output(stream("oh", name="stderr"), tags=["stderr-ok", "nbval-ignore-output"])
    assert tool.faults(nb) == [] and tool.normalise(nb).cells[1].outputs == []
    nb.cells[1].outputs.insert(0, stream(f"in {ROOT}/data"))
    assert "path of this machine" in tool.faults(nb, ROOT)[0]


def test_normalise_is_idempotent_and_ids_are_stable():
    nb = notebook("1", "1", "2\r\n3")
    nb.cells[3].id = "by-hand"
    nb.cells[1].outputs = [stream("a"), stream("b\n"), data("text/plain", "x"), stream("c")]
    nb.cells[2].outputs = [data("application/vnd.jupyter.widget-view+json", {"model_id": "random"})]
    before = copy.deepcopy(nb)
    once = tool.normalise(nb)
    assert nb == before, "works on a copy"
    assert json.dumps(tool.normalise(once)) == json.dumps(once)
    assert [out.get("text") for out in once.cells[1].outputs] == ["ab\n", None, "c"] and once.cells[2].outputs == []
    ids = [cell.id for cell in once.cells]
    assert ids[3] == "by-hand" and len(set(ids)) == 4 and ids[2] == f"{ids[1]}-2"
    assert [cell.id for cell in tool.normalise(notebook("1", "1", "new")).cells][:3] == ids[:3], "made anew: the same"
    once.cells[1].source = "edited"
    assert [cell.id for cell in tool.normalise(once).cells] == ids, "edited: the same"


@pytest.mark.parametrize(
    ("seconds", "before", "stored"), [(0.3, 0, 5), (12, 0, 15), (12, 20, 20), (9, 20, 10), (75, 82, 82), (60, 82, 60)]
)
def test_seconds_are_steady(seconds, before, stored):
    assert tool.rounded(seconds, before) == stored


def test_links_are_found():
    text = "[a](b.ipynb#x) ![c](d%20e.png) `[no](code)` $[n](o)$ [w](https://x.y) [h](#top) <img alt='' src=\"f.png\">"
    assert list(links(notebook(title=text))) == ["b.ipynb", "d e.png", "f.png"]

"""A real JupyterLab, and Voilà, on loopback, and a real browser. Where Chromium or Playwright is missing, the tests
here are skipped.
"""

import re
import shutil
import time
from contextlib import contextmanager

import nbformat
import pytest

from browser.ui_servers import KERNEL, free_port, serve, stop

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
TOKEN = "for-this-test-alone"


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
    )
    if not CHROMIUM:
        pytest.skip("no Chromium on the path (Debian and Ubuntu: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """(address, folder) of a JupyterLab."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    (folder / "work").mkdir()
    address = f"http://127.0.0.1:{port}"
    process = serve(
        [
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--allow-root",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={folder / 'work'}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        folder,
        f"{address}/api?token={TOKEN}",
    )
    yield address, folder / "work"
    stop(process)


class Outside(list):
    """Addresses beyond this machine that a page asked for; they are refused."""

    def __call__(self, route):
        if re.match(r"(http|ws)s?://127\.0\.0\.1[:/]|data:|blob:", route.request.url):
            route.continue_()
        else:
            self.append(route.request.url)
            route.abort()


@contextmanager
def new_page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 2400})
    found = context.new_page()
    found.outside = Outside()
    found.route("**/*", found.outside)
    yield found
    context.close()


@pytest.fixture
def page(browser):
    with new_page(browser) as found:
        yield found


@pytest.fixture
def notebook(lab, page):
    """`notebook(*cells)` opens a notebook of these cells in JupyterLab, runs it and gives the page."""
    with notebooks(lab, page) as run:
        yield run


@contextmanager
def notebooks(lab, page):
    address, folder = lab
    names = []

    def run(*cells):
        names.append(f"test{len(names)}_{time.monotonic_ns()}.ipynb")
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        nb.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nb, folder / names[-1])
        page.goto(f"{address}/lab/tree/{names[-1]}?reset&token={TOKEN}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.evaluate(f"async () => {{ {KERNEL} await s.session.kernel.info; }}")
        page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        return page

    yield run
    if names:
        page.evaluate(f"async () => {{ {KERNEL} if (s.session) await s.shutdown(); }}")


@pytest.fixture
def python(page):
    """`python(expression)`: its value in the open notebook's kernel, as text."""

    def ask(expression):
        return page.evaluate(
            f"""async expression => {{ {KERNEL}
            const future = s.session.kernel.requestExecute({{code: '', user_expressions: {{it: expression}}, store_history: false}});
            const reply = (await future.done).content.user_expressions.it;
            return reply.data ? reply.data['text/plain'] : reply.ename + ': ' + reply.evalue; }}""",
            expression,
        )

    return ask

"""The explorers on screens of all widths, and for readers who use a keyboard or a screen reader."""

import pytest

from browser.conftest import new_page, notebooks
from browser.fitting import CUT_RINGS, FAULTS, names
from browser.test_explorers import ANSWER, START, noise, upload
from nstlib.objectives import CONTENT_WEIGHT

SCREENS = [(1920, 1080), (1366, 768), (1100, 768), (390, 844)]
ALL = (
    START
    + """from IPython.display import display
maps = explore_activations("riverside_town", size=96)
gram = explore_gram({"riverside_town": "riverside_town", "a photograph of a long name": "night_swirls"}, size=96)
live = live_style_transfer("riverside_town", "night_swirls", size=96, steps=10)
for _ in range(2):
    live.start()
    live.wait()
live.gallery.compare()
display(maps, gram, live, compare(["riverside_town", "night_swirls"]))
"""
)
READY = "() => document.querySelectorAll('.nst-stage').length === 2 && document.querySelectorAll('.nst-explorer').length === 5"


@pytest.fixture(scope="module")
def page(browser, lab):
    """JupyterLab with all of them in one cell. The tests of this module share it, in the order in which they stand."""
    with new_page(browser) as found, notebooks(lab, found) as run:
        run(ALL)
        found.wait_for_function(READY, timeout=120_000)
        yield found


@pytest.fixture(autouse=True)
def desk(page):
    page.set_viewport_size({"width": 1366, "height": 768})


def be_a_phone(page):
    """What fits on a phone: one document, and no file browser."""
    page.evaluate("""async () => {
        for (const command of ['application:toggle-mode', 'application:toggle-left-area'])
            await jupyterapp.commands.execute(command); }""")


def texts(page, attribute):
    """An attribute of each slider of ipywidgets."""
    return page.eval_on_selector_all(".noUi-handle", f"all => all.map(handle => handle.getAttribute('{attribute}'))")


def test_names_for_screen_readers(page):
    assert page.locator(".nst-explorer [title=null]:visible").count() == 0
    sliders = ["layer", "map over picture", "layer", "content α", "size, px", "steps"]
    assert texts(page, "aria-label") == sliders
    assert names(page, "slider") == sliders + 3 * ["divider", "zoom"]  # the comparison in the panel is found twice
    values = texts(page, "aria-valuetext")
    assert float(values.pop(3)) == CONTENT_WEIGHT and values == ["relu2_1", "90%", "relu3_1", "96", "10"]
    uploads = [name for name in names(page, "button") if name.startswith("Own")]
    assert uploads == ["Own picture", "Own picture", "Own photo", "Own painting"]
    for role in ("button", "combobox", "listbox", "spinbutton", "checkbox", "textbox", "application", "group", "image"):
        assert names(page, role) and all(names(page, role)), role
    assert names(page, "group") == ["content", "style"]


def test_pictures_say_what_they_show(page):
    shown = names(page, "image")
    assert any("64 maps of relu2_1" in name for name in shown)
    assert any("Gram matrix of riverside_town in relu3_1" in name for name in shown)
    assert any("riverside_town in the style of night_swirls, after 10 steps" in name for name in shown)
    assert page.locator(".nst-explorer img:not([alt]):visible").count() == 0
    alt = "() => document.querySelector('.nst-big').alt"
    before = page.evaluate(alt)
    page.locator(".nst-layer .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"before => ({alt})() !== before && ({alt})().includes('conv2_2')", arg=before)
    assert texts(page, "aria-valuetext")[0] == "conv2_2"


def test_a_new_entry_is_read_out(page):
    """The element is there before the words come: only then do screen readers read them."""
    element = page.wait_for_selector(".nst-unseen [role=status]", state="attached")
    before = element.inner_text()
    page.locator(".nst-over").nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("([element, before]) => element.innerText !== before", arg=[element, before])
    i, j = page.input_value(".nst-i input"), page.input_value(".nst-j input")
    numbers = [page.inner_text(f".nst-sum-{k} .nst-entry") for k in range(2)]
    said = (
        f"Entry of filters {i} and {j}: {numbers[0]} in riverside_town and {numbers[1]} in a photograph of a long name."
    )
    assert element.text_content() == said and element.evaluate("found => found.isConnected")
    assert page.locator("[role=status] [role=status]").count() == 0, "one live region inside another is read twice"
    assert page.locator(".nst-message > [role=status]").count() == 3


def test_focus_rings_are_whole(page):
    rings, cut = page.evaluate(CUT_RINGS)
    assert rings > 20 and cut == []


@pytest.mark.parametrize(
    "pad, watched", [(0, "img.nst-big"), (1, ".nst-pad:has(.nst-clicked) img")], ids=["activations", "gram"]
)
def test_time_of_an_answer_to_a_click(page, record_property, pad, watched):
    """Measured, not asserted: 0.3 s is wanted on an idle machine, and nobody knows how busy this one is."""
    times = []
    page.eval_on_selector_all(".nst-over", f"all => all[{pad}].classList.add('nst-clicked')")
    page.locator(".nst-clicked").click(position={"x": 5, "y": 5})
    page.wait_for_timeout(1000)
    for k in range(9):
        where = f"const r = pad.getBoundingClientRect(); pad.dispatchEvent(new MouseEvent('click', {{bubbles: true, clientX: r.left + r.width * (0.05 + 0.11 * {k}), clientY: r.top + r.height * {0.6 if k % 2 else 0.2}}}))"
        times.append(page.evaluate(ANSWER, [".nst-clicked", where, watched]))
    page.eval_on_selector(".nst-clicked", "found => found.classList.remove('nst-clicked')")
    times.sort()
    record_property("answer to a click, ms", round(times[4]))
    print(f"\nanswer to a click, {watched}: median {times[4]:.0f} ms, worst {times[-1]:.0f} ms")
    assert times[-1] < 15_000, "each click was answered"


def test_explorers_fit_into_every_screen(page):
    widths = []
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert page.is_visible(".jp-FileBrowser")
        if width < 500:
            be_a_phone(page)
        page.wait_for_timeout(500)
        assert page.evaluate(FAULTS) == [], f"{width} × {height}"
        assert page.evaluate(CUT_RINGS)[1] == [], f"{width} × {height}"
        widths.append(page.eval_on_selector(".nst-explorer", "found => found.clientWidth"))
    assert widths[0] == 948 and 850 < widths[1] < 940 and 600 < widths[2] < 700 and widths[3] < 345, widths


def test_explorers_fit_into_every_width(page):
    """As a window is made smaller, with the pads in one column and in two, down to what Voilà leaves of a phone."""
    page.set_viewport_size({"width": 1400, "height": 768})
    for width in range(345, 950, 25):
        page.eval_on_selector_all(
            ".jp-OutputArea-output", f"all => all.forEach(found => {{ found.style.maxWidth = '{width}px'; }})"
        )
        page.wait_for_timeout(50)
        assert page.eval_on_selector(".nst-explorer", "found => found.offsetWidth") == width
        assert page.evaluate(FAULTS) == [], f"{width} pixels"


def test_a_large_upload(page):
    """While it is read, it says so; and where the server ended the connection, that too. The last test: afterwards, the
    button is of no use.
    """
    page.evaluate("""() => { window.seen = [];
        const line = document.querySelector('.nst-message'), button = document.querySelector('.nst-upload');
        new MutationObserver(() => seen.push(line.innerText, button.innerText))
            .observe(line.closest('.nst-explorer'), {subtree: true, childList: true, characterData: true}); }""")
    upload(page, ".nst-upload >> nth=0", "fits.png", noise(1500))  # 7 MB
    page.wait_for_function("() => seen.some(text => text.includes('1500 × 1500'))", timeout=60_000)
    seen = page.evaluate("() => seen.map(text => text.trim())")
    order = [
        seen.index(text) for text in ("Own picture: reading…", "fits.png: reading…", "fits.png: 1500 × 1500 pixels.")
    ]
    assert order == sorted(order) and seen[-1] == "Own picture"
    upload(page, ".nst-upload >> nth=0", "lost.png", noise(2000))  # 12 MB: above what a server takes unless it is told
    page.wait_for_selector(".nst-message .nst-wrong", timeout=60_000)
    said = page.inner_text(".nst-message >> nth=0")
    assert "did not arrive" in said and "10 MB" in said

"""The numbers of the live panel as a browser has them: what it shows, what it sends back, and JupyterLab's Interrupt."""

import re

import pytest

from browser.test_explorers import START, upload, wait_for_step

RUN = (
    START + "from nstlib.objectives import gradient_shares\n"
    "it = live_style_transfer('riverside_town', 'night_swirls', size={size}, steps={steps}, folder='out')\n"
    "it.start()\nit.wait()\nbefore, said = it.state.value, []\n"
    "for one in (it.controls.weight, it.controls.size, it.controls.steps):\n"
    "    one.observe(lambda change: said.append(change['new']), 'value')"
)
BARS = "{name: round(100 * share) for name, share in gradient_shares(it.image, it.painter.objective).items()}"


def sliders(page):
    """(shown number, place of the handle) of α, size and steps."""
    shown = page.eval_on_selector_all(".nst-explorer .widget-readout", "all => all.map(one => one.innerText)")
    handles = page.eval_on_selector_all(".nst-explorer .noUi-handle", "all => all.map(one => one.ariaValueNow)")
    return [(float(text), float(place)) for text, place in zip(shown[:3], handles[:3], strict=True)]


def assert_one_number_each(page, python):
    page.wait_for_timeout(1500)  # for what the browser may send back
    (weight, _), *others = sliders(page)
    assert (
        weight == float(python("it.controls.weight.value")) == float(python("it.controls.wanted()['content_weight']"))
    )
    for (shown, handle), name in zip(others, ("size", "steps"), strict=True):
        assert shown == handle == float(python(f"it.controls.{name}.value"))


@pytest.mark.parametrize(("size", "steps"), [(96, 10), (120, 13), (64, 7)])
def test_a_finished_run_is_shown_as_finished(notebook, python, page, size, steps):
    notebook(RUN.format(size=size, steps=steps), "it")
    page.wait_for_selector(".nst-explorer .nst-state", timeout=120_000)
    assert_one_number_each(page, python)
    assert python("said") == "[]", "the browser sends nothing back"
    assert page.inner_text(".nst-state") == f"done · step {steps} of {steps}"
    assert python("it.state.value == before and it.controls.weight.value == nstlib.objectives.CONTENT_WEIGHT") == "True"
    bars = {
        name: int(number) for name, number in re.findall(r"(\w+ relu\d_\d)\s+(\d+) %", page.inner_text(".nst-explorer"))
    }
    true = eval(python(BARS))
    assert bars.keys() == true.keys() and all(abs(bars[name] - true[name]) <= 1 for name in true)


def test_numbers_typed_moved_and_set_are_one(notebook, python, page):
    notebook(RUN.format(size=96, steps=10), "it")
    page.wait_for_selector(".nst-explorer .nst-state", timeout=120_000)
    for name, value in (
        ("steps", 37),
        ("size", 131),
        ("weight", 0.0123),
        ("steps", 10),
        ("weight", 0.3),
        ("size", 300),
    ):
        python(f"setattr(it.controls.{name}, 'value', {value})")
        assert_one_number_each(page, python)
        assert float(python(f"it.controls.{name}.value")) == pytest.approx(value, rel=0.05)
    for number in ("53", "8", "400"):
        readout = page.locator(".nst-explorer .widget-readout").nth(2)
        readout.click()
        readout.fill(number)
        page.keyboard.press("Enter")
        assert_one_number_each(page, python)
    for place, key in (
        (0, "ArrowRight"),
        (0, "ArrowLeft"),
        (1, "ArrowRight"),
        (2, "ArrowLeft"),
        (2, "End"),
        (0, "Home"),
    ):
        page.locator(".nst-explorer .noUi-handle").nth(place).focus()
        page.keyboard.press(key)
        assert_one_number_each(page, python)
    assert "about" in page.inner_text(".nst-state")


def test_a_layer_that_cannot_be_had_is_taken_back(notebook, python, page):
    notebook(START + "import torch\nit = explore_activations(torch.rand(1, 3, 12, 12), layer='relu4_1')\nit")
    page.wait_for_selector(".nst-explorer .nst-big", timeout=120_000)
    page.locator(".nst-layer .noUi-handle").focus()
    page.keyboard.press("End")
    page.wait_for_selector(".nst-message .nst-wrong")
    page.wait_for_timeout(1000)
    assert page.inner_text(".nst-layer .widget-readout") == "relu4_1" == python("it.layer.value").strip("'")
    assert "relu4_1" in page.inner_text(".nst-head >> nth=0")


def test_uploads_of_two_shapes_are_compared_in_their_proportions(notebook, python, page):
    notebook(RUN.format(size=96, steps=10), "it")
    page.wait_for_selector(".nst-explorer .nst-state", timeout=120_000)
    python("__import__('PIL.Image').Image.new('RGB', (60, 90), (200, 30, 60)).save('upright.png')")
    content = bytes(eval(python("list(open('upright.png', 'rb').read())")))
    upload(page, ".nst-upload", "upright.png", content)
    page.wait_for_function("() => document.querySelector('.nst-message').innerText.includes('60 × 90')")
    page.click(".nst-start")
    page.wait_for_function("() => document.querySelector('.nst-state').innerText.includes('done')", timeout=60_000)
    page.click(".nst-compare")
    page.wait_for_selector(".nst-stage")
    page.wait_for_timeout(500)
    image = """src => new Promise(done => { const found = new Image(); found.onload = () => {
        const at = document.createElement('canvas').getContext('2d'); at.canvas.width = found.width; at.canvas.height = found.height;
        at.drawImage(found, 0, 0); const left = at.getImageData(2, found.height / 2, 1, 1).data;
        done([found.width / found.height, left[0] + left[1] + left[2]]); }; found.src = src; })"""
    sources = page.eval_on_selector_all(".nst-frame img", "all => all.map(one => one.src)")
    ratios = [page.evaluate(image, source) for source in sources]
    stage = page.locator(".nst-stage").bounding_box()
    assert ratios[0][0] == ratios[1][0] == pytest.approx(stage["width"] / stage["height"], rel=0.02)
    assert ratios[1][1] > 740, "ground beside the upright one"
    captions = page.eval_on_selector_all(".nst-frame + small", "all => all.map(one => one.innerText)")
    assert captions == ["run 1: riverside_town", "run 2: upright"]


def test_interrupt_stops_the_run(notebook, python, page):
    notebook(START + "it = live_style_transfer('riverside_town', 'night_swirls', size=96, steps=1000)\nit")
    page.wait_for_selector(".nst-start", timeout=120_000)
    for _ in range(2):
        page.click(".nst-start")
        page.wait_for_selector(".nst-stop:not([disabled])")
        wait_for_step(page, 3)
        page.evaluate("() => jupyterapp.commands.execute('notebook:interrupt-kernel')")
        page.wait_for_function(
            "() => document.querySelector('.nst-state').innerText.includes('stopped')", timeout=20_000
        )
        assert python("it.running") == "False" and int(python("len(it.history)")) < 1000
        page.wait_for_selector(".nst-start:not([disabled])")
    assert python("1 + 1") == "2"

"""The explorers without a browser: what a click, a key, an upload and a button do."""

import base64
import gc
import io
import json
import threading
import time
from datetime import datetime, timezone

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image

import nstlib
from nstlib.plots import colored
from nstlib.widgets import activations, charts, common, compare, explore_activations, explore_gram, live_style_transfer


def pixels(shown):
    return Image.open(io.BytesIO(shown.value))


def choose_file(button, content, name="mine.png"):
    button.value = (
        {
            "name": name,
            "type": "image/png",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime(2026, 1, 1, tzinfo=timezone.utc),
        },
    )


def wire(explorer, number=0):
    """The hidden field of a pad, through which the page speaks."""

    def search(widget):
        if "nst-wire" in getattr(widget, "_dom_classes", ()):
            yield widget
        for child in getattr(widget, "children", ()):
            yield from search(child)

    return list(search(explorer))[number]


def speak(field, since, x=None, y=None, right=0, down=0):
    field.value = json.dumps({"since": since, "x": x, "y": y, "right": right, "down": down})


def png(size=(40, 30), color=(200, 30, 60)):
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def gram(mini):
    return explore_gram(["riverside_town", "night_swirls"], mini, size=96)


def spoken(line):
    return line.value.split(">", 1)[1].rsplit("<", 1)[0]


# ---- the pad


def test_pad_counts_keys_since_the_last_click():
    moves, clicks = [], []
    box, _ = common.pad(
        "here",
        10,
        10,
        on_click=lambda x, y: clicks.append((x, y)),
        on_move=lambda right, down: moves.append((right, down)),
    )
    field = wire(box)
    speak(field, 1, right=2)  # a key before any click; the message of the first of two was overtaken
    speak(field, 1, right=2, down=-1)
    speak(field, 2, 0.25, 0.5)
    speak(field, 2, 0.25, 0.5, right=-1)
    speak(field, 3, 1.0, -0.1)  # on the very edge
    assert moves == [(2, 0), (0, -1), (-1, 0)]
    assert clicks[0] == (0.25, 0.5) and 0.999 < clicks[1][0] < 1 and clicks[1][1] == 0 and len(clicks) == 2


# ---- Gram matrices


def test_a_click_on_an_entry_shows_it_and_it_is_the_sum(gram, mini):
    place, filters = (30, 7), len(gram.order)
    speak(wire(gram), 1, (place[1] + 0.5) / filters, (place[0] + 0.5) / filters)
    i, j = gram.order[30], gram.order[7]
    assert (gram.i, gram.j) == (i, j) == (gram.at[0].value, gram.at[1].value)
    features = mini(nstlib.load_image("riverside_town", size=96), ["relu3_1"])["relu3_1"]
    entry = nstlib.gram_matrix(features)[0, i, j].item()
    assert gram.number() == pytest.approx(entry, rel=1e-4)
    assert f">{gram.number():,.1f}</span>" in gram.sums[0].value
    shown = gram.sums[0].value.split("nst-number")
    assert shown[1].split(">")[1] == shown[2].split(">")[1], "the sum and the entry are the same number"


def test_arrow_keys_walk_in_the_order_drawn(gram):
    gram.select(gram.order[5], gram.order[5])
    before = gram.squares[0].value
    speak(wire(gram), 1, right=1, down=2)
    assert (gram.i, gram.j) == (gram.order[7], gram.order[6])
    assert gram.squares[0].value != before
    speak(wire(gram), 1, right=10**6, down=-(10**6))
    assert (gram.i, gram.j) == (gram.order[0], gram.order[-1]), "it ends at the edge"


def test_shuffling_positions_scrambles_maps_and_keeps_the_matrix(gram):
    number, text, maps, square = gram.number(), gram.sums[0].value, gram.maps[0][0].value, gram.squares[0].value
    gram.shuffle.value = True
    assert gram.number() == pytest.approx(number, rel=1e-12)
    assert gram.sums[0].value == text and gram.maps[0][0].value != maps
    assert pixels(gram.squares[0]).tobytes() == Image.open(io.BytesIO(square)).tobytes()
    assert "No entry" in spoken(gram.line)
    gram.shuffle.value = False
    assert gram.maps[0][0].value == maps and "No entry" not in gram.line.value


def test_the_ten_strongest_pairs(gram):
    mean = gram.means[0]
    assert len(gram.top.options) == 10
    assert all(i < j for _, (i, j) in gram.top.options)
    assert mean[gram.top.options[0][1]] == mean.triu(1).max()
    gram.of.value = 2
    i, j = gram.top.options[0][1]
    assert (gram.means[0] - gram.means[1])[i, j].abs() == (gram.means[0] - gram.means[1]).triu(1).abs().max()
    gram.top.value = (i, j)
    assert (gram.i, gram.j) == (i, j)


def test_the_diagonal_is_explained(gram):
    gram.select(3, 3)
    assert "sum of its squares" in gram.meaning.value and gram.number() >= 0
    gram.at[1].value = 4  # typed by hand
    assert (gram.i, gram.j) == (3, 4) and "both filters fire" in gram.meaning.value


def test_another_layer_has_other_filters(gram):
    gram.select(100, 120)
    gram.layer.value = "relu1_1"
    assert len(gram.order) == 32 and gram.i < 32 and gram.j < 32 and gram.at[0].max == 31


def test_a_layer_too_deep_for_the_picture_becomes_a_sentence(mini):
    gram = explore_gram([torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12)], mini)
    gram.layer.value = "relu5_1"
    assert "relu5_1 needs at least 16 × 16" in gram.line.value and "nst-wrong" in gram.line.value


def test_a_first_picture_too_small_for_the_layer_is_an_error(mini):
    for explore in (explore_gram, explore_activations):
        with pytest.raises(ValueError, match="relu5_1 needs at least 16 × 16"):
            explore(torch.rand(1, 3, 12, 12), mini, layer="relu5_1")


@pytest.mark.parametrize("kind", ["array", "PIL", "bytes"])
def test_one_picture_of_any_kind(mini, kind):
    raw = png((40, 30))
    given = {"bytes": raw, "PIL": Image.open(io.BytesIO(raw)), "array": np.asarray(Image.open(io.BytesIO(raw)))}[kind]
    assert explore_gram(given, mini, layer="relu1_1").images[0].shape == (1, 3, 30, 40)


def test_pictures_of_the_same_name_stay_apart(mini, tmp_path):
    files = [tmp_path / folder / "plain.png" for folder in "ab"]
    for file, grey in zip(files, (0.2, 0.8), strict=True):
        file.parent.mkdir()
        nstlib.save_image(torch.full((1, 3, 32, 32), grey), file)
    gram = explore_gram(files, mini, layer="relu1_1")
    assert [choice.value for choice in gram.choice] == ["plain", "plain 2"] and gram.images[
        0
    ].mean() < 0.3 < gram.images[1].mean()
    choose_file(gram.upload, png(), "plain.png")
    assert gram.choice[1].value == "plain 3" and list(gram.pictures) == ["plain", "plain 2", "plain 3"]
    assert "plain 2" in compare(files).children[-1].value
    panel = live_style_transfer(*files, mini, size=96)
    assert [choice.value for choice in panel.controls.choice] == [
        "plain",
        "plain 2",
    ] and panel.content.mean() < 0.3 < panel.controls.picture(1).mean()


def test_upload(gram):
    choose_file(gram.upload, png(), "red.png")
    assert gram.choice[1].value == "red" and gram.choice[0].value == "riverside_town" and "40 × 30" in gram.line.value
    choose_file(gram.upload, b"no picture", "notes.txt")
    assert "notes.txt" in gram.line.value and "not a picture" in gram.line.value and "nst-wrong" in gram.line.value
    assert gram.choice[1].value == "red" and gram.upload.value == ()


def test_an_upload_says_that_it_is_read_before_it_is(gram):
    """The page takes a message line that has not changed for a file that did not arrive."""
    said = []
    gram.line.observe(lambda change: said.append((spoken(gram.line), len(gram.upload.value))), "value")
    choose_file(gram.upload, png(), "red.png")
    choose_file(gram.upload, b"no picture", "notes.txt")
    assert said[:2] == [("red.png: reading…", 1), ("red.png: 40 × 30 pixels.", 0)]
    assert said[2] == ("notes.txt: reading…", 1) and "not a picture" in said[3][0]


def pictures(widget):
    """All Images of an explorer that are on the page."""
    if isinstance(widget, widgets.Image):
        return [widget]
    children = [child for child in getattr(widget, "children", ()) if child.layout.display != "none"]
    return [found for child in children for found in pictures(child)]


def test_every_picture_says_what_it_shows(gram, mini):
    maps = explore_activations("still_life", mini, layer="relu3_1", size=96)
    panel = live_style_transfer("riverside_town", "night_swirls", mini, size=96)
    for explorer, count in ((maps, 3), (gram, 9), (panel, 1)):
        assert len(pictures(explorer)) == count and all(shown.tooltip for shown in pictures(explorer))
        assert len({shown.tooltip for shown in pictures(explorer)}) == count
    maps.select(7)
    maps.layer.value = "relu1_1"
    column = int(maps.features[7].argmax()) % 96
    assert f"channel 7 of relu1_1 over the picture; it is strongest at {(column + 0.5) / 96:.0%}" in maps.big.tooltip
    assert "32 maps of relu1_1" in maps.grid.tooltip
    assert panel.box.tooltip == "riverside_town"


def test_the_entry_is_said_in_words(gram):
    gram.select(3, 5)
    a, b = (f"{gram.number(k):,.1f}" for k in range(2))
    assert gram.spoken.value == f"Entry of filters 3 and 5: {a} in riverside_town and {b} in night_swirls."
    assert gram.squares[1].tooltip == f"Gram matrix of night_swirls in relu3_1; entry 3, 5 is {b}"
    gram.add("<b>", torch.rand(1, 3, 32, 32))
    assert "&lt;b&gt;" in gram.spoken.value and "<b>" in gram.squares[1].tooltip


def test_one_picture_is_compared_with_itself(mini):
    gram = explore_gram("still_life", mini, size=64)
    assert gram.number(0) == gram.number(1)


def test_errors_say_what_was_wanted(mini):
    with pytest.raises(ValueError, match="layer is 'conv1'; wanted one of relu1_1"):
        explore_gram(network=mini, layer="conv1")
    with pytest.raises(ValueError, match="no picture to explore"):
        explore_gram([], mini)
    with pytest.raises(ValueError, match="give two or more"):
        compare(["still_life"])


# ---- activations


def test_a_channel_by_key_by_click_and_by_number(mini):
    found = explore_activations("still_life", mini, layer="relu2_1", size=96)
    found.select(0)
    before = found.big.value
    speak(wire(found), 1, right=1)
    assert found.chosen == found.channel.value == 1 and found.big.value != before and "channel 1" in found.facts.value
    speak(wire(found), 1, right=1, down=1)
    assert found.chosen == 1 + found.columns
    speak(wire(found), 2, 2.5 * found.cell[1] / activations.GRID[1], 1.5 * found.cell[0] / activations.GRID[0])
    assert found.chosen == found.columns + 2
    found.channel.value = 63
    assert found.chosen == 63
    found.layer.value = "relu1_1"
    assert found.chosen == 31, "as many as there are"


def test_facts_and_opacity(mini):
    found = explore_activations("still_life", mini, layer="relu3_1", size=96)
    values = mini(nstlib.load_image("still_life", size=96), ["relu3_1"])["relu3_1"][0, found.chosen]
    assert (
        f"mean {values.mean():.3g}" in found.facts.value and f"{(values <= 0).float().mean():.0%}" in found.facts.value
    )
    found.opacity.value = 0
    assert torch.equal(found._blend(), found.image)


def test_opacity_follows_the_activation(mini):
    found = explore_activations(torch.full((1, 3, 8, 8), 0.5), mini, layer="relu1_1")
    found.opacity.value, found.chosen, found.low = 1, 0, 0.0
    found.features = torch.zeros(1, 8, 8)
    found.features[0, 0] = torch.tensor([0.0, 1.0, 2.0, 4.0, 4.0, 0.0, 0.0, 0.0])
    blend, shade = found._blend()[0], colored(found.features[0])[0]
    assert torch.equal(blend[:, 1:], found.image[0, :, 1:]), "no activation: the picture as it is"
    assert torch.allclose(blend[:, 0, 3], shade[:, 0, 3]), "the strongest: the map alone"
    change = (blend[:, 0, :4] - 0.5).abs().amax(0) / (shade[:, 0, :4] - 0.5).abs().amax(0)
    assert change.tolist() == pytest.approx([0, 0.25, 0.5, 1], abs=0.01), "as much of the map as there is activation"
    found.features = -found.features  # before a ReLU: strong below zero is strong
    assert torch.equal(found._blend()[0, :, 1:], found.image[0, :, 1:])
    assert (found._blend()[0, :, 0, 3] - 0.5).abs().max() > 0.1


def test_the_strongest_place_is_found(mini):
    image = torch.zeros(1, 3, 96, 96)
    image[..., 40:56, 64:80] = 1  # a white square, and nothing else
    found = explore_activations(image, mini, layer="relu1_1")
    values = torch.zeros(96, 96)
    values[48, 72] = 1
    patch = found._strongest(values)[..., 2 : 2 + activations.PATCH]
    assert patch.shape[-1] == activations.PATCH
    middle = patch[..., 20:-20, 20:-20]
    assert middle.mean() > 0.95, "the window is around the square"


def test_a_bad_upload_leaves_the_picture(mini):
    found = explore_activations("still_life", mini, layer="relu5_1", size=96)
    choose_file(found.upload, png((8, 8)), "tiny.png")
    assert "relu5_1 needs at least 16 × 16" in found.line.value and max(found.image.shape[-2:]) == 96
    choose_file(found.upload, png((64, 64)), "red.png")
    assert found.image.shape[-1] == 64


# ---- what a notebook stores


def test_stored_as_a_picture_and_a_fixed_line(gram, mini):
    for explorer in (gram, explore_activations("still_life", mini, size=64), compare(["still_life", "night_swirls"])):
        bundle = explorer._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert bundle["text/plain"].endswith("(to use it, run this cell)")
        assert Image.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"]))).width > 400


def test_compare_holds_all_pictures_at_one_size():
    found = compare({"a": torch.zeros(1, 3, 20, 30), "b <i>": torch.ones(1, 3, 40, 40)})
    page = found.children[-1].value
    assert page.count("<img") == 4 and "b &lt;i&gt;" in page and "<i>" not in page
    half = found.still()["a | b <i>"]
    assert half.shape == (1, 3, 20, 30) and half[..., :10].max() == 0 and half[..., 20:].min() > 0.999


# ---- the live transfer


@pytest.fixture
def live(mini, tmp_path):
    panel = live_style_transfer("riverside_town", "night_swirls", mini, size=96, steps=1000, folder=tmp_path / "out")
    yield panel
    panel.stop()


def until(what, seconds=30):
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert what()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "nstlib live transfer"]


def test_start_pause_resume_stop_save(live):
    assert not live.running and "about" in live.state.value and "MB" in live.state.value
    live.start()
    until(lambda: len(live.history) >= 3)
    live.pause()
    time.sleep(0.5)  # the step under way
    done = len(live.history)
    assert live.button["Pause"].description == "Resume"
    time.sleep(0.5)
    assert len(live.history) == done and "paused" in live.state.value
    live.resume()
    until(lambda: len(live.history) > done + 20)
    live.stop()
    assert not live.running and not threads() and "stopped" in live.state.value
    assert live.history[-1]["style"] < 0.7 * live.history[0]["style"]
    first, second = live.save(), live.save()
    assert first.name == "riverside_town_night_swirls_1.png" and second.name == "riverside_town_night_swirls_2.png"
    assert torch.allclose(nstlib.load_image(first), live.image, atol=1 / 250)
    assert not live.button["Start"].disabled and live.button["Stop"].disabled


def test_changes_take_effect_while_it_runs(live):
    live.start()
    until(lambda: len(live.history) >= 3)
    live.controls.weight.value = 0.1
    until(lambda: live.painter.last["content_weight"] == pytest.approx(0.1))
    live.controls.size.value = 128
    until(lambda: live.history[-1]["size"] == 128)
    for box in live.controls.layers["content"]:
        box.value = False
    until(lambda: not live.painter.last["content_layers"] and live.history[-1]["content"] == 0)
    live.controls.choice[1].value = "woodblock_wave"
    until(lambda: torch.equal(live.painter.last["style"], nstlib.resize_image(live.controls.picture(1), 128)))
    live.controls.steps.value = len(live.history) + 2
    live.wait(20)
    assert not live.running and "done" in live.state.value and len(live.history) <= live.controls.steps.value + 1


def test_what_cannot_be_done_is_said(live):
    for box in (*live.controls.layers["content"], *live.controls.layers["style"]):
        box.value = False
    assert "nothing to paint for" in live.line.value
    live.start()
    assert not live.running and "nothing to paint for" in live.line.value
    live.controls.layers["style"][0].value = True
    assert "nst-wrong" not in live.line.value
    live.save()
    assert "press Start first" in live.line.value


def test_no_layer_while_it_runs_leaves_the_last_objective(live):
    live.start()
    until(lambda: len(live.history) >= 2)
    for box in (*live.controls.layers["content"], *live.controls.layers["style"]):
        box.value = False
    assert "nothing to paint for" in live.line.value
    done = len(live.history)
    until(lambda: len(live.history) > done + 2)
    live.stop()


def test_a_failure_in_the_thread_becomes_a_sentence(live, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of memory, say")

    monkeypatch.setattr("nstlib.widgets.painter.optimize_image", fail)
    live.start()
    live.wait(10)
    assert "out of memory, say" in live.line.value and not threads() and not live.button["Start"].disabled


def test_a_loss_that_is_not_finite_ends_the_run(live):
    live.painter.network = nstlib.load_network("random", device="cpu")
    live.painter.network.conv1_1.weight.data.fill_(float("nan"))
    live.start()
    live.wait(10)
    assert not live.running and "nst-wrong" in live.line.value


def test_a_lack_of_memory_in_the_middle_is_called_so(live):
    real, steps = live.painter.on_step, []

    def short(*given):
        real(*given)
        steps.append(1)
        if len(steps) == 3:
            raise MemoryError

    live.painter.on_step = short
    live.start()
    live.wait(20)
    assert (
        "Memory ran out after 3 steps" in live.line.value
        and "smaller size" in live.line.value
        and live.image is not None
    )


def test_a_picture_that_cannot_be_saved(live, tmp_path):
    live.painter.image, live.folder = live.content, tmp_path / "file" / "folder"
    (tmp_path / "file").write_text("in the way")
    assert live.save() is None and "nst-wrong" in live.line.value


def test_one_panel_paints_at_a_time_and_a_cell_run_again_leaves_no_thread(live, mini):
    live.start()
    until(lambda: len(live.history) >= 1)
    again = live_style_transfer("riverside_town", "night_swirls", mini, size=96)
    assert not live.running and not again.running and not threads()


def test_runs_are_kept_and_compared(live):
    live.controls.steps.value = 10
    for _ in range(8):
        live.controls.steps.value = 10
        live.start()
        until(lambda: len(live.history) >= 1)
        live.stop()
    assert [number for number, *_ in live.gallery.runs] == [3, 4, 5, 6, 7, 8]
    live.gallery.compare()
    live.gallery.compare()
    assert len(live.gallery.below.children) == 1 and live.gallery.row.children[5].layout.display == "flex"


def test_own_pictures_by_upload(live):
    choose_file(live.controls.uploads[1], png((100, 80)), "red.png")
    assert live.controls.choice[1].value == "red" and live.controls.choice[0].value == "riverside_town"
    choose_file(live.controls.uploads[0], b"oh", "notes.txt")
    assert "notes.txt" in live.line.value and live.controls.choice[0].value == "riverside_town"


def test_a_hundred_starts_and_stops_leak_nothing(mini, tmp_path):
    psutil = pytest.importorskip("psutil", reason="psutil comes with ipykernel")
    live = live_style_transfer("riverside_town", "night_swirls", mini, size=96, steps=1000, folder=tmp_path)

    def cycles(count):
        for _ in range(count):
            live.start()
            until(lambda: len(live.history) >= 1)
            live.stop()
        gc.collect()
        tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
        return psutil.Process().memory_info().rss, tensors

    cycles(10)
    memory, tensors = cycles(5)
    more, after = cycles(85)
    assert not threads() and after <= tensors + 10
    assert more - memory < 40e6, f"{(more - memory) / 1e6:.0f} MB more after 85 cycles"


def test_charts_take_any_history():
    for history in (
        [],
        [{"step": 1, "content": 0.0, "style": 5.0}],
        [{"step": k, "content": 10.0**k, "style": 1e-9} for k in range(1, 9)],
    ):
        drawing = charts.loss_chart(history)
        assert drawing.startswith("<svg") and drawing.endswith("</svg>") and "nan" not in drawing
    assert charts.share_bars({"style relu1_1": 0.25}).count("25") >= 2

"""The explorers without a browser: what a click, a key, an upload and a button do."""

import base64
import gc
import io
import itertools
import json
import re
import signal
import threading
import time
from datetime import datetime, timezone

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image

import nstlib
from nstlib.objectives import gatys_objective, gradient_shares
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


def test_a_layer_that_cannot_be_had_leaves_the_controls_where_they_were(mini):
    """The slider says which layer is shown; the error goes once it is mended."""
    gram = explore_gram({"small": torch.rand(1, 3, 12, 12), "large": torch.rand(1, 3, 40, 40)}, mini, layer="relu2_1")
    found = explore_activations(torch.rand(1, 3, 12, 12), mini, layer="relu2_1")
    for explorer in (gram, found):
        explorer.layer.value = "relu5_1"
        assert explorer.layer.value == "relu2_1" and "relu5_1 needs" in explorer.line.value
        explorer.layer.value = "relu1_1"
        assert "relu5_1" not in explorer.line.value
    gram.choice[0].value = "large"
    gram.layer.value = "relu4_1"
    choose_file(gram.upload, png((6, 6)), "tiny.png")
    assert gram.choice[1].value == "large" and "nst-wrong" in gram.line.value
    found.layer.value = "relu5_1"
    found.select(3)  # its windows are those of the layer that is shown
    assert found.taken == "relu1_1" and "relu1_1" in found.title.value
    patches = found.patches.value
    found.layer.value = "relu1_1"
    found.select(4)
    found.select(3)
    assert found.patches.value == patches


def writes(widget):
    """The values that a widget is given from now on."""
    values = []
    widget.observe(lambda change: values.append(change["new"]), "value")
    return values


def test_a_change_of_layer_draws_the_gram_matrices_once(gram):
    gram.select(100, 120)
    for layer in ("relu1_1", "relu5_1", "relu2_2"):
        drawn, sums = writes(gram.squares[0]), writes(gram.sums[0])
        gram.layer.value = layer
        assert len(drawn) <= 1 and len(sums) <= 1 and pixels(gram.squares[0]).width >= len(gram.order)


def test_the_list_of_pairs_neither_jumps_nor_lags(gram):
    gram.top.value = gram.top.options[3][1]
    shown = gram.i, gram.j
    gram.shuffle.value = True
    assert (gram.i, gram.j) == shown == gram.top.value
    gram.of.value = 1
    assert (gram.i, gram.j) == shown
    gram.of.value = 0
    gram.select(shown[0], shown[0])
    assert gram.top.value is None, "another entry is shown"
    gram.select(*shown)
    assert gram.top.value == shown
    gram.layer.value = "relu1_1"
    assert gram.top.value in (None, (gram.i, gram.j))


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


@pytest.mark.parametrize(
    ("first", "second"), [("relu2_1", "relu1_1"), ("relu1_1", "relu2_1"), ("relu5_1", "relu1_2"), ("conv3_1", "pool1")]
)
def test_a_change_of_layer_draws_the_new_layer_only(mini, first, second):
    found = explore_activations("still_life", mini, layer=first, size=96)
    found.select(found.features.shape[0] - 1)
    drawn, overlaid, facts = writes(found.grid), writes(found.big), writes(found.facts)
    found.layer.value = second
    assert drawn == [found.grid.value] and len(overlaid) <= 1 and len(facts) <= 1
    fresh = explore_activations("still_life", mini, layer=second, size=96)
    fresh.select(found.chosen)
    assert found.grid.value == fresh.grid.value and found.big.value == fresh.big.value
    assert found.channel.value == found.chosen < len(found.features) == found.channel.max + 1


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


@pytest.mark.parametrize(
    ("frame", "other"), [((60, 90), (90, 60)), ((90, 60), (60, 90)), ((64, 64), (10, 100)), ((30, 40), (400, 200))]
)
def test_compare_keeps_proportions(frame, other):
    red = torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, *other)
    shown = compare({"frame": torch.zeros(1, 3, *frame), "red": red}).still()["red"]
    assert shown.shape[-2:] == frame
    is_red = (shown[0, 0] - shown[0, 1]) > 0.5
    height, width = is_red.any(1).sum().item(), is_red.any(0).sum().item()
    assert height / width == pytest.approx(other[0] / other[1], rel=1 / min(height, width))
    assert height == frame[0] or width == frame[1], "as large as it can be"
    assert is_red.sum() == height * width and (shown[:, :, ~is_red] > 0.99).all(), "the rest is ground"


@pytest.mark.parametrize("shape", [(681, 1023), (1023, 681), (64, 64), (50, 400)])
def test_compare_fills_the_frame_with_a_copy_of_another_size(shape):
    """Rounded to whole pixels, its proportions are not quite the same."""
    copies = [nstlib.resize_image(torch.zeros(1, 3, *shape), side) for side in (97, 192, 250, 1000)]
    for pair in itertools.permutations(copies, 2):
        assert compare(dict(zip("ab", pair, strict=True))).still()["b"].max() < 0.01


# ---- the live transfer


@pytest.fixture
def live(mini, tmp_path):
    panel = live_style_transfer("riverside_town", "night_swirls", mini, size=96, steps=1000, folder=tmp_path / "out")
    yield panel
    panel.stop()


def until(what, seconds=120):
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
    assert "paused" not in live.state.value
    until(lambda: len(live.history) > done + 20)
    live.stop()
    assert not live.running and not threads() and "stopped" in live.state.value
    live.stop()
    assert "stopped" in live.state.value, "a second time changes nothing"
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


def stand_still(live):
    """Pause, and wait for the step under way and all that is shown of it."""
    live.pause()
    before, now = None, ()
    while now != before:
        before, now = now, (len(live.history), live.bars.value, bytes(live.box.value))
        time.sleep(0.7)


def numbers_of_bars(live):
    found = re.findall(r">(\w+ relu\d_\d)</span>.*?>(?:&lt; )?(\d+) %<", live.bars.value)
    return {name: int(number) for name, number in found}


def true_bars(live):
    """Of the picture that is shown, for the objective that the controls ask for."""
    objective = gatys_objective(**live.controls.wanted(), network=live.network, by_layer=True)
    return {name: 100 * share for name, share in gradient_shares(live.image, objective).items()}


def assert_all_is_of_the_picture(live):
    assert pixels(live.box).size == live.image.shape[:-3:-1]
    assert live.box.value == common.encode(live.image, photograph=True)
    assert live.chart.value == charts.loss_chart(live.history)
    shown, true = numbers_of_bars(live), true_bars(live)
    assert shown.keys() == true.keys() and all(abs(shown[name] - true[name]) <= 0.51 for name in true), (shown, true)


def test_at_the_end_all_that_is_shown_is_of_the_picture(live):
    live.controls.steps.value = 40
    live.start()
    live.wait(60)
    assert "done" in live.state.value
    assert_all_is_of_the_picture(live)


def test_when_stopped_after_a_change_all_that_is_shown_is_of_the_picture(live):
    live.start()
    until(lambda: len(live.history) >= 12)
    live.controls.weight.value = 1
    live.controls.layers["style"][0].value = False
    live.controls.size.value = 128
    until(lambda: live.history[-1]["size"] == 128)
    live.stop()
    assert_all_is_of_the_picture(live)


def test_at_a_pause_all_that_is_shown_is_of_the_picture(live):
    live.start()
    for _ in range(4):
        done = len(live.history)
        until(lambda done=done: len(live.history) >= done + 3)
        stand_still(live)
        assert f">{len(live.history)}<" in live.state.value
        assert_all_is_of_the_picture(live)
        live.resume()


def test_a_change_that_ends_the_run_leaves_bars_of_the_picture(live, monkeypatch):
    """The new objective has no picture yet: what is shown is of the last one."""
    live.start()
    until(lambda: len(live.history) >= 5)
    stand_still(live)
    before = true_bars(live)

    def fail(*_, **__):
        raise RuntimeError("no more")

    monkeypatch.setattr("nstlib.widgets.painter.optimize_image", fail)
    live.controls.size.value = 160
    live.controls.layers["style"][1].value = False
    live.resume()
    live.wait(20)
    assert not live.running and not live.button["Start"].disabled and "no more" in live.line.value
    assert pixels(live.box).width == 96 and numbers_of_bars(live).keys() == before.keys()
    assert all(abs(numbers_of_bars(live)[name] - before[name]) <= 0.51 for name in before)
    assert "96 px" in live.gallery.runs[0][1]


def test_bars_that_cannot_be_had_are_empty_and_end_no_run(live, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("nstlib.widgets.charts.gradient_shares", fail)
    live.controls.steps.value = 12
    live.start()
    live.wait(30)
    assert "done" in live.state.value and not live.line.value.count("nst-wrong") and not numbers_of_bars(live)


def test_a_new_run_shows_nothing_of_the_last(live):
    live.controls.steps.value = 12
    live.start()
    live.wait(30)
    states, shown, bars = writes(live.state), writes(live.box), writes(live.bars)
    live.start()
    live.wait(30)
    assert "painting" in states[0] and ">12</span>" not in states[0] and numbers_of_bars(live)
    assert shown[0] == common.encode(live.content, photograph=True) and bars[0] == charts.share_bars({})
    live.controls.choice[
        0
    ].value = "still_life"  # another photograph is shown: no bars and no losses of another picture
    assert live.box.value == common.encode(live.content, photograph=True)
    assert live.bars.value == charts.share_bars({}) and live.chart.value == charts.loss_chart([])


def test_a_setting_changed_after_the_run_leaves_the_picture(live):
    """Also where the photograph was changed while it ran."""
    live.start()
    until(lambda: len(live.history) >= 3)
    live.controls.choice[0].value = "still_life"
    until(lambda: live.painter.settings_of_image["content"] == "still_life")
    live.stop()
    painted = live.box.value
    live.controls.weight.value = 0.1
    assert live.box.value == painted and "about" in live.state.value


def test_the_finished_state_stays_until_a_setting_changes(live):
    live.controls.steps.value = 10
    live.start()
    live.wait(30)
    state = live.state.value
    for control in (live.controls.weight, live.controls.size, live.controls.steps, *live.controls.choice):
        control.set_state({name: control.get_state()[name] for name in ("index", "value") if name in control.keys})
    assert live.state.value == state and "done" in state
    live.controls.steps.value = 20
    assert "done" not in live.state.value and "20 steps" in live.state.value


def test_a_slider_shows_the_number_that_is_used(mini, tmp_path):
    panel = live_style_transfer("riverside_town", "night_swirls", mini, size=200, steps=45, folder=tmp_path)
    controls = panel.controls
    assert controls.weight.value == nstlib.objectives.CONTENT_WEIGHT
    assert all(float(label) == value for label, value in controls.weight.options)
    ratios = [b / a for (_, a), (_, b) in zip(controls.weight.options, controls.weight.options[1:], strict=False)]
    assert 1.05 < min(ratios) <= max(ratios) < 1.2, "about equally far apart"
    for given, taken in ((0.1, 0.1), (0.03, 0.03), (0.0123, 0.012), (7, 1), (0, 1e-5)):
        controls.weight.value = given
        assert controls.weight.value == taken == controls.wanted()["content_weight"] == float(controls.weight.label)
    for slider, values in ((controls.size, (200, 256, 131, 96, 640)), (controls.steps, (45, 10, 1000, 37, 11, 12))):
        for value in values:
            slider.value = value
            assert slider.value == value
            on_grid = (slider.value - slider.min) % slider.step == 0  # where the browser can put the handle
            assert on_grid and slider.min > 0


@pytest.mark.parametrize(("size", "steps"), [(64, 4), (720, 1500), (97, 1)])
def test_given_size_and_steps_are_those_of_the_run(mini, tmp_path, size, steps):
    panel = live_style_transfer("still_life", "night_swirls", mini, size=size, steps=steps, folder=tmp_path)
    assert (panel.controls.size.value, panel.controls.steps.value) == (size, steps)
    assert f"{steps} steps" in panel.state.value and max(panel.controls.wanted()["content"].shape) == size


def test_size_and_steps_that_cannot_be(mini):
    for wrong in ({"steps": 0}, {"steps": 2.5}, {"size": 0}, {"size": -5}, {"size": 99.5}, {"size": None}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is {next(iter(wrong.values()))}"):
            live_style_transfer(network=mini, **wrong)


def tick(live, *names):
    for box in (*live.controls.layers["content"], *live.controls.layers["style"]):
        box.value = box.description in names


@pytest.fixture
def clock(monkeypatch):
    """Time that only passes while activations are computed: 0.3 s for each layer of a megapixel."""
    now, real = [0.0], nstlib.networks.FeatureNetwork.activations

    def activations(self, image, layers):
        now[0] += 3e-7 * image[0, 0].numel() * max((self.layers.index(name) for name in layers), default=0)
        return real(self, image, layers)

    monkeypatch.setattr(nstlib.networks.FeatureNetwork, "activations", activations)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def cost(live, clock):
    """Seconds of that clock for a step with what the controls ask for."""
    wanted = live.controls.wanted()
    objective, before = gatys_objective(**wanted, network=live.network), clock[0]
    objective(wanted["content"])
    return clock[0] - before


def seconds_said(live):
    number, unit = re.search(r"about (\d+) (s|min)", live.state.value).groups()
    return float(number) * (60 if unit == "min" else 1)


SHALLOW, DEEP, MIXED = ("relu1_1",), ("relu5_1", "relu4_2"), ("relu2_2", "relu1_1", "relu3_1")


@pytest.mark.parametrize(("first", "second"), [(SHALLOW, DEEP), (DEEP, SHALLOW), (SHALLOW, MIXED), (MIXED, DEEP)])
@pytest.mark.parametrize("run", [False, True])
def test_the_estimate_is_of_these_layers(clock, mini, tmp_path, first, second, run):
    live = live_style_transfer("riverside_town", "night_swirls", mini, size=96, steps=10, folder=tmp_path)
    tick(live, *first)
    if run:
        live.start()
        live.wait(30)
    for layers in (second, first):
        tick(live, *layers)
        live.controls.steps.value = 1000 if live.controls.steps.value == 990 else 990
        true = live.controls.steps.value * cost(live, clock)
        assert seconds_said(live) == pytest.approx(true, rel=0.03, abs=0.6)


def test_time_left_follows_a_change_of_layers_at_once(clock, mini, tmp_path):
    live = live_style_transfer("riverside_town", "night_swirls", mini, size=96, steps=1000, folder=tmp_path)
    tick(live, *SHALLOW)
    live.start()
    until(lambda: len(live.history) >= 10)
    for layers in (DEEP, SHALLOW):
        tick(live, *layers)
        until(
            lambda layers=layers: (
                set(sum((live.painter.last[f"{k}_layers"] for k in ("content", "style")), ())) == {*layers}
            )
        )
        done = len(live.history)
        until(lambda done=done: len(live.history) >= done + 2)
        stand_still(live)
        pixels, left = live.image[0, 0].numel(), 1000 - len(live.history)
        true = cost(live, clock)
        assert live.painter.pace * pixels == pytest.approx(true)
        assert seconds_said(live) == pytest.approx(left * true, rel=0.01, abs=0.6)
        live.controls.steps.value -= 100
        assert f"of {live.controls.steps.value}" in live.state.value, "also while it pauses"
        live.controls.steps.value += 100
        live.resume()
    live.stop()


def test_no_estimate_where_nothing_can_be_painted(live):
    tick(live)
    assert "about" not in live.state.value and "nothing to paint for" in live.line.value
    tick(live, "relu1_1")
    assert "about" in live.state.value and "nothing" not in live.line.value


def run_of(live, steps=10):
    live.controls.steps.value = steps
    live.start()
    live.wait(30)


def test_captions_say_in_what_the_runs_differ(live):
    def words():
        return [run[1] for run in live.gallery.runs]

    run_of(live)
    assert words() == ["α 0.005, 10 steps, 96 px"]
    run_of(live)
    assert words() == ["α 0.005, 10 steps, 96 px"] * 2, "no difference"
    live.controls.layers["style"][0].value = False
    run_of(live)
    all_but, every = "style: relu2_1, relu3_1, relu3_2, relu3_4", "style: relu1_1, relu2_1, relu3_1, relu3_2, relu3_4"
    assert words() == [every, every, all_but]
    live.controls.choice[1].value = "woodblock_wave"
    for box in live.controls.layers["content"]:
        box.value = False
    live.controls.weight.value = 0.1
    live.controls.size.value = 128
    run_of(live, 11)
    assert words()[2] == f"night_swirls, α 0.005, 10 steps, 96 px, content: relu3_2, {all_but}"
    assert words()[3] == f"woodblock_wave, α 0.1, 11 steps, 128 px, content: no layer, {all_but}"
    live.controls.choice[0].value = "still_life"
    run_of(live, 11)
    assert words()[3].startswith("riverside_town, woodblock_wave,") and words()[4].startswith(
        "still_life, woodblock_wave,"
    )
    for card, (number, caption, _) in zip(live.gallery.row.children, live.gallery.runs, strict=False):
        assert f"run {number}<br>{caption}<" in card.children[1].value
    live.gallery.compare()
    for number, caption, _ in live.gallery.runs:
        assert f"run {number}: {caption}" in live.gallery.below.children[0].children[-1].value


def test_a_caption_tells_of_a_change_on_the_way(live):
    run_of(live)
    live.controls.steps.value = 1000
    live.start()
    until(lambda: len(live.history) >= 3)
    live.controls.weight.value = 0.1
    until(lambda: live.painter.settings_of_image["content_weight"] == 0.1)
    live.controls.weight.value = 0.005
    until(lambda: live.painter.settings_of_image["content_weight"] == 0.005)
    live.stop()
    steps = f"{len(live.history)} steps"
    assert [run[1] for run in live.gallery.runs] == ["10 steps", f"{steps}, changed on the way"]


def test_caption_file_and_stored_picture_name_what_was_painted(live):
    run_of(live)
    live.controls.choice[0].value, live.controls.weight.value = "still_life", 0.1
    assert live.save().name == "riverside_town_night_swirls_1.png"
    assert list(live.still()) == ["riverside_town", "night_swirls", "after 10 steps"]
    run_of(live)
    assert live.save().name == "still_life_night_swirls_1.png"


def test_runs_of_two_shapes_are_compared_in_their_proportions(live):
    run_of(live)
    choose_file(live.controls.uploads[0], png((60, 90)), "upright.png")
    run_of(live)
    (_, _, across), (_, _, upright) = live.gallery.runs
    assert upright.shape[-2] > upright.shape[-1]
    live.gallery.compare()
    both = list(live.gallery.below.children[0].still().values())
    assert both[1].shape == both[2].shape == across.shape
    inside = nstlib.resize_image(upright, across.shape[-2])
    left = (across.shape[-1] - inside.shape[-1]) // 2
    assert torch.allclose(both[2][..., left : left + inside.shape[-1]], inside, atol=1e-6)


def test_an_upload_passes_by_no_other_picture(live):
    live.controls.choice[0].value = "still_life"
    shown, states = writes(live.box), writes(live.state)
    choose_file(live.controls.uploads[0], png((96, 96)), "red.png")
    assert shown == [common.encode(live.content, photograph=True)] and len([s for s in states if "about" in s]) <= 1
    live.start()
    until(lambda: len(live.history) >= 2)
    seen, real = [], live.painter.wanted
    live.painter.wanted = lambda settings: seen.append(settings) or real(settings)
    choose_file(live.controls.uploads[1], png((80, 96), (0, 90, 200)), "blue.png")
    until(lambda: seen)
    live.stop()
    assert {(settings["content"], settings["style"]) for settings in seen} == {("red", "blue")}


def test_interrupt_while_waiting_stops_the_run(live):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        live.start()
        until(lambda: len(live.history) >= 2)
        threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
        live.wait(60)
    except KeyboardInterrupt:
        pytest.fail("it was not caught")
    finally:
        signal.signal(signal.SIGINT, before)
    assert not live.running and "stopped" in live.state.value and live.image is not None


@pytest.mark.parametrize("cell", [None, "time.sleep(60)", "it.wait()"], ids=["between cells", "in a cell", "waiting"])
def test_interrupt_of_the_kernel_stops_the_run(cell, tmp_path):
    """As JupyterLab's ■ does it: by `interrupt_kernel`."""
    manager = pytest.importorskip("jupyter_client.manager", reason="jupyter_client comes with ipykernel")
    kernel, client = manager.start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:

        def run(code):
            reply = client.execute_interactive(code, timeout=120, store_history=False)["content"]
            assert reply["status"] == "ok", reply

        run(
            "import time\nfrom nstlib.widgets import live_style_transfer\n"
            "it = live_style_transfer('riverside_town', 'night_swirls', size=96, steps=1000)\nit.start()\n"
            "while len(it.history) < 2: time.sleep(0.05)"
        )
        if cell:
            client.execute(cell, stop_on_error=False)
        time.sleep(1)
        kernel.interrupt_kernel()
        run("deadline = time.monotonic() + 20\nwhile it.running and time.monotonic() < deadline: time.sleep(0.05)")
        run("assert not it.running and 'stopped' in it.state.value and len(it.history) < 1000, it.state.value")
        run("it.start()\nwhile len(it.history) < 2: time.sleep(0.05)")
        time.sleep(0.5)
        kernel.interrupt_kernel()
        run("it.wait(20)\nassert not it.running, 'a second time'")
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


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


def heights(drawing):
    """(content, style): the heights of the lines' points, from the top."""
    lines = re.findall(r'points="([^"]*)"', drawing)
    return [[float(point.split(",")[1]) for point in line.split()] for line in lines]


@pytest.mark.parametrize("first", [0.5, 30.0, 1e5])
@pytest.mark.parametrize("weight", [1e-5, 0.005, 1])
def test_the_chart_follows_the_losses(first, weight):
    history = [{"step": 1, "content": 0.0, "style": first}, {"step": 2, "content": 7e-9 * weight, "style": first}]
    history += [{"step": k, "content": weight * (1 - 0.9**k), "style": 0.5 / k} for k in range(3, 200)]
    content, style = heights(charts.loss_chart(history))
    top, bottom = 16, 126
    assert all(top <= y <= bottom for y in content + style)
    assert all(b > a for a, b in itertools.pairwise(style[2:150:6])), "no flat line while it falls"
    assert all(a > b for a, b in itertools.pairwise(content[1:6])), "nor while it rises"
    power = (style[2] - style[20]) / (np.log10(0.5 / 3) - np.log10(0.5 / 21))  # pixels for a power of ten
    used = np.log10(first / min(0.5 / 199, weight * (1 - 0.9**3)))
    assert -power * (used + 2) > bottom - top, "no more than the losses need"
    labels = [int(label) for label in re.findall(r'font-size="8">(-?\d+)<', charts.loss_chart(history))]
    assert 10.0 ** labels[-1] >= first / 10 and 10.0 ** labels[0] <= 0.5 / 199


def test_a_small_share_is_not_called_none():
    drawn = charts.share_bars({"content relu3_2": 0.003, "style relu1_1": 0.997})
    assert "&lt; 1 %" in drawn and ">0 %" not in drawn and "0 %" in charts.share_bars({"content relu3_2": 0.0})

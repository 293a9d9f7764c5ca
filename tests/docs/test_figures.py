"""The figures of the README and the pages are what their script draws, and no page shows another."""

import importlib.util
import json
import re

import numpy as np
import pytest
from documents import DOCUMENTS, ROOT
from matplotlib import image, pyplot
from PIL import Image

SHOWN = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")

found = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
assert found is not None
assert found.loader is not None
figures = importlib.util.module_from_spec(found)
found.loader.exec_module(figures)


def assert_same(made, kept):
    """The same texts, and the same numbers to a thousandth of the largest of their series."""
    assert [part["texts"] for part in made] == [part["texts"] for part in kept]
    for mine, theirs in zip(made, kept, strict=True):
        for values, others in zip(mine["series"], theirs["series"], strict=True):
            np.testing.assert_allclose(values, others, rtol=0, atol=1e-3 * np.max(np.abs(others), initial=1e-300))


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_that_moves_fails(name):
    kept = (figures.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert_same(figures.drawn(figures.FIGURES[name]()), json.loads(kept))
    with Image.open(figures.FOLDER / f"{name}.png") as picture:
        assert picture.info["Description"] == figures.digest(kept), "the picture is of other numbers: run make figures"


def test_moved_numbers_and_other_words_are_noticed():
    axes = pyplot.Figure().subplots()
    axes.plot([1.0, 2.0, 3.0], label="a")
    kept = figures.drawn(axes.figure)
    assert kept[1]["series"] == [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    axes.lines[0].set_ydata([1.0, 2.01, 3.0])
    with pytest.raises(AssertionError):
        assert_same(figures.drawn(axes.figure), kept)
    axes.lines[0].set_ydata([1.0, 2.0, 3.0])
    assert_same(figures.drawn(axes.figure), kept)
    axes.set_ylabel("dollars")
    with pytest.raises(AssertionError):
        assert_same(figures.drawn(axes.figure), kept)


def test_every_picture_shown_is_drawn_by_the_script_and_every_one_drawn_is_shown():
    shown = {(page.parent / target).resolve() for page in DOCUMENTS for target in SHOWN.findall(page.read_text())}
    assert shown == {figures.FOLDER / f"{name}.png" for name in figures.FIGURES}


def test_the_folder_holds_nothing_else():
    kept = {path.name for path in figures.FOLDER.iterdir()}
    assert kept == {f"{name}.{kind}" for name in figures.FIGURES for kind in ("png", "json")}


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_picture_is_wide_enough_to_read_and_is_not_blank(name):
    pixels = image.imread(figures.FOLDER / f"{name}.png")
    assert pixels.shape[1] >= 800
    assert (pixels[..., :3].std(axis=2) > 0.05).mean() > 0.001

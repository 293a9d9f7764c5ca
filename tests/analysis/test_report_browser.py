"""A report in headless Chromium: drawn, hovered, zoomed, dark, narrow, printed, and nothing fetched."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import optexec as ox
from optexec.analysis.report import Report
from optexec.data import sample
from optexec.runners.spec import load_spec
from optexec.solvers.verification import every_schedule

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    pytest.skip("no chromium with its driver: apt-get install chromium chromium-driver", allow_module_level=True)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
CHARTS = ("shares", "inventory", "curves", "marginal", "terms", "frontier")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    day = load_spec(sample.path("inventory_risk.toml")).problem()
    impact = ox.Power([1e-3, 2e-3, 4e-3], 1.5)
    labelled = ox.Problem(ox.Order(900), impact, ox.objective("C", psi=1e-5), buckets=[HOSTILE, "<b>b</b>", "c & d"])
    folder, written = tmp_path_factory.mktemp("pages"), {}
    for name, problem in {"day": day, "labels": labelled}.items():
        baselines = every_schedule(problem, [n for n in ("twap", "vwap") if n in list(ox.methods(problem))])
        written[name] = folder / f"{name}.html"
        written[name].write_text(Report(ox.solve(problem), baselines, ox.frontier(problem, points=8)).html())
    return written


def show(browser: Any, page: Path, width: int = 1100, scheme: str = "light", media: str = "") -> None:
    """Open a page and wait until its charts are drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [feature]})
    browser.get(page.as_uri())
    WebDriverWait(browser, 60).until(
        lambda b: b.execute_script("return document.documentElement.dataset.drawn") == "true"
    )


def chart(browser: Any, name: str) -> Any:
    from selenium.webdriver.common.by import By

    found = browser.find_element(By.ID, name)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def hovered(browser: Any, name: str) -> str:
    """What the chart says where the mouse stands, in its middle."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    drawn = chart(browser, name)
    ActionChains(browser).move_to_element_with_offset(drawn, 3, 3).move_to_element_with_offset(drawn, 5, 8).perform()
    script = "return document.querySelector(`#${arguments[0]} .hoverlayer`).textContent"
    return str(WebDriverWait(browser, 20).until(lambda b: b.execute_script(script, name)))


def span(browser: Any, name: str) -> float:
    """Milliseconds or numbers from one end of the upward axis to the other."""
    low, high = browser.execute_script("return document.getElementById(arguments[0]).layout.xaxis.range", name)
    script = (
        "return new Date(arguments[1]) - new Date(arguments[0])"
        if isinstance(low, str)
        else "return arguments[1] - arguments[0]"
    )
    return float(browser.execute_script(script, low, high))


def press(browser: Any, name: str, how: str) -> None:
    from selenium.webdriver.common.by import By

    found = chart(browser, name).find_element(By.XPATH, "..")
    button = found.find_element(By.CSS_SELECTOR, f"[data-zoom={how}]")
    button.send_keys("\n")


def count(browser: Any, selector: str) -> int:
    return int(browser.execute_script("return document.querySelectorAll(arguments[0]).length", selector))


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def text_colour(browser: Any) -> str:
    return str(browser.execute_script("return getComputedStyle(document.querySelector('#shares .xtick text')).fill"))


@pytest.mark.parametrize("name", ["day", "labels"])
def test_every_chart_is_drawn_without_errors_and_nothing_is_fetched(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    show(browser, pages[name])
    for drawn in CHARTS:
        marks = browser.execute_script(
            "return document.querySelectorAll(`#${arguments[0]} .main-svg path`).length", drawn
        )
        assert marks > 2, drawn
    bars = browser.execute_script("return document.querySelectorAll('#shares .bars .point').length")
    assert bars == {"day": 390, "labels": 3}[name]
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert set(sent) <= {pages[name].as_uri()}


def test_hovering_tells_the_numbers(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["day"])
    told = hovered(browser, "shares")
    assert re.search(r"newton : [\d,.]+ shares", told)
    assert re.search(r"twap : 256\.4\d* shares", told)
    assert re.search(r"\d\d:\d\d", told)
    assert "shares" in hovered(browser, "inventory")
    assert "$" in hovered(browser, "terms")


def test_zooming_by_button_by_mouse_and_back(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    show(browser, pages["day"])
    for name in ("shares", "curves"):
        whole = span(browser, name)
        press(browser, name, "in")
        assert span(browser, name) == pytest.approx(whole / 2, rel=1e-6)
        press(browser, name, "right")
        assert span(browser, name) == pytest.approx(whole / 2, rel=1e-6)
        press(browser, name, "out")
        assert span(browser, name) == pytest.approx(whole, rel=1e-6)
        press(browser, name, "reset")
        assert span(browser, name) == pytest.approx(whole, rel=1e-6)
    whole, drawn = span(browser, "inventory"), chart(browser, "inventory")
    ActionChains(browser).move_to_element_with_offset(drawn, -100, 0).click_and_hold().move_by_offset(
        200, 0
    ).release().perform()
    assert span(browser, "inventory") < whole / 2


def test_zooming_by_categories(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["labels"])
    whole = span(browser, "shares")
    press(browser, "shares", "in")
    assert span(browser, "shares") == pytest.approx(whole / 2)


def test_labels_are_text(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["labels"])
    assert browser.execute_script("return document.images.length") == 0
    ticks = browser.execute_script(
        "return [...document.querySelectorAll('#shares .xtick text')].map((t) => t.textContent)"
    )
    assert ticks == [HOSTILE, "<b>b</b>", "c & d"]


def test_buckets_stand_in_their_order_whatever_limit_they_are_at(browser: Any, tmp_path: Path) -> None:
    problem = ox.Problem(ox.Order(900), ox.Power([1e-3, 2e-3, 4e-3], 1.5), ox.objective("A"), ox.Limits(maximum=500))
    page = tmp_path / "capped.html"
    page.write_text(Report(ox.solve(problem)).html())
    show(browser, page)
    script = "return [...document.querySelectorAll('#marginal .xtick text')].map((t) => t.textContent)"
    assert browser.execute_script(script) == ["1", "2", "3"]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_screen_needs_no_sideways_scrolling(browser: Any, pages: dict[str, Path], width: int) -> None:
    for page in pages.values():
        show(browser, page, width)
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        ends = "return [...document.querySelectorAll('.chart svg')].map((svg) => svg.getBoundingClientRect().right)"
        assert max(browser.execute_script(ends)) <= width


def test_charts_follow_the_dark_scheme_and_the_button(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.by import By

    show(browser, pages["day"], scheme="dark")
    background = "return getComputedStyle(document.body).backgroundColor"
    assert brightness(browser.execute_script(background)) < 60
    assert brightness(text_colour(browser)) > 180
    press(browser, "shares", "in")
    zoomed, button = span(browser, "shares"), browser.find_element(By.ID, "theme")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert brightness(browser.execute_script(background)) > 200
    assert brightness(text_colour(browser)) < 90
    assert button.get_attribute("aria-pressed") == "false"
    assert span(browser, "shares") == zoomed


def test_paper_is_light_and_has_no_buttons(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["day"], scheme="dark")
    browser.execute_script(
        "addEventListener('beforeprint', () => { window.printed = "
        "getComputedStyle(document.querySelector('#shares .xtick text')).fill; })"
    )
    paper = browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert base64.b64decode(paper["data"]).startswith(b"%PDF")
    assert brightness(browser.execute_script("return window.printed")) < 90
    assert brightness(text_colour(browser)) > 180
    show(browser, pages["day"], media="print")
    hidden = (
        "return [...document.querySelectorAll('nav, .zoom, .download, #theme')].every((e) => e.offsetParent === null)"
    )
    assert browser.execute_script(hidden)


def test_keys_reach_everything_and_the_focus_is_seen(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    show(browser, pages["labels"])
    reached = []
    for _ in range(60):
        ActionChains(browser).send_keys("\ue004").perform()
        focus = browser.execute_script(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.tagName, e.className, e.dataset.zoom ?? e.id, s.outlineStyle, parseFloat(s.outlineWidth)]"
        )
        reached.append(focus)
    assert reached[0][1] == "skip"
    assert {"in", "out", "left", "right", "reset", "theme"} <= {focus[2] for focus in reached}
    assert {"A", "BUTTON", "SUMMARY"} <= {focus[0] for focus in reached}
    assert all(style == "solid" and width >= 2 for tag, _, _, style, width in reached if tag != "BODY")

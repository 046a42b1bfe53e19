"""The page of an ingested scan in a browser."""

from pathlib import Path
from typing import Any

import pytest

from made_up_scan import MadeUp

LONGEST_SECONDS = 3.0


@pytest.fixture(scope="module")
def page(ingested: MadeUp) -> Path:
    return ingested.folder / "report.html"


def opened_page(open_page: Any, page: Path, **settings: Any) -> Any:
    opened = open_page(page, **settings)
    opened.page.wait_for_selector(".scan-map canvas")
    return opened


def said(opened: Any) -> str:
    return str(opened.page.locator("#hit-view .said").inner_text())


@pytest.mark.parametrize(
    ("name", "width", "settings"),
    [("wide", 1440, {}), ("dark", 1440, {"color_scheme": "dark"}), ("phone", 390, {})],
)
def test_it_opens_offline_and_fits(
    open_page: Any, page: Path, artefacts: Path, name: str, width: int, settings: dict[str, Any]
) -> None:
    opened = opened_page(open_page, page, width=width, **settings)
    assert opened.number("document.documentElement.scrollWidth") <= width
    taken = opened.number("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert taken / 1e3 < LONGEST_SECONDS
    asked = [address for address in opened.requests if not address.startswith("data:")]
    assert asked == [page.as_uri()]
    assert opened.page.locator(".scan-map canvas").count() == 5
    opened.page.screenshot(path=artefacts / f"ingest-{name}.png", full_page=True)


def test_a_click_on_a_hit_shows_its_pattern_and_image(
    open_page: Any, page: Path, ingested: MadeUp
) -> None:
    opened = opened_page(open_page, page)
    for frame in (ingested.kept[-1], ingested.kept[0]):
        mark = opened.page.locator(f".hit[aria-label='Frame {frame}: kept']")
        mark.click(force=True)
        assert said(opened).startswith(f"Frame {frame}: kept")
        assert mark.get_attribute("aria-pressed") == "true"
        pictures = opened.page.locator("#hit-view .pictures img")
        assert pictures.count() == 3
        assert pictures.first.evaluate("one => one.naturalWidth") > 20
        assert "R-factor" in opened.page.locator("#hit-view .listed").inner_text()
    assert opened.page.locator(".chosen-piece").count() == 2


def test_a_hit_that_was_rejected_shows_its_place_in_the_image(open_page: Any, page: Path) -> None:
    opened = opened_page(open_page, page)
    opened.page.locator(".hit[aria-label$='off centre']").first.click(force=True)
    assert "It was not handed over" in said(opened)
    canvas = opened.page.locator("#hit-view .pictures canvas")
    opened.page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(128, 128, 1, 1).data[3] === 255",
        arg=canvas.element_handle(),
    )


def test_hits_are_reached_with_the_keyboard(open_page: Any, page: Path) -> None:
    opened = opened_page(open_page, page)
    first = said(opened)
    assert opened.page.locator(".hit[tabindex='0']").count() == 1
    opened.page.locator(".hit[tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"):
        opened.page.keyboard.press(key)
        if said(opened) != first:
            break
    assert said(opened) != first
    assert opened.page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_what_is_drawn_can_be_switched_and_is_then_passed_over(open_page: Any, page: Path) -> None:
    opened = opened_page(open_page, page)
    toggles = opened.page.locator("#field-controls .toggle")
    fates = {
        str(mark).rpartition(": ")[2]
        for mark in opened.page.locator(".hit").evaluate_all(
            "marks => marks.map(mark => mark.getAttribute('aria-label'))"
        )
    }
    assert "off centre" in fates
    for name in sorted(fates - {"kept"}):
        toggles.filter(has_text=name).click()
    assert opened.page.locator(".hit:not([hidden])").count() == opened.page.locator(
        ".hit[aria-label$='kept']"
    ).count()  # fmt: skip
    for _ in range(3):
        opened.page.locator("#hit-view button[aria-label='Next hit']").click()
        assert ": kept." in said(opened)
    opened.page.get_by_role("button", name="Image", exact=True).click()
    assert not opened.page.locator(".ground").is_visible()


def test_a_frame_is_read_on_the_maps_and_opened(
    open_page: Any, page: Path, ingested: MadeUp
) -> None:
    opened = opened_page(open_page, page)
    opened.page.locator("#scan-maps input[type=range]").focus()
    opened.page.keyboard.press("ArrowRight")
    words = opened.page.locator("#scan-maps .said").inner_text()
    assert words.startswith("Frame 1: ")
    assert "scattered electrons" in words
    canvas = opened.page.locator(".scan-map canvas").first
    box, frame = canvas.bounding_box(), ingested.kept[-1]
    row, column = divmod(frame, 18)
    canvas.click(
        position={"x": (column + 0.5) / 18 * box["width"], "y": (13.5 - row) / 14 * box["height"]}
    )
    assert said(opened).startswith(f"Frame {frame}: kept")


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark"}, {"width": 390}])
def test_axe_finds_no_serious_fault(open_page: Any, page: Path, settings: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    opened = opened_page(open_page, page, **settings)
    found = axe.run(opened.page).response
    grave = {
        fault["id"]: [node["html"] for node in fault["nodes"]]
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    }
    assert grave == {}


def test_without_scripts_the_field_and_the_maps_are_shown(open_page: Any, page: Path) -> None:
    opened = open_page(page, java_script_enabled=False)
    pictures = opened.page.locator("figure img")
    assert pictures.count() == 4
    assert all(picture.is_visible() for picture in pictures.all())
    assert opened.page.locator(".hit").first.is_visible()
    assert opened.page.locator(".still").is_visible()

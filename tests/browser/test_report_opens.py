"""The report in a browser: offline, quick, for every width, for print, and for everybody."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from diffragan.evaluation.page_record import read_metrics, read_record
from diffragan.evaluation.report import write_report

LONGEST_SECONDS = 3.0
MOST_BYTES = 15_000_000
PRINTED_PIXELS = 688
"""Of A4 between margins of 14 mm."""


def seconds_to_open(page: Any) -> float:
    """Time until everything is drawn, the least of three: a busy machine adds to any."""
    seconds = []
    for _ in range(3):
        page.reload()
        taken = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        seconds.append(float(taken) / 1e3)
        if seconds[-1] < LONGEST_SECONDS:
            break
    return min(seconds)


def test_the_page_opens_from_disk_without_an_error_or_a_request(opened: Any, report: Path) -> None:
    asked = [address for address in opened.requests if not address.startswith("data:")]
    assert asked == [report.as_uri()]
    assert seconds_to_open(opened.page) < LONGEST_SECONDS


def test_the_first_screen_says_what_was_run_and_what_came_of_it(opened: Any, report: Path) -> None:
    metrics = read_metrics(report.parent, ())
    words = opened.page.locator(".verdicts").inner_text()
    for name, method in metrics["methods"].items():
        assert name in words
        assert method["verdict"] in words
    box = opened.page.locator(".verdicts").bounding_box()
    assert box["y"] + box["height"] < 900
    assert "measured to" in words
    # The ticks below belong to the bars above.
    track, ticks = (opened.page.locator(f".{it}").first.bounding_box() for it in ("track", "ticks"))
    assert (track["x"], track["width"]) == (ticks["x"], ticks["width"])


@pytest.mark.parametrize(
    ("name", "width", "settings"),
    [
        ("wide", 1440, {}),
        ("dark", 1440, {"color_scheme": "dark"}),
        ("phone", 390, {"has_touch": True, "device_scale_factor": 2}),
    ],
)
def test_the_page_fits_every_width(
    open_page: Any, report: Path, artefacts: Path, name: str, width: int, settings: dict[str, Any]
) -> None:
    opened = open_page(report, width, **settings)
    opened.page.wait_for_selector("canvas.surface[data-triangles]")
    assert opened.number("document.documentElement.scrollWidth") <= width
    opened.page.screenshot(path=artefacts / f"report-{name}.png", full_page=True)
    small = opened.page.evaluate(
        "[...document.querySelectorAll('main p, main button, main td, main label')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)).filter(size => size < 11).length"
    )
    assert small == 0


def test_the_page_prints_its_pictures_side_by_side(
    open_page: Any, report: Path, artefacts: Path
) -> None:
    opened = open_page(report, 794)
    page = opened.page
    page.wait_for_selector("canvas.surface[data-triangles]")
    page.emulate_media(media="print")
    left, right = (page.locator(".layer").nth(at).bounding_box() for at in (1, 0))
    assert left["x"] + left["width"] <= right["x"] + 1
    assert abs(left["y"] - right["y"]) < 1
    tag = page.locator(".tag.right").bounding_box()
    assert right["x"] <= tag["x"] < right["x"] + right["width"]
    # What only the slider explains goes with it.
    for moving in ("input[type=range]", ".read", ".handle"):
        assert not page.locator(moving).first.is_visible()
    page.screenshot(path=artefacts / "report-print.png", full_page=True)
    page.pdf(path=artefacts / "report.pdf", format="A4")
    assert (artefacts / "report.pdf").stat().st_size > 50_000


def test_no_table_is_cut_off_in_print(open_page: Any, report: Path) -> None:
    page = open_page(report, PRINTED_PIXELS).page
    page.emulate_media(media="print")
    for closed in page.locator("details").all():
        closed.evaluate("element => { element.open = true; }")
    tables = page.locator("table")
    assert tables.count() >= 4
    for table in tables.all():
        box = table.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PRINTED_PIXELS + 1


def test_a_table_that_goes_on_shows_it_on_a_phone(open_page: Any, report: Path) -> None:
    page = open_page(report, 390).page
    proteins = page.locator(".scrolls", has=page.locator("#protein-table"))
    assert proteins.evaluate("box => box.scrollWidth > box.clientWidth")
    assert "linear-gradient" in proteins.evaluate("box => getComputedStyle(box).backgroundImage")
    # The protein's name stays while its numbers move by.
    name = page.locator("#protein-table tbody th").first
    before = name.bounding_box()["x"]
    proteins.evaluate("box => { box.scrollLeft = 200; }")
    assert abs(name.bounding_box()["x"] - before) < 2


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark"}, {"width": 390}])
def test_axe_finds_no_serious_fault(open_page: Any, report: Path, settings: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    opened = open_page(report, **settings)
    opened.page.wait_for_selector("canvas.surface[data-triangles]")
    for closed in opened.page.locator("details").all():
        closed.evaluate("element => { element.open = true; }")
    found = axe.run(opened.page).response
    assert len(found["passes"]) > 20
    grave = {
        fault["id"]: [node["html"] for node in fault["nodes"]]
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    }
    assert grave == {}


def test_without_scripts_the_figures_are_shown(open_page: Any, report: Path) -> None:
    opened = open_page(report, java_script_enabled=False)
    pictures = opened.page.locator("figure img")
    assert pictures.count() == 4
    assert all(picture.is_visible() for picture in pictures.all())
    assert not opened.page.locator("#gallery").is_visible()


def test_everything_can_be_reached_with_the_keyboard(opened: Any) -> None:
    page = opened.page
    reached = set()
    for _ in range(160):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(e => e === document.body ? '' : e.tagName.toLowerCase() + '.' + e.className)"
                "(document.activeElement)"
            )
        )
    for wanted in ("canvas.globe", "canvas.surface", "button.toggle", "button.step", "input."):
        assert wanted in reached


def test_fourteen_proteins_with_eight_views_open_in_three_seconds(
    open_page: Any, report: Path, tmp_path: Path
) -> None:
    folder = report.parent
    record = read_record(folder)
    views = json.loads((folder / "views.json").read_text())
    one = views["views"][0]
    views["molecules"] = [f"protein {n}" for n in range(14)]
    views["views"] = [{**one, "molecule": n} for n in range(14) for _ in range(8)]
    (tmp_path / "views.json").write_text(json.dumps(views))
    page = write_report(read_metrics(folder, record.methods), record.figures, tmp_path, "14 x 8")
    assert page.stat().st_size < MOST_BYTES
    opened = open_page(page)
    assert opened.page.locator(".strip img").count() == len(one["pictures"])
    assert seconds_to_open(opened.page) < LONGEST_SECONDS


def test_a_hostile_name_runs_nothing(open_page: Any, report: Path, tmp_path: Path) -> None:
    folder = report.parent
    text = (folder / "metrics.json").read_text()
    hostile = "<img src=x onerror=document.title='lost'>"
    metrics = json.loads(re.sub(r'"er"', json.dumps(hostile), text))
    (tmp_path / "views.json").write_text((folder / "views.json").read_text())
    page = write_report(metrics, read_record(folder).figures, tmp_path, hostile)
    opened = open_page(page)
    opened.page.wait_for_timeout(200)
    assert opened.page.title() == hostile
    assert opened.page.locator("h1").inner_text() == hostile

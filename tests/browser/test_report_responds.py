"""Every moving part of the report, by mouse and by keyboard."""

from typing import Any

DRAWN = "canvas => canvas.toDataURL()"


def drag(page: Any, element: Any, across: float, down: float) -> None:
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()


def shared(opened: Any) -> float:
    """Percent of the stage that shows the left picture."""
    return opened.number("parseFloat(document.querySelector('.stage').style.cssText.split(':')[1])")


def test_the_wipe_follows_the_mouse(opened: Any) -> None:
    stage = opened.page.locator(".stage")
    assert shared(opened) == 50
    box = stage.bounding_box()
    drag(opened.page, stage, -0.3 * box["width"], 0)
    assert abs(shared(opened) - 20) <= 1
    cut = opened.page.locator(".layer:not(.over)").evaluate("e => getComputedStyle(e).clipPath")
    assert cut.startswith("inset(0px")


def test_the_wipe_follows_the_arrow_keys(opened: Any) -> None:
    slider = opened.page.get_by_label("Wipe", exact=True)
    slider.focus()
    for _ in range(5):
        opened.page.keyboard.press("ArrowRight")
    assert shared(opened) == 55
    assert slider.get_attribute("aria-valuetext") == "55 % left picture"
    opened.page.keyboard.press("Home")
    assert shared(opened) == 0


def test_any_two_pictures_can_be_laid_over_each_other(opened: Any) -> None:
    page = opened.page
    names = page.get_by_label("Left", exact=True).locator("option").all_inner_texts()
    assert names == ["diffraction", "low resolution", "low-resolution", "er", "truth"]
    seen = set()
    for name in names:
        page.get_by_label("Left", exact=True).select_option(index=names.index(name))
        assert page.locator(".tag.left").inner_text() == name
        source = page.locator(".layer:not(.over) img").get_attribute("src")
        assert source.startswith("data:image/webp;base64,")
        seen.add(source)
    assert len(seen) == len(names)
    page.locator(".strip button", has_text="truth").click()
    assert page.locator(".tag.right").inner_text() == "truth"
    assert "True image" in page.locator(".layer.over img").get_attribute("alt")


def test_a_view_brings_its_own_pictures_and_curves(opened: Any) -> None:
    page = opened.page
    curve = page.locator("#gallery .chart path.curve").first

    def shown() -> tuple[str, str, str]:
        return (
            page.locator("#gallery .said").inner_text(),
            page.locator(".layer.over img").get_attribute("src"),
            curve.get_attribute("d"),
        )

    first = shown()
    page.get_by_label("Next view").focus()
    page.keyboard.press("Enter")
    second = shown()
    assert all(a != b for a, b in zip(first, second, strict=True))
    page.get_by_label("Protein", exact=True).first.select_option(label="alpha")
    assert "of alpha" in page.locator("#gallery .said").inner_text()
    assert page.get_by_label("View", exact=True).locator("option").count() == 3


def test_a_toggle_hides_its_curve(opened: Any) -> None:
    page = opened.page
    curves = page.locator("#frc .chart path.curve")
    button = page.locator("#frc .toggle", has_text="er").first
    before = curves.count()
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert curves.count() == before - 1
    button.focus()
    page.keyboard.press("Space")
    assert curves.count() == before


def test_controls_and_waves_can_be_toggled_too(opened: Any) -> None:
    groups = opened.page.locator("#frc .toggles")
    names = [group.get_attribute("aria-label") for group in groups.all()]
    assert names[0] == "Methods, images"
    assert "Controls" in names
    before = opened.page.locator("#frc .chart path.curve").count()
    for button in groups.last.locator("button").all():
        button.click()
    assert opened.page.locator("#frc .chart path.curve").count() == before + 2


def test_the_measured_limit_is_shaded(opened: Any) -> None:
    x = "Number(document.querySelector('#frc .chart rect.{}').getAttribute('x'))"
    assert opened.number(x.format("partly")) < opened.number(x.format("unmeasured"))


def test_curves_are_read_by_mouse_and_by_keyboard(opened: Any) -> None:
    page = opened.page
    chart = page.locator("#frc .chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    said, read = page.locator("#frc output"), page.locator("#frc .read").first
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    coarse = said.inner_text()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    assert float(coarse.split()[0]) > float(said.inner_text().split()[0])
    value = read.inner_text()
    assert -1 <= float(value) <= 1
    page.get_by_label("Read at").nth(1).focus()
    before = said.inner_text()
    page.keyboard.press("ArrowLeft")
    assert said.inner_text() != before


def test_headings_sort_the_proteins_both_ways(opened: Any) -> None:
    page = opened.page
    rows = page.locator("#protein-table tbody tr")

    def names() -> list[str]:
        return [row.locator("th").inner_text() for row in rows.all()]

    assert names() == ["villin", "beta", "alpha"]
    heading = page.locator("#protein-table thead th[scope=col]").first
    heading.locator("button").click()
    assert names() == ["alpha", "beta", "villin"]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert names() == ["villin", "beta", "alpha"]
    mass = page.locator("#protein-table thead th[scope=col]").nth(1)
    mass.locator("button").click()
    masses = [float(row.locator("td").first.inner_text()) for row in rows.all()]
    assert masses == sorted(masses)
    assert heading.get_attribute("aria-sort") is None


def test_the_globe_turns_and_opens_the_view_in_its_middle(opened: Any) -> None:
    page = opened.page
    globe = page.locator("canvas.globe")
    first = globe.evaluate(DRAWN)
    globe.focus()
    page.keyboard.press("ArrowRight")
    second = globe.evaluate(DRAWN)
    assert second != first
    turned = globe.get_attribute("aria-valuenow")
    drag(page, globe, 80, 30)
    assert globe.evaluate(DRAWN) != second
    assert globe.get_attribute("aria-valuenow") != turned
    said = page.locator("#orientation-views .said")
    for _ in range(36):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        if "shown in the gallery" in said.inner_text():
            break
    assert "shown in the gallery" in said.inner_text()
    number = said.inner_text().split()[1]
    assert page.locator("#gallery .said").inner_text().startswith(f"View {number} of")


def test_the_globe_and_the_histograms_take_a_method_and_a_protein(opened: Any) -> None:
    page = opened.page
    globe, histograms = page.locator("canvas.globe"), page.locator("#orientation-views svg.chart")
    first = globe.get_attribute("aria-label"), histograms.get_attribute("aria-label")
    assert "9 viewing directions" in first[0]
    page.get_by_label("Globe coloured by").select_option(label="er")
    page.get_by_label("Protein", exact=True).nth(1).select_option(label="villin")
    assert "3 viewing directions" in globe.get_attribute("aria-label")
    assert "resolution of er" in globe.get_attribute("aria-label")
    assert "over 3 views" in histograms.get_attribute("aria-label")


def test_the_map_turns_by_mouse_keyboard_and_itself(opened: Any) -> None:
    page = opened.page
    surface = page.locator("canvas.surface")
    seen = [surface.evaluate(DRAWN)]
    surface.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    seen.append(surface.evaluate(DRAWN))
    drag(page, surface, 60, 20)
    page.wait_for_timeout(100)
    seen.append(surface.evaluate(DRAWN))
    button = page.get_by_role("button", name="Turn")
    button.click()
    page.wait_for_timeout(300)
    button.click()
    page.wait_for_timeout(100)
    seen.append(surface.evaluate(DRAWN))
    page.wait_for_timeout(200)
    assert surface.evaluate(DRAWN) == seen[-1]
    assert len(set(seen)) == 4


def test_the_map_s_level_and_sections_follow_their_sliders(opened: Any) -> None:
    page = opened.page
    surface = page.locator("canvas.surface")
    before = int(surface.get_attribute("data-triangles"))
    assert before > 100
    page.get_by_label("Level").focus()
    page.keyboard.press("End")
    assert int(surface.get_attribute("data-triangles")) < before
    section = page.locator(".section canvas").first
    middle = section.evaluate(DRAWN)
    page.get_by_label("z", exact=True).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert section.evaluate(DRAWN) != middle
    assert "at z =" in section.get_attribute("aria-label")

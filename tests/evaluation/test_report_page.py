"""The report as a page: valid nesting, readable by machines, and bounded."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from diffragan.evaluation.figures import draw_figures
from diffragan.evaluation.report import write_report
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

VOID = {"meta", "br", "img", "link"}
HOSTILE = "</title><img src=x onerror=alert(1)> & \"co\" 'é'"


class Page(HTMLParser):
    """Elements of a page in their order; fails where one closes that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.parents: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.parents.append(self.open[-1] if self.open else "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data.strip()))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [words for inside, words in self.words if inside == tag and words]


@pytest.fixture(scope="module")
def written(
    tiny: TripletStore,
    tiny_low: PhasedStore,
    tiny_er: PhasedStore,
    tiny_metrics: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., str]:
    out = tmp_path_factory.mktemp("page")
    figures = draw_figures(tiny, [tiny_low, tiny_er], tiny_metrics, out)

    def write(title: str, notes: tuple[str, ...] = (), **changes: Any) -> str:
        path = write_report({**tiny_metrics, **changes}, figures, out, title, notes)
        return path.read_text(encoding="utf-8")

    return write


@pytest.fixture(scope="module")
def text(written: Callable[..., str]) -> str:
    return written(HOSTILE, (HOSTILE, "second"))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_says_its_language_encoding_and_title(text: str, page: Page) -> None:
    assert text.startswith("<!doctype html>")
    assert page.attributes("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in page.attributes("meta")
    assert "".join(page.text("title")) == HOSTILE


def test_titles_and_notes_are_shown_as_they_were_given(page: Page) -> None:
    assert ["".join(page.text("h1"))] == [HOSTILE]
    assert page.text("li")[-2:] == [HOSTILE, "second"]


def test_a_method_s_name_cannot_leave_its_place(
    written: Callable[..., str], tiny_metrics: dict[str, Any]
) -> None:
    methods = {HOSTILE: tiny_metrics["methods"]["low-resolution"]}
    page = Page(written("t", methods=methods))
    assert HOSTILE in page.text("th")
    assert not [image for image in page.attributes("img") if "onerror" in image]


def test_only_the_page_s_own_script_runs_and_nothing_is_fetched(page: Page) -> None:
    names = {name for name, _ in page.elements}
    assert not names & {"link", "iframe", "object", "embed", "form", "base"}
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "srcset", "data"):
            assert (attributes.get(key) or "data:image/").startswith("data:image/")
        assert (attributes.get("href") or "#").startswith("#")
    (style,) = page.text("style")
    assert "@import" not in style
    assert "url(" not in style


def test_the_page_forbids_all_scripts_but_its_own(text: str, page: Page) -> None:
    data, script = page.attributes("script")
    assert data == {"type": "application/json", "id": "data"}
    assert script == {}
    (policy,) = (
        str(a["content"])
        for a in page.attributes("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    inside = text.rsplit("<script>", 1)[1].split("</script>", maxsplit=1)[0]
    digest = b64encode(sha256(inside.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")


def test_data_for_the_script_cannot_end_it(
    written: Callable[..., str], tiny_metrics: dict[str, Any]
) -> None:
    methods = {
        "</script><b>": tiny_metrics["methods"]["low-resolution"],
        "er": tiny_metrics["methods"]["er"],
    }
    page = Page(written("t", methods=methods))
    series = json.loads("".join(page.text("script")[:1]))["frc"]["series"]
    assert series[0]["label"] == "</script><b>"


def test_headings_go_down_by_one_level_at_most(page: Page) -> None:
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_every_label_points_to_the_one_element_of_its_name(page: Page) -> None:
    named = [str(attributes["id"]) for _, attributes in page.elements if "id" in attributes]
    assert len(named) == len(set(named))
    pointed = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert pointed
    assert set(pointed) <= set(named)


def test_pictures_stand_in_figures_with_a_caption_and_a_text(page: Page) -> None:
    pictures = page.attributes("img")
    assert len(pictures) == len(page.attributes("figure")) == len(page.text("figcaption")) == 3
    for picture in pictures:
        assert len(str(picture["alt"])) > 40


def test_every_row_of_the_table_has_a_cell_for_each_heading(
    page: Page, tiny_metrics: dict[str, Any]
) -> None:
    parts = [name for name, _ in page.elements if name in {"tr", "th", "td"}]
    rows = " ".join(parts).split("tr")[1:]
    headings, *body = [len(row.split()) for row in rows]
    judged = 2 + len(tiny_metrics["controls"])
    assert body[:judged] == [headings] * judged
    # On a narrow screen the headings go, and each number carries its own.
    for name, attributes in page.elements:
        if name == "td" and attributes.get("role") and attributes.get("class"):
            assert attributes["data-label"]


def test_the_page_has_a_dark_a_narrow_and_a_printed_form(page: Page) -> None:
    (style,) = page.text("style")
    assert "color-scheme: light dark" in style
    for form in ("(prefers-color-scheme: dark)", "(max-width: 46rem)", "print"):
        assert f"@media {form}" in style
    used, known = (set(re.findall(p, style)) for p in (r"var\((--[\w-]+)\)", r"(--[\w-]+):"))
    # Colours of methods and the place of the wipe are set on the elements themselves, and the
    # script colours the globe.
    assert used - {"--c", "--d", "--share"} == known - {"--globe"}
    dark = style.split("(prefers-color-scheme: dark)")[1].split("*")[0]
    assert set(re.findall(r"(--[\w-]+):", dark)) == known


def test_the_settings_on_the_page_are_json_that_makes_it_again(
    page: Page, tiny: TripletStore, tiny_metrics: dict[str, Any]
) -> None:
    settings = json.loads("".join(page.text("pre")))
    assert settings["data_identity"] == tiny.identity
    assert settings["experiment"] == tiny.experiment.model_dump(mode="json")
    assert set(settings["methods"]) == set(tiny_metrics["methods"])
    recorded = settings["methods"]["er"]["provenance"]["settings"]
    assert recorded["settings"] == {"iterations": 5}


def test_numbers_of_the_page_are_those_of_the_file(
    page: Page, tiny_metrics: dict[str, Any]
) -> None:
    cells = page.text("td")
    for scores in (*tiny_metrics["methods"].values(), *tiny_metrics["controls"].values()):
        assert f"{scores['ssim_mean']:.3f}" in cells
        assert f"{scores['r_factor_mean']:.3f}" in cells


def test_the_page_stays_small_enough_to_send(text: str) -> None:
    assert 50_000 < len(text.encode()) < 3_000_000
    lines = re.sub('base64,[^"]*', "", text).splitlines()
    assert max(len(line) for line in lines if not line.startswith("<script type=")) < 2000


def test_why_a_control_was_not_run_is_told(
    written: Callable[..., str], tiny_metrics: dict[str, Any]
) -> None:
    control = {"wrong_diffraction": {"not_run": "its weights <were> lost"}}
    method = {**tiny_metrics["methods"]["er"], "controls": control}
    page = Page(written("t", methods={"er": method}))
    assert "er, wrong diffraction not run: its weights <were> lost." in page.text("small")
    assert "not run" in page.text("td")

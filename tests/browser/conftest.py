"""A report of a real run, and a browser to open it in."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from diffragan.structures.prepared import PreparedStructure

ARTEFACTS = "DIFFRAGAN_ARTEFACTS"
METHODS = ("low-resolution", "er")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        # Without a sandbox, because continuous integration runs as root.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots are kept; git knows nothing of them."""
    folder = Path(os.environ.get(ARTEFACTS, Path(__file__).parent / "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def report(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of villin and two clusters, phased by two methods and judged, with villin's map."""
    from diffragan.config.load import load_experiment
    from diffragan.evaluation.figures import draw_figures, find_reconstructions
    from diffragan.evaluation.protocol import evaluate
    from diffragan.evaluation.report import write_report
    from diffragan.evaluation.sections import read_reconstruction
    from diffragan.io.triplets import TripletStore
    from diffragan.reconstruction.pipeline import Extras, reconstruct_all
    from diffragan.reconstruction.request import Request
    from diffragan.reconstruction.sources.stores import particles_of_store
    from diffragan.simulation.dataset import simulate_dataset
    from tiny_data import cluster, tiny_phased

    folder = tmp_path_factory.mktemp("report")
    molecules = [replace(villin, name="villin"), cluster("beta", 1), cluster("alpha", 2)]
    experiment = load_experiment("quick", overrides={"orientations": 3})
    path = simulate_dataset(molecules, experiment, 0, folder / "data.zarr", workers=1)
    data = TripletStore(path)
    stores = [
        tiny_phased(data, folder / f"{name}.zarr", name, **({"iterations": 10} if at else {}))
        for at, name in enumerate(METHODS)
    ]
    views = [it for it in particles_of_store(stores[1], data.structures()) if it.name == "villin"]
    reconstruct_all(views, Request(poses="known"), folder / "maps", Extras())
    maps = find_reconstructions([folder / "maps"])
    out = folder / "evaluation"
    metrics = evaluate(data, stores, out, control_views=1, protocol="paper")
    figures = draw_figures(data, stores, metrics, out, maps)
    shown = [read_reconstruction(place) for place in maps]
    return write_report(metrics, figures, out, "Villin & clusters", ["A note."], shown)


@dataclass
class Opened:
    """A page with all that it complained of and asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def number(self, script: str) -> float:
        return float(self.page.evaluate(script))


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Open a file at a width, without a network; fails at the end where the page complained."""
    contexts, pages = [], []

    def open_file(path: Path, width: int = 1440, height: int = 900, **settings: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        context.set_offline(True)
        opened = Opened(context.new_page())
        pages.append(opened)
        opened.page.on(
            "console",
            lambda message: opened.complaints.append(f"{message.type}: {message.text}"),
        )
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri())
        return opened

    yield open_file
    for context in contexts:
        context.close()
    assert [complaint for opened in pages for complaint in opened.complaints] == []


@pytest.fixture
def opened(open_page: Any, report: Path) -> Opened:
    """The report at 1440 pixels, its map drawn."""
    opened = open_page(report)
    opened.page.wait_for_selector("canvas.surface[data-triangles]")
    return opened

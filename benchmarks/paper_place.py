"""What the paper's tests share: the run, the data, other methods' results, and the record."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from paper_inputs import describe_run, first_views

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError, InputError
from diffragan.evaluation.figures import save
from diffragan.evaluation.inputs import check_source
from diffragan.evaluation.page_record import read_metrics_file
from diffragan.evaluation.paper.counterparts import file_stem
from diffragan.evaluation.paper.judged import (
    Draw,
    JudgedViews,
    judge_image_alone,
    judge_store,
    laid_on_truth,
    stored_images,
)
from diffragan.evaluation.wording import CONTROL_LABELS
from diffragan.io.files import output_folder, write_json
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import provenance
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.learned import ConditionalGanPhaser
from diffragan.phasing.registry import recorded_settings
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.prepared import PreparedStructure

METHOD = "cgan"


@dataclass(frozen=True)
class Place:
    """Where a test finds its inputs and leaves its results."""

    arguments: Namespace

    @property
    def out(self) -> Path:
        """Folder of all results."""
        return Path(self.arguments.out)

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return int(self.arguments.seed)

    @cached_property
    def test(self) -> TripletStore:
        """Data set of unseen proteins."""
        return TripletStore(self.arguments.test)

    @cached_property
    def train(self) -> TripletStore:
        """Data set the network was trained on."""
        return TripletStore(self.needed("train", "the data set the network was trained on"))

    @cached_property
    def phaser(self) -> ConditionalGanPhaser:
        """The trained network."""
        return ConditionalGanPhaser(self.needed("run", "the training run"), self.arguments.device)

    @cached_property
    def items(self) -> list[int]:
        """Items of the test data to judge: the first views of each protein."""
        return first_views(self.test, self.arguments.views)

    @cached_property
    def given(self) -> dict[str, PhasedStore]:
        """Results of the test data that were named."""
        found: dict[str, PhasedStore] = {}
        for word in self.arguments.phased:
            given, _, path = word.rpartition("=")
            store = PhasedStore(Path(path))
            check_source(self.test, store)
            name = given or store.method
            if name in found:
                raise ConfigError(
                    f"{path}: is a second result of {name}; name it, as l1-only={path}"
                )
            found[name] = store
        return found

    @cached_property
    def phased(self) -> dict[str, PhasedStore]:
        """What each method made of the test data, the network's first."""
        others = {name: store for name, store in self.given.items() if name != METHOD}
        return {METHOD: self.given.get(METHOD) or self._phase_by_run(), **others}

    @property
    def results(self) -> dict[str, PhasedStore]:
        """Results that were named, whatever made them; the network's where none was."""
        return self.given or self.phased

    def needed(self, option: str, what: str) -> Path:
        """Return a path that this test cannot do without."""
        path: Path | None = getattr(self.arguments, option)
        if path is None:
            raise ConfigError(f"this test needs --{option}: {what}")
        return path

    def judged(self) -> dict[str, JudgedViews]:
        """Judge each method's images of the views that are asked for."""
        return {name: self._asked(judge_store(self.test, s)) for name, s in self.phased.items()}

    def network_views(self) -> tuple[JudgedViews, Draw]:
        """Judge the network's images, and say where they are, as they were judged."""
        store = self.phased[METHOD]
        draw = laid_on_truth(self.test, stored_images(store))
        return self._asked(judge_store(self.test, store)), draw

    def controls(self, items: Sequence[int]) -> dict[str, np.ndarray]:
        """Mean curves of the controls, as `metrics.json` has them; else of the image alone."""
        if self.arguments.metrics is None:
            alone = judge_image_alone(self.test, items)
            return {"low-resolution image alone": alone.curves.mean(0)}
        metrics = read_metrics_file(self.arguments.metrics)
        if metrics["data"]["identity"] != self.test.identity:
            raise InputError(
                f"{self.arguments.metrics}: judges other data than {self.test.store.path}"
            )
        found = {
            CONTROL_LABELS.get(name, name): np.asarray(control["frc_mean"])
            for name, control in metrics["controls"].items()
        }
        wrong = metrics["methods"].get(METHOD, {}).get("controls", {}).get("wrong_diffraction", {})
        if "frc_mean" in wrong:
            found[f"{METHOD}, wrong pattern"] = np.asarray(wrong["frc_mean"])
        return found

    def _asked(self, views: JudgedViews) -> JudgedViews:
        return views.take(np.flatnonzero(np.isin(views.items, self.items)))

    def _phase_by_run(self) -> PhasedStore:
        """Phase the test data by the run, or take what an earlier test phased."""
        path = output_folder(self.out / "phased") / f"{METHOD}.zarr"
        settings = recorded_settings(self.phaser, {}, self.arguments.run)
        if not path.exists():
            phase_dataset(
                self.test, self.phaser, path, method=METHOD, settings=settings, items=self.items,
                device=self.arguments.device,
            )  # fmt: skip
        store = PhasedStore(path)
        check_source(self.test, store)
        made_with = store.store.attributes["provenance"]["settings"]["weights_sha256"]
        if made_with != settings["weights_sha256"]:
            raise InputError(
                f"{path}: was phased by other weights; remove it, or choose another --out"
            )
        if not set(self.items) <= {int(i) for i in store.read("source_item")}:
            raise InputError(f"{path}: holds fewer views; remove it, or choose another --out")
        return store

    def simulate(
        self, name: str, structures: Sequence[PreparedStructure], experiment: Experiment
    ) -> TripletStore:
        """Simulate a data set of this test's own, or take the one an earlier run made."""
        path = output_folder(self.out / "data") / f"{name}.zarr"
        if not path.exists():
            simulate_dataset(
                structures, experiment, self.seed, path, device=self.arguments.device,
                workers=self.arguments.workers,
            )  # fmt: skip
        data = TripletStore(path)
        wanted = sorted(s.sha256 for s in structures)
        same = sorted(s["sha256"] for s in data.store.attributes["structures"]) == wanted
        if data.experiment != experiment or not same:
            raise InputError(f"{path}: holds other data; remove it, or choose another --out")
        return data

    def record(
        self,
        name: str,
        what: str,
        results: Mapping[str, Any],
        figures: Mapping[str, tuple[Figure, str, str]],
    ) -> None:
        """Write a test's figures and JSON; each figure comes with its caption and a text."""
        output_folder(self.out)
        drawn = [save(f, self.out / file_stem(n), *words) for n, (f, *words) in figures.items()]
        path = self.out / f"{name}.json"
        given = vars(self.arguments).items()
        settings = {k: _plain(v) for k, v in sorted(given) if k != "command"}
        write_json(
            path,
            {
                "test": name,
                "what": what,
                "command": " ".join(["python", *self.arguments.command]),
                "seed": self.seed,
                "run": None if self.arguments.run is None else describe_run(self.arguments.run),
                "test_data": {
                    "path": str(self.arguments.test),
                    "proteins": len(self.test.store.attributes["structures"]),
                    "experiment": self.test.experiment.model_dump(mode="json"),
                },
                "provenance": provenance(
                    f"paper test {name}", settings, self.seed, {"test": self.test.identity}
                ),
                "results": results,
                "figures": [
                    {"png": d.png.name, "svg": d.svg.name, "caption": d.caption, "alt": d.alt}
                    for d in drawn
                ],
            },
        )
        print(f"wrote {path}, {', '.join(d.png.name for d in drawn)} (and SVG)")


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value

"""Training data on the fly: an endless stream of views that no disk has to hold.

View `n` depends on the seed and `n` alone: which molecule, how it stands, dose, defocus, exposure,
noise. So neither the number of workers nor a restart changes what a network sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from diffragan.config.experiment import Experiment
from diffragan.config.stream import StreamSettings
from diffragan.physics.forward import measured_region
from diffragan.simulation.batched import poses_together, simulate_scenes
from diffragan.simulation.conformations import draw_conformation
from diffragan.simulation.plan import Plan, Scene, make_plan
from diffragan.simulation.stream_batch import StreamBatch, View, stacked
from diffragan.simulation.stream_checks import check_every_orientation_fits, check_stream
from diffragan.simulation.triplet import layout
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.superposition import superposed
from diffragan.threads import one_thread


@dataclass(frozen=True, slots=True)
class Drawn:
    """What chance decided about a view before it is simulated."""

    scene: Scene
    experiment: Experiment


class TripletStream(IterableDataset[StreamBatch]):
    """Batches of fresh views, endless or `items` many; iterating again gives the same ones.

    In a `DataLoader` (with `batch_size=None`) worker `i` of `w` makes batches `i`, `i + w`, ...,
    which the loader hands out in their order; `stream_loader` sets one up.
    """

    def __init__(
        self,
        structures: Sequence[PreparedStructure],
        experiment: Experiment,
        settings: StreamSettings | None = None,
        *,
        seed: int,
        start: int = 0,
        items: int | None = None,
        device: str = "cpu",
        process: int = 0,
        processes: int = 1,
    ) -> None:
        """Plan a stream; nothing is simulated yet.

        Parameters
        ----------
        structures : Prepared molecules.
        experiment : What all views share.
        settings : What differs between them.
        seed : Seed of all views, and of the detector's defects as in `simulate_dataset`.
        start : Number of the first view; how many have been seen, to take up a training run.
        items : How many views; endless when left out.
        device : Where views are simulated and lie, `cpu` or a CUDA device.
        process, processes : Batches go round several processes, each of which has a stream of its
            own: this one has every `processes`-th batch, beginning with number `process`.

        Raises
        ------
        ConfigError : A number cannot be used, or the specimen or detector is impossible.
        InputError : There is no molecule, or one does not fit its box in every orientation.
        """
        super().__init__()
        self.settings = settings or StreamSettings()
        check_stream(structures, experiment, self.settings, seed, start, items)
        conformations = experiment.specimen.conformations
        if conformations.populations:
            structures = superposed(list(structures))
        self.plan: Plan = make_plan(experiment, structures, seed, "torch", device, None)
        check_every_orientation_fits(self.plan)
        self.start = start
        self.items = items
        self.process, self.processes = process, processes
        self.measured = (
            layout(experiment, seed).measured
            & measured_region(
                experiment.diffraction_pixels, experiment.diffraction.direct_beam_pixels
            )
        ).to(device)
        equal = (1.0,) * len(structures)
        self._weights = self.settings.weights or conformations.populations or equal
        self._together = poses_together(experiment, device)

    def __iter__(self) -> Iterator[StreamBatch]:
        """Yield batch after batch, in a worker process those that are its own."""
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        size = self.settings.batch
        for number in count(first, step):
            views = self._portion(number)
            if not views:
                return
            made = self._views(views)
            for place in range(0, len(made), size):
                yield stacked(made[place : place + size], self.measured)

    def _portion(self, number: int) -> list[int]:
        """Return the views that are made in one go: a batch, or on a GPU several."""
        size = self.settings.batch
        batches = self.settings.window if self._together > 1 else 1
        own = range(number * batches, (number + 1) * batches)
        firsts = [(batch * self.processes + self.process) * size for batch in own]
        places = [place for first in firsts for place in range(first, first + size)]
        return [self.start + place for place in places if self.items is None or place < self.items]

    def batch(self, numbers: Sequence[int]) -> StreamBatch:
        """Make any views of the stream by their numbers.

        Parameters
        ----------
        numbers : At least one, none negative.
        """
        return stacked(self._views(numbers), self.measured)

    def draw(self, number: int) -> Drawn:
        """Draw everything that is random about a view except its noise."""
        sequence = np.random.SeedSequence(self.plan.seed, spawn_key=(number,))
        generator = np.random.default_rng(sequence)
        # Always all of them, so that a range given or not changes nothing else.
        dose, defocus, exposure = generator.uniform(size=3)
        structure = draw_conformation(self._weights, generator)
        return Drawn(
            self.plan.stand(structure, number, generator),
            _varied(self.plan.experiment, self.settings, dose, defocus, exposure),
        )

    def _views(self, numbers: Sequence[int]) -> list[View]:
        drawn = [self.draw(number) for number in numbers]
        scenes, experiments = [one.scene for one in drawn], [one.experiment for one in drawn]
        with one_thread():
            triplets = simulate_scenes(self.plan, scenes, experiments, self._together)
        return [
            View(one.scene, one.experiment, triplet)
            for one, triplet in zip(drawn, triplets, strict=True)
        ]


def _varied(
    experiment: Experiment, settings: StreamSettings, dose: float, defocus: float, exposure: float
) -> Experiment:
    """Put drawn values into an experiment; each comes as its share of the way through its range."""
    low: dict[str, float | None] = {}
    detector: dict[str, float] = {}
    if settings.low_resolution_dose_e_per_a2:
        low["dose_e_per_a2"] = _log_uniform(settings.low_resolution_dose_e_per_a2, dose)
    if settings.low_resolution_snr:
        low |= {"dose_e_per_a2": None, "snr": _log_uniform(settings.low_resolution_snr, dose)}
    if settings.low_resolution_defocus_angstrom:
        least, most = settings.low_resolution_defocus_angstrom
        low["defocus_angstrom"] = least + defocus * (most - least)
    if settings.diffraction_exposure_e_per_a2:
        limits = settings.diffraction_exposure_e_per_a2
        detector["exposure_e_per_a2"] = _log_uniform(limits, exposure)
    return experiment.model_copy(
        update={
            "low_resolution": experiment.low_resolution.model_copy(update=low),
            "detector": experiment.detector.model_copy(update=detector),
        }
    )


def _log_uniform(limits: tuple[float, float], share: float) -> float:
    low, high = limits
    return float(np.clip(low * (high / low) ** share, low, high))

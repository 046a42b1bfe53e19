"""Calibrate how the hybrid phaser predicts its own FRC, on molecules of the validation set.

    python benchmarks/calibrate_confidence.py DATA.zarr ... --weights RUN --out RUN

Phases every data set, compares each view with its truth band by band, and fits a small network from
the evidence that comes without the truth to the FRC of the iterated wave, of the network's wave and
of their blend. Intervals are those of proteins that were left out of the fit. Writes
`confidence.json` into the folder of the weights. The data sets should span what users measure:
noise-free and counted patterns, good and bad images, several boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import nn

from diffragan.alignment import align
from diffragan.config.experiment import Experiment
from diffragan.evaluation.scores import read_truth
from diffragan.fourier import centred
from diffragan.io.files import output_folder, write_json
from diffragan.io.triplets import TripletStore
from diffragan.phasing.achieved import achieved_frc, image_bands
from diffragan.phasing.confidence import (
    FILE,
    OUTPUTS,
    Calibration,
    smoothed_curve,
    view_resolution,
)
from diffragan.phasing.evidence import FEATURES, Bands, Evidence
from diffragan.phasing.hybrid import Answer, HybridPhaser
from diffragan.phasing.hybrid_grid import fine_iterations
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.network_alone import PHASE_OBJECT_ANGSTROM
from diffragan.phasing.projections import measured_moduli
from diffragan.phasing.protocol import Observations, high_resolution_images, read_observations
from diffragan.phasing.weights import read_unrolled
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.progress import progress_bar
from diffragan.typing import Float, Images, Tensor, Waves

HIDDEN = 24
STEPS = 3000
FOLDS = 3
BATCH = 8
RATE, DECAY = 3e-3, 1e-3
JITTER = 0.05
"""Noise added to the features while fitting, in standard deviations: a few proteins are not all."""
EDGES_ANGSTROM = (1.6, 2.5, 4.0, 1e6)
"""Predicted resolutions up to which each row of intervals holds [Å]."""
FEWEST = 12
"""Views that a row of its own needs; a row of fewer takes all views."""
QUANTILES = (0.025, 0.975)
"""More than 90 in 100: quantiles of few views are uncertain, and proteins differ."""


@dataclass(frozen=True)
class Arguments:
    """What to calibrate on."""

    data: tyro.conf.Positional[tuple[Path, ...]]
    weights: Path
    out: Path
    restarts: int | None = None
    effort: str = "normal"
    seed: int = 0
    device: str = "cpu"


@dataclass
class View:
    """One view: evidence, and the truth of it."""

    protein: str
    data: str
    evidence: Tensor
    bands: Bands
    iterated: Tensor
    network: Tensor
    blended: Tensor | None = None


@dataclass
class Batch:
    """Some views with the waves that a blend is made of."""

    store: TripletStore
    items: Sequence[int]
    answer: Answer
    observations: Observations
    views: list[View]


def main(arguments: Arguments) -> None:
    torch.manual_seed(arguments.seed)
    settings = HybridSettings.model_validate(
        {"effort": arguments.effort, "restarts": arguments.restarts}
    )
    weights = read_unrolled(arguments.weights)
    phaser = HybridPhaser(settings, weights, arguments.device)
    # Waves are finished once they are blended as the first calibration says, and not before.
    unfinished = settings.model_copy(update={"final_iterations": 0})
    iterating = HybridPhaser(unfinished, weights, arguments.device)
    iterating.calibration = None
    batches = [batch for path in arguments.data for batch in phased(path, iterating)]
    views = [view for batch in batches for view in batch.views]
    first = fitted(views, arguments.seed)
    blended(batches, first, phaser)
    ratios: list[tuple[float, float]] = []
    proteins = sorted({view.protein for view in views})
    for fold in range(FOLDS):
        out = set(proteins[fold::FOLDS])
        calibration = fitted([v for v in views if v.protein not in out], arguments.seed)
        for view in (v for v in views if v.protein in out):
            ratios.append(predicted_and_true(view, calibration))
    final = fitted(views, arguments.seed)
    calibration = Calibration(final.layers, final.centre, final.scale, intervals(ratios))
    report(ratios, calibration, len(proteins))
    content = calibration.as_json()
    content["provenance"] = {
        "data": {path.name: TripletStore(path).identity for path in arguments.data},
        "views": len(views),
        "proteins": proteins,
        "seed": arguments.seed,
        "settings": settings.model_dump(),
    }
    write_json(output_folder(arguments.out) / FILE, content)


def phased(path: Path, phaser: HybridPhaser) -> list[Batch]:
    store = TripletStore(path)
    names = [entry["name"] for entry in store.store.attributes["structures"]]
    owner = store.read("structure")
    found = []
    with progress_bar(len(store), path.name) as bar:
        for start in range(0, len(store), BATCH):
            items = range(start, min(start + BATCH, len(store)))
            observations = read_observations(store, items)
            answer = phaser.answer(observations)
            bands = answer.evidence.bands
            error, experiment = answer.error, store.experiment
            _, settled = phaser.settled(answer.found.waves, error, experiment)
            guessed = imaged(answer.guess.waves, experiment)
            iterated, network = (
                band_curves(store, items, images, bands) for images in (settled, guessed)
            )
            views = [
                View(
                    names[int(owner[item])],
                    path.name,
                    answer.evidence.values[row],
                    bands,
                    iterated[row],
                    network[row],
                )
                for row, item in enumerate(items)
            ]
            found.append(Batch(store, items, answer, observations, views))
            bar.advance(len(items))
    return found


def imaged(waves: Waves, experiment: Experiment) -> Images:
    """Image of the network's waves, origin at pixel [0, 0], as its phaser gives it."""
    held = with_phase_object_amplitude(centred(waves), experiment.wave_grid, PHASE_OBJECT_ANGSTROM)
    return high_resolution_images(held, experiment)


def band_curves(
    store: TripletStore, items: Sequence[int], images: Images, bands: Bands
) -> Float[Tensor, "item band"]:
    """Correlation of images with the true ones, laid on them, in bands of resolution."""
    truth = read_truth(store, list(items)).images
    laid = align(images, truth).apply(images)
    return achieved_frc(laid, truth, image_bands(store.experiment, bands.count))


def blended(batches: Sequence[Batch], calibration: Calibration, phaser: HybridPhaser) -> None:
    """Blend as the calibration says, and compare that with the truth, too."""
    for batch in batches:
        bands = batch.answer.evidence.bands
        told = calibration.predict(batch.answer.evidence)
        moduli = measured_moduli(batch.observations)
        found, guess = batch.answer.found, batch.answer.guess
        fine = fine_iterations(batch.observations, guess, phaser.settings)
        items = batch.observations.numbers
        waves = phaser.joined(found, guess.waves, told, moduli, bands, fine, items)
        _, images = phaser.settled(waves, batch.answer.error, batch.store.experiment)
        for row, curve in enumerate(band_curves(batch.store, batch.items, images, bands)):
            batch.views[row].blended = curve


def fitted(views: Sequence[View], seed: int) -> Calibration:
    """Fit a network to the curves of some views, every view as heavy as any other."""
    x = torch.cat([view.evidence for view in views])
    targets = torch.cat([curves(view) for view in views]).clamp(0, 1)
    weight = torch.cat([torch.full((len(v.evidence),), 1 / len(v.evidence)) for v in views])
    centre, scale = x.mean(0), x.std(0).clamp(min=1e-3)
    x = (x - centre) / scale
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(len(FEATURES), HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, len(OUTPUTS)),
        )
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        noise = JITTER * torch.randn(x.shape, generator=random)
        miss = (torch.sigmoid(network(x + noise)) - targets) ** 2
        loss = (weight[:, None] * miss).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # as PyTorch has it
        optimiser.step()
        schedule.step()
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    layers = tuple((layer.weight.detach(), layer.bias.detach()) for layer in linear)
    return Calibration(layers, centre, scale, ((1e6, 0.5, 2.0),))


def curves(view: View) -> Tensor:
    """Return the true curves of a view, `(band, output)`, smoothed as a prediction is."""
    last = view.iterated if view.blended is None else view.blended
    return torch.stack(
        [smoothed_curve(curve.float()) for curve in (view.iterated, view.network, last)], dim=-1
    )


def predicted_and_true(view: View, calibration: Calibration) -> tuple[float, float]:
    evidence = Evidence(view.evidence[None], view.bands)
    told = calibration.predict(evidence)["blend"][0]
    assert view.blended is not None
    return view_resolution(told, view.bands), view_resolution(view.blended, view.bands)


def intervals(pairs: Sequence[tuple[float, float]]) -> tuple[tuple[float, float, float], ...]:
    """Quantiles of true over predicted resolution, by predicted resolution."""
    rows, low = [], 0.0
    for end in EDGES_ANGSTROM:
        own = [true / told for told, true in pairs if low < told <= end]
        used = own if len(own) >= FEWEST else [true / told for told, true in pairs]
        least, most = np.quantile(used, QUANTILES)
        rows.append((end, float(min(least, 1.0)), float(max(most, 1.0))))
        low = end
    return tuple(rows)


def report(pairs: Sequence[tuple[float, float]], calibration: Calibration, proteins: int) -> None:
    told, true = (np.log([pair[side] for pair in pairs]) for side in (0, 1))
    inside = [
        low <= truth <= high
        for guess, truth in pairs
        for low, high in [calibration.interval(guess)]
    ]
    off = np.exp(np.median(np.abs(told - true)))
    print(
        f"{len(pairs)} views of {proteins} proteins, each predicted by a fit without its protein: "
        f"correlation {np.corrcoef(told, true)[0, 1]:.3f} (of the logarithms), median ratio "
        f"{off:.3f}, {100 * np.mean(inside):.0f} % inside their interval; intervals "
        + ", ".join(
            f"to {end:g} Å: {low:.2f} to {high:.2f} times"
            for end, low, high in calibration.intervals
        )
    )
    assert log(off) >= 0


if __name__ == "__main__":
    main(tyro.cli(Arguments))

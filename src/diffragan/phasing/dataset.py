"""Phasing a whole data set into a store, in batches, resumable."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffragan.io.layout import Array
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import KIND, phased_attributes, phased_specs
from diffragan.io.provenance import fingerprint, provenance
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.phasing.protocol import Phaser, PredictingPhaser, Prediction, read_observations
from diffragan.progress import progress_bar, tell

BATCH = 8
"""Items phased together: enough to feed every core, few enough for its cache."""


def phase_dataset(
    data: ObservationStore,
    phaser: Phaser,
    out: Path,
    *,
    method: str,
    settings: Mapping[str, Any],
    items: Sequence[int] | None = None,
    device: str = "cpu",
    with_spread: bool = False,
) -> Path:
    """Phase items of a data set into the store `out`; takes up an interrupted run.

    What a calibrated phaser predicts of its answers is kept with them.

    Parameters
    ----------
    data : The data set; only what an experiment measures of it is shown to the phaser.
    phaser : Turns observations into waves.
    out : The store, a name that ends in `.zarr`.
    method : Name of the phaser in the registry.
    settings : Everything needed to make the phaser again, for controls and provenance.
    items : Which items; all when left out.
    device : Where the observations live.
    with_spread : Keep the spread over the draws of a phaser that was asked for several.
    """
    chosen = list(range(len(data))) if items is None else list(items)
    made_by = provenance(
        "phase",
        {"method": method, **settings, "items": fingerprint(chosen)},
        None,
        {data.store.path.name: data.identity},
    )
    attributes = phased_attributes(
        method, data.store.path, data.identity, data.store.attributes, made_by
    )
    predicted: tuple[float, ...] = ()
    if isinstance(phaser, PredictingPhaser) and chosen:
        predicted = phaser.predicted_frequencies(read_observations(data, chosen[:1], device))
    specs = phased_specs(
        data.experiment, len(chosen), with_spread=with_spread, predicted_frequency=predicted
    )
    said: set[str] = set()
    with StoreWriter(out, KIND, specs, attributes) as writer:
        remaining = [place for place in range(len(chosen)) if place not in writer.done]
        with progress_bar(len(chosen), f"phasing by {method}", done=len(writer.done)) as bar:
            for start in range(0, len(remaining), BATCH):
                places = remaining[start : start + BATCH]
                items = [chosen[place] for place in places]
                for note in _phase_batch(data, phaser, writer, places, items, device):
                    if note not in said:
                        tell(note)
                    said.add(note)
                bar.advance(len(places))
        writer.finish()
    return out


def _phase_batch(
    data: ObservationStore,
    phaser: Phaser,
    writer: StoreWriter,
    places: Sequence[int],
    items: Sequence[int],
    device: str,
) -> tuple[str, ...]:
    """Phase and write some items, and return what is odd about them."""
    phased = phaser.phase(read_observations(data, items, device))
    poses = {"structure": data.read("structure", items), **data.poses(items)}
    spread = phased.spread
    told = {} if phased.prediction is None else _predicted(phased.prediction)
    for row, (place, item) in enumerate(zip(places, items, strict=True)):
        spreads = {}
        if spread is not None:
            spreads["wave_spread"] = spread.waves[row].cpu().numpy()
            spreads["image_spread"] = spread.images[row].cpu().numpy()
        write_item(
            writer.partial,
            place,
            {
                "wave": phased.waves[row].cpu().numpy(),
                "image": phased.images[row].cpu().numpy(),
                "energy_outside_support": float(phased.energy_outside_support[row]),
                "source_item": item,
                **spreads,
                **{name: values[row] for name, values in told.items()},
                **{name: values[row] for name, values in poses.items()},
            },
        )
        writer.mark(place)
    return phased.notes


def _predicted(prediction: Prediction) -> dict[str, Array]:
    """Arrays of a prediction by their names in the store."""
    return {
        "predicted_frc": prediction.frc.cpu().numpy(),
        "predicted_resolution": prediction.resolution_angstrom.cpu().numpy(),
        "predicted_resolution_interval": prediction.interval_angstrom.cpu().numpy(),
        "predicted_score": prediction.score.cpu().numpy(),
        "phasing_failed": prediction.failed.cpu().numpy(),
    }

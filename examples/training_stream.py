"""Views to train on, simulated while they are needed: no data set on disk, none seen twice.

Run it as `python examples/training_stream.py`; it takes some seconds.
"""

from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

from diffragan.config.load import load_experiment
from diffragan.config.stream import StreamSettings
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_loader import stream_loader
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared


def main() -> None:
    folder = Path(mkdtemp())
    molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
    settings = StreamSettings(
        batch=4,
        low_resolution_dose_e_per_a2=(10, 1000),
        low_resolution_defocus_angstrom=(800, 1200),
        diffraction_exposure_e_per_a2=(100, 10_000),
    )
    # start=N takes an interrupted training up again behind N views.
    stream = TripletStream([molecule], load_experiment("quick"), settings, seed=0, start=0)
    with closing(stream_loader(stream, workers=1)) as batches:
        for step, batch in enumerate(islice(batches, 3)):
            # Here a network would see batch.patterns() and batch.low_resolution, and be told
            # batch.exit_wave.
            doses = ", ".join(f"{dose:.0f}" for dose in batch.low_resolution_dose_e_per_a2)
            print(f"step {step}: views {batch.number.tolist()} at doses of {doses} e/Å2")


if __name__ == "__main__":  # worker processes import this file
    main()

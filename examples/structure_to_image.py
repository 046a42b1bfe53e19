"""The shortest way from a structure to a phased image.

Run it as `python examples/structure_to_image.py`; it takes some seconds.
"""

from pathlib import Path
from tempfile import mkdtemp

from diffragan.config.load import load_experiment
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared

folder = Path(mkdtemp())
molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
experiment = load_experiment("quick", overrides={"orientations": 4})
data = TripletStore(
    simulate_dataset([molecule], experiment, seed=0, out=folder / "views.zarr", workers=1)
)
observations = read_observations(data, range(4))  # patterns and noisy images; nothing of the truth
phased = make_phaser("hio", {"iterations": 400}).phase(observations)
print(f"{molecule.name}: {len(phased.images)} phased images of {phased.images.shape[-1]} pixels")

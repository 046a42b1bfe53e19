"""Make the table of densities inside proteins that the package carries (a minute).

    python tools/make_density_histograms.py TRAIN/*.pdb \
        --out src/diffragan/reconstruction/many_views/data/density_histograms.json

Each file is a training protein that `diffragan prepare` wrote; none may be used for tests. Of each,
the true potential is cut off at every limit, and the quantiles of its values inside the molecule
are averaged over the proteins.
"""

import argparse
from pathlib import Path

import torch

from diffragan.io.files import write_json
from diffragan.reconstruction.many_views.geometry import MARGIN, grid_for
from diffragan.reconstruction.many_views.histograms import molecule_core, standard_quantiles
from diffragan.reconstruction.many_views.lattice import within_limit
from diffragan.reconstruction.many_views.supports import PROTEIN_ANGSTROM3_PER_DALTON
from diffragan.reconstruction.truth import true_potential_map
from diffragan.simulation.orientations import largest_extent
from diffragan.structures.prepared import read_prepared

LIMITS_PER_ANGSTROM = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)
QUANTILES = 41
ROOM = 1.3
"""Box over the molecule's diameter: the potential of one copy must not reach the next."""


def main() -> None:
    """Read the proteins, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("proteins", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    total = torch.zeros(len(LIMITS_PER_ANGSTROM), QUANTILES)
    for path in arguments.proteins:
        prepared = read_prepared(path)
        grid = grid_for(LIMITS_PER_ANGSTROM[-1], ROOM * largest_extent(prepared.model), MARGIN)
        whole = torch.fft.ifftshift(true_potential_map(prepared.model, grid))
        size = prepared.mass_kda * 1e3 * PROTEIN_ANGSTROM3_PER_DALTON
        for row, limit in enumerate(LIMITS_PER_ANGSTROM):
            volume = within_limit(whole, grid, limit)
            core = molecule_core(volume, size, grid)
            total[row] += standard_quantiles(volume[core], QUANTILES) / len(arguments.proteins)
    write_json(
        arguments.out,
        {
            "limits_per_angstrom": LIMITS_PER_ANGSTROM,
            "quantiles": [[round(value, 4) for value in row] for row in total.tolist()],
            "proteins": sorted(path.stem for path in arguments.proteins),
            "command": "tools/make_density_histograms.py",
        },
    )


if __name__ == "__main__":
    main()

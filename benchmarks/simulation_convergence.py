"""How a wave's error falls with sampling, slices and margin: the data of the accuracy rule.

Each molecule, at rest and in random orientations, is computed with a band limit, a slice thickness
or a margin varied, and compared with a fine computation. Prints tables and the fitted constants of
`diffragan.config.accuracy`, and checks the rule's promise. Villin needs some two minutes. Run:
python benchmarks/simulation_convergence.py [PREPARED.pdb ...] --json OUT.json --figure OUT.png
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from convergence_figure import draw
from scipy.optimize import least_squares

from diffragan.config.accuracy import sampling_for
from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.fourier import centred, fourier, resize_centred
from diffragan.grid import Grid
from diffragan.io.files import write_json
from diffragan.physics.form_factors import (
    VOLT_ANGSTROM2_PER_ANGSTROM,
    electron_form_factor,
)
from diffragan.physics.multislice import mid_plane_wave
from diffragan.physics.slices import slice_lattice
from diffragan.progress import track
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared
from diffragan.typing import Tensor

SEED = 0
ENERGIES_KEV = (80.0, 200.0, 300.0)
ANGLES_MRAD = (10.0, 20.0, 40.0)
FREQUENCIES = (0.3, 0.4, 0.6, 0.8, 1.13, 1.6, 2.0)
"""Errors are taken inside these [1/Å]; 0.8 is 20 mrad at 200 keV."""
BANDS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.65, 2.0, 2.5, 3.0)
SLICES = (1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0)
MARGIN_BANDS = (0.8, 1.2, 1.9, 3.0)
MARGINS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
ACCURACIES = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
FINE_BAND, FINE_SLICES = 6.0, 0.25
WIDE_MARGIN = 16.0
FITTED_SHARE = 0.75
"""Closer to the band limit the law of the band does not hold."""
EDGE = 4.0
"""Margin of the runs that vary something else [Å]; both sides of a comparison have it."""


@dataclass(frozen=True)
class Molecule:
    """One molecule in one orientation."""

    name: str
    atoms: int
    model: AtomicModel

    def grid(self, band: float, margin: float = EDGE) -> Grid:
        """Grid that holds the molecule and reaches a frequency [1/Å]."""
        box = float(self.model.extent()[:2].max()) + 2 * margin
        return Grid(fast_even(3 * band * box), box)

    def part(self, whole: Grid, margin: float) -> Grid:
        """Grid of the middle of a larger one that holds the molecule, in the same pixels."""
        side = float(self.model.extent()[:2].max()) + 2 * margin
        pixels = 2 * ceil(side / whole.pixel_angstrom / 2)
        return Grid(pixels, pixels * whole.pixel_angstrom)


def in_orientation(structure: PreparedStructure, number: int) -> Molecule:
    at_rest = replace(structure.model, b_factors=None)
    pose = random_pose(at_rest, item_generator(SEED, structure.sha256, number))
    return Molecule(structure.name, len(at_rest.positions), posed(at_rest, pose))


def spectrum(wave: Tensor, grid: Grid, limit: float) -> Tensor:
    """Centred Fourier coefficients up to a frequency along each axis."""
    return resize_centred(
        centred(fourier(wave)) / grid.pixels**2, 2 * int(limit * grid.box_angstrom) + 1
    )


def errors(found: Tensor, expected: Tensor, box: float, limits: Sequence[float]) -> list[float]:
    """Relative L2 inside each frequency."""
    axis = (torch.arange(found.shape[-1]) - found.shape[-1] // 2) / box
    q = torch.sqrt(axis[:, None] ** 2 + axis**2)
    return [float((found - expected)[q <= x].norm() / expected[q <= x].norm()) for x in limits]


def band_study(molecule: Molecule, energy: float) -> Iterator[dict[str, float]]:
    electron = Electron(energy)
    fine = molecule.grid(FINE_BAND)
    reference = mid_plane_wave(molecule.model, fine, electron, 2.0)
    for band in BANDS:
        grid = molecule.grid(band)
        reached = [q for q in FREQUENCIES if q < band]
        expected = spectrum(reference, fine, reached[-1])
        found = spectrum(mid_plane_wave(molecule.model, grid, electron, 2.0), grid, reached[-1])
        true_band = grid.pixels / (3 * grid.box_angstrom)
        for q, error in zip(
            reached, errors(found, expected, grid.box_angstrom, reached), strict=True
        ):
            yield {"energy_kev": energy, "band": true_band, "q": q, "error": error}


def slice_study(molecule: Molecule, energy: float) -> Iterator[dict[str, Any]]:
    electron, grid = Electron(energy), molecule.grid(2.5)
    limit = FREQUENCIES[-1]
    expected = spectrum(mid_plane_wave(molecule.model, grid, electron, FINE_SLICES), grid, limit)
    for exact in (True, False) if energy == 200 else (True,):
        for thickness in SLICES:
            wave = mid_plane_wave(molecule.model, grid, electron, thickness, exact_heights=exact)
            values = errors(spectrum(wave, grid, limit), expected, grid.box_angstrom, FREQUENCIES)
            _, real = slice_lattice(molecule.model, grid.box_angstrom, thickness)
            for q, error in zip(FREQUENCIES, values, strict=True):
                yield {
                    "energy_kev": energy, "thickness": real, "q": q, "error": error,
                    "exact_heights": exact,
                }  # fmt: skip


def margin_study(molecule: Molecule, energy: float) -> Iterator[dict[str, float]]:
    """Vary the margin at one pixel size and pad with zeros, in one slice whatever the box."""
    electron = Electron(energy)
    side = float(molecule.model.extent()[:2].max())
    for band in MARGIN_BANDS:
        wide = molecule.grid(band, WIDE_MARGIN)
        reference = mid_plane_wave(molecule.model, wide, electron, 2 * wide.box_angstrom)
        reached = [q for q in FREQUENCIES if q < FITTED_SHARE * band]
        expected = spectrum(reference, wide, reached[-1])
        for margin in MARGINS:
            grid = molecule.part(wide, margin)
            wave = mid_plane_wave(molecule.model, grid, electron, 2 * wide.box_angstrom)
            found = spectrum(resize_centred(wave, wide.pixels), wide, reached[-1])
            values = errors(found, expected, wide.box_angstrom, reached)
            real = (grid.box_angstrom - side) / 2
            for q, error in zip(reached, values, strict=True):
                yield {"energy_kev": energy, "band": band, "margin": real, "q": q, "error": error}


def float64_wave(
    molecule: Molecule, grid: Grid, electron: Electron, thickness: float
) -> np.ndarray[Any, Any]:
    """Compute the mid-plane wave once more, in double precision and by the plainest formulas."""
    axis = np.fft.fftfreq(grid.pixels, grid.pixel_angstrom)
    q2 = axis[:, None] ** 2 + axis**2
    band = q2 <= (grid.nyquist_per_angstrom * 2 / 3) ** 2
    q = torch.from_numpy(np.sqrt(q2))
    positions = molecule.model.positions.double().numpy()
    numbers = molecule.model.atomic_numbers.numpy()
    factors = {
        n: electron_form_factor(n, q).numpy() * band * VOLT_ANGSTROM2_PER_ANGSTROM
        for n in np.unique(numbers).tolist()
    }
    fresnel = np.pi * electron.wavelength_angstrom
    count, step = slice_lattice(molecule.model, grid.box_angstrom, thickness)
    which = np.clip(np.floor(positions[:, 2] / step + count / 2), 0, count - 1).astype(int)
    coefficients, height = np.zeros(q2.shape, complex), 0.0
    for here in np.unique(which):
        centre = (here + 0.5 - count / 2) * step
        potential = np.zeros(q2.shape, complex)
        for number, factor in factors.items():
            x, y, z = positions[(which == here) & (numbers == number)].T
            lift = fresnel * (z - centre)[:, None] * axis**2
            along_x, along_y = (np.exp(1j * (lift - 2 * np.pi * c[:, None] * axis)) for c in (x, y))
            potential += factor * (along_y.T @ along_x)
        phase = np.fft.ifft2(potential) / grid.pixel_angstrom**2
        change = np.expm1(1j * electron.interaction_rad_per_volt_angstrom * phase)
        arrived = np.fft.ifft2(coefficients * np.exp(-1j * fresnel * (centre - height) * q2))
        coefficients = np.fft.fft2(arrived + change * (1 + arrived)) * band
        height = centre
    return np.fft.fftshift(np.fft.ifft2(coefficients * np.exp(1j * fresnel * height * q2)))


def precision_study(molecule: Molecule) -> dict[str, float]:
    """Compare float32 with float64 at the same settings."""
    electron, grid = Electron(200.0), molecule.grid(1.9)
    ours = spectrum(mid_plane_wave(molecule.model, grid, electron, 2.0), grid, 1.8)
    exact = torch.from_numpy(float64_wave(molecule, grid, electron, 2.0))
    values = errors(ours, spectrum(exact, grid, 1.8), grid.box_angstrom, FREQUENCIES)
    return {str(q): value for q, value in zip(FREQUENCIES, values, strict=True)}


def promise_study(molecule: Molecule, energy: float) -> Iterator[dict[str, float]]:
    """Compute with what the rule asks for, and finely: what was promised and what is."""
    electron = Electron(energy)
    fine = molecule.grid(FINE_BAND, 2 * EDGE)
    reference = mid_plane_wave(molecule.model, fine, electron, FINE_SLICES)
    for angle in ANGLES_MRAD:
        q = electron.frequency_per_angstrom(angle)
        expected = spectrum(reference, fine, q)
        for accuracy in ACCURACIES:
            rule = sampling_for(
                accuracy, electron, recorded_per_angstrom=q, needed_per_angstrom=2**0.5 * q
            )
            if rule.slice_thickness_angstrom < 2 * FINE_SLICES:
                continue  # the reference is no better
            whole = molecule.grid(rule.band_limit_per_angstrom, 2 * EDGE)
            grid = molecule.part(whole, rule.margin_angstrom)
            wave = mid_plane_wave(molecule.model, grid, electron, rule.slice_thickness_angstrom)
            found = spectrum(resize_centred(wave, whole.pixels), whole, q)
            yield {
                "energy_kev": energy,
                "angle_mrad": angle,
                "accuracy": accuracy,
                "error": errors(found, expected, whole.box_angstrom, [q])[0],
                "band": rule.band_limit_per_angstrom,
                "thickness": rule.slice_thickness_angstrom,
                "margin": rule.margin_angstrom,
            }


def fitted(
    shape: Callable[[Any, dict[str, Any]], Any], start: list[float], rows: list[dict[str, Any]]
) -> tuple[list[float], float]:
    """Fit a positive law to errors in logarithms; also return by how much it falls short."""
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    columns["sigma"] = np.array(
        [Electron(e).interaction_rad_per_volt_angstrom for e in columns["energy_kev"]]
    )
    columns["wavelength"] = np.array(
        [Electron(e).wavelength_angstrom for e in columns["energy_kev"]]
    )

    def misfit(constants: Any) -> Any:
        return np.log(shape(np.exp(constants), columns) / columns["error"])

    found = least_squares(misfit, np.log(start)).x
    return np.exp(found).tolist(), float(np.exp(-misfit(found).min()))


def band_law(constants: Any, c: dict[str, Any]) -> Any:
    scale, power, middle = constants
    return scale * c["sigma"] * (1 + (c["q"] / middle) ** 2) / c["band"] ** power


def slice_law(constants: Any, c: dict[str, Any]) -> Any:
    scale, power, q_power = constants
    return scale * c["sigma"] * (c["wavelength"] * c["thickness"]) ** power * c["q"] ** q_power


def study(molecules: Sequence[Molecule], energies: Sequence[float]) -> dict[str, Any]:
    """Run every part; rows carry the molecule's name."""
    parts: dict[str, Callable[[Molecule, float], Iterator[dict[str, Any]]]] = {
        "band": band_study,
        "slices": slice_study,
        "margin": margin_study,
        "promise": promise_study,
    }
    result: dict[str, Any] = {
        part: [
            {"name": one.name, **row}
            for one in track(molecules, len(molecules), part)
            for energy in energies
            for row in rows(one, energy)
        ]
        for part, rows in parts.items()
    }
    result["molecules"] = {one.name: one.atoms for one in molecules}
    result["float32"] = {one.name: precision_study(one) for one in molecules[:1]}
    exact = [row for row in result["slices"] if row["exact_heights"]]
    inside = [row for row in result["band"] if row["q"] < FITTED_SHARE * row["band"]]
    result["band_fit"] = fitted(band_law, [10.0, 2.0, 0.8], inside)
    result["slice_fit"] = fitted(slice_law, [10.0, 1.0, 0.5], exact)
    return result


def show(result: dict[str, Any]) -> None:
    """Print what matters of the study."""
    print(", ".join(f"{name} ({atoms} atoms)" for name, atoms in result["molecules"].items()))
    (scale, power, middle), short = result["band_fit"]
    print(f"band:   {scale:.2f} sigma (1 + (q/{middle:.2f})^2) / band^{power:.2f}, x{short:.2f}")
    (scale, power, q_power), short = result["slice_fit"]
    print(f"slices: {scale:.1f} sigma (lambda d)^{power:.2f} q^{q_power:.2f}, x{short:.2f}")
    print("float32 against float64:", result["float32"])
    print("\nmargin [Å] and worst error inside 0.8 1/Å, by energy [keV]")
    for row in result["margin"]:
        if row["q"] == 0.8 and row["error"] > 1e-5:
            print(
                f"{row['name']:<8} {row['energy_kev']:>5g} {row['margin']:>6.2f} {row['error']:.5f}"
            )
    print("\naccuracy promised, and worst error found / promised, by angle [mrad]")
    for accuracy in ACCURACIES:
        rows = [row for row in result["promise"] if row["accuracy"] == accuracy]
        worst = [
            max((r["error"] / accuracy for r in rows if r["angle_mrad"] == angle), default=np.nan)
            for angle in ANGLES_MRAD
        ]
        print(f"{accuracy:<7g}", "  ".join(f"{w:.2f}" for w in worst))


def molecules_of(paths: Sequence[Path], orientation: int) -> list[Molecule]:
    with TemporaryDirectory() as folder:
        villin = write_preparation(prepare_structure(villin_path()), Path(folder))
        return [in_orientation(read_prepared(path), orientation) for path in (villin, *paths)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("structures", nargs="*", type=Path, help="prepared structures")
    parser.add_argument("--orientation", type=int, default=0)
    parser.add_argument("--energies-kev", type=float, nargs="+", default=ENERGIES_KEV)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        molecules = molecules_of(arguments.structures, arguments.orientation)
        result = study(molecules, arguments.energies_kev)
    show(result)
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.figure:
        draw(result, arguments.figure)


if __name__ == "__main__":
    main()

"""RELION's command lines, without any CTF: phased images have none.

Files are named relative to the folder in which the programs run.

Source: the jobs `InitialModel`, `Refine3D` and `PostProcess` of RELION 3.1's and 4's interface.
"""

from dataclasses import dataclass

from diffragan.reconstruction.relion.program import (
    POSTPROCESS,
    RECONSTRUCT,
    REFINE,
    REFINE_MPI,
    Relion,
)

FEWEST_ITERATIONS = 3
"""Of an initial model: one coarse, one in between, one fine."""
FEWEST_RANKS = 3
"""A leader and one follower for each half set."""
COARSE_DEGREES_ORDER = 2
LOCAL_ORDER = 4
"""HEALPix orders: 15 and 3.7 degrees before oversampling."""
POOL = 30


@dataclass(frozen=True, slots=True)
class RelionSettings:
    """What RELION is asked for."""

    symmetry: str = "C1"
    diameter_angstrom: float = 100.0
    """Of the mask about each particle [Å]."""
    max_shift_pixels: int = 6
    initial_iterations: int = 200
    """Of the initial model, in all."""
    batch: int = 200
    """Images in one iteration of the initial model, at its end."""
    initial_resolution_angstrom: float = 35.0
    """Resolution at which the initial model begins [Å]."""
    final_resolution_angstrom: float = 12.0
    """Resolution at which it ends, and refinement begins [Å]."""
    most_iterations: int | None = None
    """Of refinement; until it converges when not given."""
    order: int = COARSE_DEGREES_ORDER
    """HEALPix order with which refinement begins."""
    initial_order: int = 1
    oversampling: int = 1
    ranks: int = FEWEST_RANKS
    threads: int = 1
    seed: int = 1


def reconstruct_command(star: str, out: str, settings: RelionSettings, half: int = 0) -> list[str]:
    """Insert images at known poses; `half` is 1, 2, or 0 for all."""
    words = [RECONSTRUCT, "--i", star, "--o", out, "--sym", settings.symmetry]
    return [*words, "--subset", str(half)] if half else words


def initial_model_command(
    relion: Relion, star: str, out: str, settings: RelionSettings
) -> list[str]:
    """Make a first map of images of which nothing is known."""
    whole = settings.initial_iterations
    edge = max(1, whole // 6)  # as many coarse ones at the start as fine ones at the end
    if relion.initial_model == "grad":
        way = ["--grad", "--iter", str(whole), "--auto_sampling", "--tau2_fudge", "4"]
    else:
        way = ["--sgd"]
        way += ["--sgd_ini_iter", str(edge), "--sgd_fin_iter", str(edge)]
        way += ["--sgd_inbetween_iter", str(whole - 2 * edge)]
        way += ["--sgd_write_iter", str(max(1, whole // 10))]
    way += ["--sgd_ini_resol", f"{settings.initial_resolution_angstrom:g}"]
    way += ["--sgd_fin_resol", f"{settings.final_resolution_angstrom:g}"]
    way += ["--sgd_ini_subset", str(max(1, settings.batch // 2))]
    way += ["--sgd_fin_subset", str(settings.batch)]
    words = ["--i", star, "--o", out, "--denovo_3dref", "--K", "1", *way, "--pad", "1"]
    words += ["--healpix_order", str(settings.initial_order)]
    return [REFINE, *relion.supported([*words, *_shared(settings)])]


def refine_command(
    relion: Relion, star: str, reference: str, out: str, settings: RelionSettings, *, local: bool
) -> list[str]:
    """Refine poses from a first map, the half sets apart; `local`: near those in the STAR file."""
    order = max(LOCAL_ORDER, settings.order) if local else settings.order
    words = ["--i", star, "--o", out, "--ref", reference, "--auto_refine", "--split_random_halves"]
    words += ["--ini_high", f"{settings.final_resolution_angstrom:g}"]
    words += ["--low_resol_join_halves", f"{settings.initial_resolution_angstrom:g}"]
    words += ["--healpix_order", str(order), "--auto_local_healpix_order", str(LOCAL_ORDER)]
    words += ["--norm", "--scale", "--pad", "2"]
    if settings.most_iterations is not None:
        words += ["--auto_iter_max", str(settings.most_iterations)]
    return _parallel(relion, settings, [*words, *_shared(settings)])


def continue_command(
    relion: Relion, optimiser: str, out: str, settings: RelionSettings, *, parallel: bool
) -> list[str]:
    """Go on from the optimiser file of an iteration."""
    words = ["--continue", optimiser, "--o", out, "--pool", str(POOL)]
    words += ["--j", str(settings.threads), "--dont_combine_weights_via_disc"]
    if parallel and settings.most_iterations is not None:
        words += ["--auto_iter_max", str(settings.most_iterations)]
    if parallel:
        return _parallel(relion, settings, words)
    return [REFINE, *relion.supported(words)]


def postprocess_command(half1: str, half2: str, mask: str, out: str, pixel: float) -> list[str]:
    """Filter the mean of two half maps by their correlation within a mask; `pixel` in Å."""
    words = ["--i", half1, "--i2", half2, "--mask", mask, "--o", out, "--angpix", f"{pixel:.6f}"]
    return [POSTPROCESS, *words]


def _parallel(relion: Relion, settings: RelionSettings, words: list[str]) -> list[str]:
    ranks = max(FEWEST_RANKS, settings.ranks)
    return [*relion.launcher, str(ranks), REFINE_MPI, *relion.supported(words)]


def _shared(settings: RelionSettings) -> list[str]:
    words = ["--sym", settings.symmetry, "--flatten_solvent", "--zero_mask"]
    words += ["--particle_diameter", f"{settings.diameter_angstrom:g}"]
    words += ["--oversampling", str(settings.oversampling)]
    words += ["--offset_range", str(settings.max_shift_pixels), "--offset_step", "2"]
    words += ["--dont_check_norm", "--dont_combine_weights_via_disc", "--pool", str(POOL)]
    return [*words, "--j", str(settings.threads), "--random_seed", str(settings.seed)]

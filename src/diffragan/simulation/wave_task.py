"""One wave to compute, with all that decides how: what is timed and compared."""

from dataclasses import dataclass, replace

from diffragan.config.accuracy import MARGIN_ANGSTROM
from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.fourier import resize_centred
from diffragan.grid import Grid
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.orientations import largest_extent
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Waves


@dataclass(frozen=True, slots=True)
class WaveTask:
    """The mid-plane wave of one molecule in one pose."""

    model: AtomicModel
    electron: Electron
    whole: Grid
    """Grid of the box."""
    part: Grid
    """Its middle, in the same pixels, that is computed; the rest is vacuum."""
    depth_angstrom: float
    """Extent along the beam that is divided into slices [Å]."""
    slice_thickness_angstrom: float
    exact_heights: bool = True
    multiple_scattering_per_angstrom: float | None = None
    """Highest frequency of the states between which the multislice scatters [1/Å]; None: all."""

    def wave(self) -> Waves:
        """Compute psi_s on the part."""
        return mid_plane_wave(
            self.model,
            self.part,
            self.electron,
            self.slice_thickness_angstrom,
            exact_heights=self.exact_heights,
            depth_angstrom=self.depth_angstrom,
            multiple_scattering_per_angstrom=self.multiple_scattering_per_angstrom,
        )

    def whole_wave(self) -> Waves:
        """Compute psi_s on the whole box."""
        return resize_centred(self.wave(), self.whole.pixels)


def preset_task(model: AtomicModel, experiment: Experiment) -> WaveTask:
    """Return the task that `simulate` has with a molecule."""
    part = experiment.grid_for(largest_extent(model))
    return WaveTask(
        model,
        experiment.electron,
        experiment.simulation_grid,
        part,
        part.box_angstrom,
        experiment.slice_thickness_angstrom,
        multiple_scattering_per_angstrom=experiment.numerics.multiple_scattering_per_angstrom,
    )


def conventional_task(
    model: AtomicModel,
    experiment: Experiment,
    sampling_angstrom: float,
    slice_angstrom: float,
    multiple_scattering_per_angstrom: float | None = None,
) -> WaveTask:
    """Return the task that a conventional multislice has: atoms act at the centre of their slice.

    Slices divide the box as abTEM's do. Vacuum around the molecule is left out, in this pose.

    Parameters
    ----------
    model : The molecule in its pose.
    experiment : Gives electron and box.
    sampling_angstrom : Upper limit of the pixels' size [Å].
    slice_angstrom : Upper limit of the slices' thickness [Å].
    multiple_scattering_per_angstrom : Highest frequency of the states between which the multislice
        scatters; all of the grid's when left out, as in abTEM [1/Å].
    """
    box = experiment.box_angstrom
    whole = Grid(fast_even(box / sampling_angstrom - 1e-6), box)
    side = float(model.extent()[:2].max()) + 2 * MARGIN_ANGSTROM
    pixels = min(whole.pixels, fast_even(side / whole.pixel_angstrom))
    part = whole if pixels == whole.pixels else Grid(pixels, pixels * whole.pixel_angstrom)
    return WaveTask(
        model,
        experiment.electron,
        whole,
        part,
        box,
        slice_angstrom,
        exact_heights=False,
        multiple_scattering_per_angstrom=multiple_scattering_per_angstrom,
    )


def fine_task(task: WaveTask, band_per_angstrom: float, slice_angstrom: float) -> WaveTask:
    """Return a task computed so finely that it can judge another; the box stays."""
    box = task.whole.box_angstrom
    whole = Grid(fast_even(3 * band_per_angstrom * box), box)
    return replace(
        task,
        whole=whole,
        part=whole,
        depth_angstrom=box,
        slice_thickness_angstrom=slice_angstrom,
        multiple_scattering_per_angstrom=None,
    )

"""A stream's views depend on the seed and their numbers alone, and are what is simulated once."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import kstest

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.config.stream import StreamSettings
from diffragan.errors import ConfigError, InputError
from diffragan.simulation import stream as stream_module
from diffragan.simulation.orientations import Pose, posed
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_batch import StreamBatch
from diffragan.simulation.stream_loader import stream_loader
from diffragan.simulation.triplet import simulate_triplet
from diffragan.structures.prepared import PreparedStructure

DOSES, DEFOCI, EXPOSURES = (5.0, 500.0), (500.0, 2000.0), (10.0, 1000.0)
VARIED = StreamSettings(
    batch=2,
    low_resolution_dose_e_per_a2=DOSES,
    low_resolution_defocus_angstrom=DEFOCI,
    diffraction_exposure_e_per_a2=EXPOSURES,
)
QUICK = load_experiment("quick")
ENDLESS = """
import multiprocessing, sys
from pathlib import Path
from diffragan.config.load import load_experiment
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_loader import stream_loader
from diffragan.structures.prepared import read_prepared

if __name__ == "__main__":
    villin = read_prepared(Path(sys.argv[1]))
    stream = TripletStream([villin], load_experiment("quick"), seed=0)
    for number, batch in enumerate(stream_loader(stream, workers=1)):
        if number == 0:
            print(*(worker.pid for worker in multiprocessing.active_children()), flush=True)
"""


def stream_of(
    *structures: PreparedStructure,
    settings: StreamSettings = VARIED,
    experiment: Experiment = QUICK,
    seed: int = 0,
    start: int = 0,
    items: int | None = None,
) -> TripletStream:
    return TripletStream(structures, experiment, settings, seed=seed, start=start, items=items)


def equal(one: StreamBatch, other: StreamBatch) -> bool:
    names = [field.name for field in fields(StreamBatch)]
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.fixture(scope="module")
def first_views(villin: PreparedStructure) -> list[StreamBatch]:
    """Three batches of two views."""
    return list(islice(stream_of(villin), 3))


def test_a_view_is_the_triplet_of_its_pose_and_settings(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    first = first_views[0]
    dose, defocus = first.low_resolution_dose_e_per_a2[0], first.low_resolution_defocus_angstrom[0]
    exposure = first.incident_electrons[0] / QUICK.box_angstrom**2
    experiment = load_experiment(
        "quick",
        overrides={
            "low_resolution": {"dose_e_per_a2": float(dose), "defocus_angstrom": float(defocus)},
            "detector": {"exposure_e_per_a2": float(exposure)},
        },
    )
    pose = Pose(first.quaternion[0].numpy(), first.shift[0].numpy())
    noise = np.random.default_rng(1)
    triplet = simulate_triplet(posed(villin.model, pose), experiment, noise)
    # The whole box here, and there the part around the molecule.
    scale = float(triplet.exit_wave.abs().max())
    torch.testing.assert_close(first.exit_wave[0], triplet.exit_wave, rtol=0, atol=0.02 * scale)
    mean = float(dose) * QUICK.image_grid.pixel_angstrom**2
    for counts in (first.low_resolution[0], triplet.low_resolution):
        assert float(counts.float().mean()) == pytest.approx(mean, rel=0.05)
    assert float(first.diffraction[0].sum()) == pytest.approx(
        float(triplet.diffraction.sum()), rel=0.01
    )


def test_a_view_is_bit_for_bit_that_of_its_draw(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    stream = stream_of(villin)
    drawn = stream.draw(3)
    triplet = simulate_triplet(
        drawn.scene.model,
        drawn.experiment,
        drawn.scene.generator,
        grid=stream.plan.grid(drawn.scene.structure),
    )
    there = first_views[1]
    assert there.number.tolist() == [2, 3]
    assert torch.equal(there.exit_wave[1], triplet.exit_wave)
    assert torch.equal(there.diffraction[1], triplet.diffraction)
    assert torch.equal(there.low_resolution[1].long(), triplet.low_resolution)


def test_workers_yield_the_same_batches_in_the_same_order_and_leave_nothing(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with closing(stream_loader(stream_of(villin), workers=2)) as batches:
        made = list(islice(batches, 3))
    assert all(equal(*pair) for pair in zip(made, first_views, strict=True))
    assert not multiprocessing.active_children()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_finite_stream_ends_after_its_last_view(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    stream = stream_of(villin, items=3)
    for workers in (0, 3):
        made = list(stream_loader(stream, workers))
        assert [len(batch) for batch in made] == [2, 1]
        assert equal(made[0], first_views[0])
        assert torch.equal(made[1].diffraction[0], first_views[1].diffraction[0])
    assert not multiprocessing.active_children()


def test_a_restarted_stream_goes_on_where_it_was(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    (again,) = stream_of(villin, start=2, items=2)
    assert equal(again, first_views[1])


def test_single_views_are_those_of_a_batch(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    both = stream_of(villin).batch([1, 0])
    assert torch.equal(both.exit_wave.flip(0), first_views[0].exit_wave)
    assert torch.equal(both.low_resolution.flip(0), first_views[0].low_resolution)


def test_waves_computed_together_are_those_of_one_by_one(
    villin: PreparedStructure, first_views: list[StreamBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "poses_together", lambda *_: 4)
    settings = VARIED.model_copy(update={"window": 2})
    made = list(islice(stream_of(villin, settings=settings), 3))
    for together, alone in zip(made, first_views, strict=True):
        assert torch.equal(together.quaternion, alone.quaternion)
        assert torch.equal(
            together.low_resolution_dose_e_per_a2, alone.low_resolution_dose_e_per_a2
        )
        torch.testing.assert_close(together.exit_wave, alone.exit_wave, rtol=0, atol=1e-5)
        changed = together.low_resolution != alone.low_resolution
        assert changed.float().mean() < 1e-3


def test_other_seeds_give_other_views(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    other = stream_of(villin, seed=1).batch([0, 1])
    for name in ("quaternion", "low_resolution_defocus_angstrom", "diffraction"):
        assert not torch.allclose(getattr(other, name), getattr(first_views[0], name))


def test_draws_fill_their_ranges_evenly(villin: PreparedStructure) -> None:
    stream = stream_of(villin)
    drawn = [stream.draw(number) for number in range(300)]
    low = [one.experiment.low_resolution for one in drawn]
    exposures = [one.experiment.detector.exposure_e_per_a2 or 0 for one in drawn]
    doses = np.array([lens.dose_e_per_a2 for lens in low])
    log_dose = np.log(doses / DOSES[0]) / np.log(DOSES[1] / DOSES[0])
    log_exposure = np.log(np.array(exposures) / EXPOSURES[0]) / np.log(EXPOSURES[1] / EXPOSURES[0])
    defoci = np.array([lens.defocus_angstrom for lens in low])
    defocus = (defoci - DEFOCI[0]) / (DEFOCI[1] - DEFOCI[0])
    for shares in (log_dose, log_exposure, defocus):
        assert kstest(shares, "uniform").pvalue > 0.01
    # A component of a uniform unit quaternion: u = (x + 1) / 2 has the density of Beta(3/2, 3/2).
    first = np.array([one.scene.pose.quaternion[0] for one in drawn])
    assert kstest((first + 1) / 2, "beta", args=(1.5, 1.5)).pvalue > 0.01
    assert abs(np.corrcoef([log_dose, log_exposure, defocus, first]) - np.eye(4)).max() < 0.2


def test_a_range_changes_nothing_but_what_it_is_for(villin: PreparedStructure) -> None:
    varied, fixed = (stream_of(villin, settings=s).draw(5) for s in (VARIED, StreamSettings()))
    np.testing.assert_array_equal(varied.scene.pose.quaternion, fixed.scene.pose.quaternion)
    assert fixed.experiment == QUICK
    back = {"low_resolution": QUICK.low_resolution, "detector": QUICK.detector}
    assert varied.experiment.model_copy(update=back) == QUICK


def test_a_signal_to_noise_ratio_finds_its_dose(villin: PreparedStructure) -> None:
    settings = StreamSettings(low_resolution_snr=(2.0, 2.0))
    batch = stream_of(villin, settings=settings).batch(range(6))
    # As in test_triplet: 7 % for one image, 3 % for the mean of six.
    assert 1 / float((1 / batch.low_resolution_snr).mean()) == pytest.approx(2, rel=0.1)
    assert len(set(batch.low_resolution_dose_e_per_a2.tolist())) == 6


def test_structures_come_by_their_weights(villin: PreparedStructure) -> None:
    other = replace(villin, name="other", sha256="ab" * 32)
    for weights, expected in ((None, 0.5), ((1, 3), 0.75), ((1, 0), 0.0)):
        stream = stream_of(villin, other, settings=StreamSettings(weights=weights))
        shown = [stream.draw(number).scene.structure for number in range(200)]
        assert np.mean(shown) == pytest.approx(expected, abs=0.1)


def test_fractions_and_counts_are_told_apart_and_the_mask_is_kept(
    villin: PreparedStructure, first_views: list[StreamBatch]
) -> None:
    counted = first_views[0]
    noise_free = stream_of(villin, settings=StreamSettings()).batch([0, 1])
    assert torch.equal(counted.diffraction, counted.diffraction.round())
    assert noise_free.incident_electrons.tolist() == [1, 1]
    middle = counted.measured.shape[0] // 2
    assert not counted.measured[middle, middle]
    assert float(counted.moduli()[:, middle, middle].abs().max()) == 0
    for batch in (counted, noise_free):
        torch.testing.assert_close(
            batch.moduli()[:, batch.measured] ** 2, batch.patterns()[:, batch.measured]
        )
    # Off the direct beam, counts add up to what the noise-free pattern promises.
    seen = noise_free.patterns()[:, counted.measured].sum(1)
    electrons = seen * counted.incident_electrons
    found = counted.diffraction[:, counted.measured].sum(1)
    assert ((found - electrons).abs() < 4 * electrons.sqrt()).all()
    assert counted.to("cpu").number.tolist() == [0, 1]
    assert not counted.exit_wave.requires_grad


def test_the_number_of_threads_is_given_back(villin: PreparedStructure) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        next(iter(stream_of(villin)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_wrong_view_in_a_worker_is_one_line_here(villin: PreparedStructure) -> None:
    beyond_the_aperture = {"low_resolution": {"snr_band_angstrom": [0.2, 0.1]}}
    experiment = load_experiment("quick", overrides=beyond_the_aperture)
    stream = stream_of(villin, settings=StreamSettings(), experiment=experiment, items=1)
    with pytest.raises(ConfigError, match=r"^low_resolution.snr: ") as caught:
        list(stream_loader(stream, workers=1))
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


def test_a_killed_worker_is_told(villin: PreparedStructure) -> None:
    with closing(stream_loader(stream_of(villin), workers=1)) as batches:
        next(batches)
        (worker,) = multiprocessing.active_children()
        psutil.Process(worker.pid).kill()
        with pytest.raises(ConfigError, match="a worker of the stream was killed"):
            list(islice(batches, 50))


def test_an_interrupt_ends_the_workers_and_is_told_once(
    prepared_villin_file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    command = [sys.executable, "-W", "error", str(script), str(prepared_villin_file)]
    # A group of its own: the terminal's Ctrl-C goes to all processes of a command.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert len(workers) == 1
    assert told.count("Traceback") == 1, told
    assert told.rstrip().endswith("KeyboardInterrupt")
    psutil.wait_procs(workers, timeout=10)
    # Who inherits orphans may leave them as zombies.
    ended = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    assert all(not worker.is_running() or worker.status() in ended for worker in workers)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "from 0 on"),
        ({"start": -1}, "from 0 on"),
        ({"items": 0}, "use 1 or more"),
        ({"settings": StreamSettings(weights=(1, 2))}, "2 numbers for 1 structures"),
        ({"experiment": load_experiment("quick", overrides={"box_angstrom": 24})}, "more than"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(
    villin: PreparedStructure, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises((ConfigError, InputError), match=message):
        stream_of(villin, **wrong)  # type: ignore[arg-type]


def test_no_structures_and_no_workers_are_refused(villin: PreparedStructure) -> None:
    with pytest.raises(InputError, match="no structures"):
        stream_of()
    with pytest.raises(ConfigError, match="number of workers is -1"):
        next(stream_loader(stream_of(villin), workers=-1))
    on_gpu = stream_of(villin)
    on_gpu.plan = replace(on_gpu.plan, device="cuda")
    with pytest.raises(ConfigError, match="2 workers cannot share the device 'cuda'"):
        next(stream_loader(on_gpu, workers=2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"low_resolution_dose_e_per_a2": (2, 1)}, "lower limit first"),
        ({"low_resolution_dose_e_per_a2": (0, 1)}, "greater than 0"),
        ({"low_resolution_defocus_angstrom": (0, 2e6)}, "less than or equal to 1000000"),
        ({"low_resolution_dose_e_per_a2": (1, 2), "low_resolution_snr": (1, 2)}, "give one"),
        ({"weights": (0, 0)}, "one of them must be above 0"),
        ({"weights": ()}, "one of them must be above 0"),
        ({"weights": (2, -1)}, "not be negative"),
        ({"batch": 0}, "greater than or equal to 1"),
        ({"doses": (1, 2)}, "not permitted"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StreamSettings(**wrong)  # type: ignore[arg-type]

"""Images phased by another program are judged by the same protocol."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.cli.main import run
from diffragan.errors import InputError
from diffragan.evaluation.imported_stack import import_stack
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.regrid import regrid
from diffragan.evaluation.verdict import NOT_TESTED
from diffragan.grid import Grid
from diffragan.io.mrc import write_stack
from diffragan.io.phased import PhasedStore
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.io.triplets import TripletStore
from diffragan.phasing.particles import write_particle_stack
from diffragan.physics.forward import projected_potential_of
from diffragan.rotations import matrix_from_quaternion

PIXELS, PIXEL_ANGSTROM = 54, 0.45
ORDER = [6, 1, 4, 0, 7]


def as_another_program(
    data: TripletStore,
    folder: Path,
    *,
    items: list[int] = ORDER,
    contrast: str = "potential",
    centred: bool = True,
    turn_degrees: float = 0.0,
    **optics: Any,
) -> Path:
    """Write the truth as another program might: own pixels, box, scale and order."""
    experiment = data.experiment
    shift = data.read("shift", items)[:, :2]
    if contrast == "potential":
        waves = torch.from_numpy(data.read("exit_wave", items))
        images, grid = projected_potential_of(waves, experiment.electron), experiment.wave_grid
    else:
        images = torch.from_numpy(data.read("high_resolution", items))
        grid = experiment.image_grid
    own = Grid(PIXELS, PIXELS * PIXEL_ANGSTROM)
    move = torch.from_numpy(-shift[:, ::-1].copy() if centred else 0 * shift)
    images = images - images.flatten(1).median(1).values[:, None, None]
    stack = 7.0 + 40 * regrid(images, grid, own, move)
    write_stack(folder / "theirs.mrcs", stack.numpy(), PIXEL_ANGSTROM)
    said = {
        "energy_kev": experiment.energy_kev,
        "spherical_aberration_mm": 0.0,
        "amplitude_contrast": 0.0,
        "pixel_angstrom": PIXEL_ANGSTROM,
        "image_pixels": PIXELS,
    }
    turn = np.deg2rad(turn_degrees)
    about_z = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    write_particles(
        folder / "theirs.star",
        "theirs.mrcs",
        ParticleOptics(**{**said, **optics}),
        len(items),
        rotations=about_z @ matrix_from_quaternion(data.read("orientation", items)),
        extra={"rlnMicrographName": ["alpha.mrc" if item < 4 else "beta.mrc" for item in items]},
        origins_angstrom=np.zeros((len(items), 2)) if centred else -shift,
    )
    return folder / "theirs.star"


@pytest.mark.parametrize("contrast", ["potential", "image"])
@pytest.mark.parametrize("centred", [True, False])
def test_the_truth_from_another_program_is_found_true(
    tiny: TripletStore, tmp_path: Path, contrast: Any, centred: bool
) -> None:
    star = as_another_program(tiny, tmp_path, contrast=contrast, centred=centred)
    store = import_stack(tiny, star, tmp_path / "theirs.zarr", contrast)
    assert store.read("source_item").tolist() == ORDER
    metrics = evaluate(tiny, [store], tmp_path / "out", 2, protocol="paper")
    method = metrics["methods"]["theirs"]
    assert method["items"] == sorted(ORDER)
    # Their pixels of 0.45 Å hold 0.9 Å.
    whole = np.array(method["frc_mean"])[2:18]
    assert whole.min() > 0.97
    assert method["verdict"] == NOT_TESTED
    assert method["alignment"]["largest_shift_angstrom"] < 0.1
    # The scale is found from the measured moduli.
    assert method["r_factor"] < 0.3


def test_our_own_stack_comes_back_as_it_was(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path
) -> None:
    _, star = write_particle_stack(tiny_low)
    store = import_stack(tiny, star, tmp_path / "again.zarr")
    metrics = evaluate(tiny, [tiny_low, store], tmp_path / "out", 0, protocol="paper")["methods"]
    ours, again = metrics["low-resolution"], metrics["low"]
    # The image's aperture ends in the fifth ring; beyond is what the scale makes of nothing.
    assert again["frc_mean"][:5] == pytest.approx(ours["frc_mean"][:5], abs=0.03)


def test_the_command_takes_a_stack_like_a_store(
    tiny: TripletStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    star = as_another_program(tiny, tmp_path)
    out = ["--out", str(tmp_path / "out"), "--protocol", "paper"]
    assert run(["evaluate", str(tiny.store.path), str(star.with_suffix(".mrcs")), *out]) == 0
    assert "theirs" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"energy_kev": 300.0}, r"electrons of 300 keV, the data set of 200 keV"),
        ({"pixel_angstrom": 0.5}, r"says pixels of 0\.5 Å, and theirs\.mrcs of 0\.45 Å"),
        ({"image_pixels": 55}, r"says images of 55 pixels, and theirs\.mrcs has 54"),
        (
            {"turn_degrees": 3.0},
            r"particle 2 has rot, tilt, psi .*item 1, .* 3\.0 degrees away; 2 of 2",
        ),
        ({"items": [1, 4, 1]}, r"particles 1 and 3 both show item 1"),
    ],
)
def test_contradictions_are_one_line_with_both_values(
    tiny: TripletStore, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    star = as_another_program(tiny, tmp_path, **changes)
    with pytest.raises(InputError, match=words):
        import_stack(tiny, star, tmp_path / "theirs.zarr")
    assert not (tmp_path / "theirs.zarr").exists()


def test_missing_and_damaged_files_are_one_line(tiny: TripletStore, tmp_path: Path) -> None:
    star = as_another_program(tiny, tmp_path)
    stack = star.with_suffix(".mrcs")
    kept = stack.read_bytes()
    out = tmp_path / "theirs.zarr"
    stack.unlink()
    with pytest.raises(InputError, match=r"names the stack 'theirs\.mrcs', which is not beside it"):
        import_stack(tiny, star, out)
    stack.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(InputError, match="cannot be read as MRC"):
        import_stack(tiny, star, out)
    with pytest.raises(InputError, match=r"alone\.star: there is no such file; alone\.mrcs needs"):
        import_stack(tiny, tmp_path / "alone.mrcs", out)
    star.write_text(star.read_text().replace("000005@", "000009@"))
    stack.write_bytes(kept)
    with pytest.raises(InputError, match="has 5 images, and image 9 is asked for"):
        import_stack(tiny, star, out)


def test_without_orientations_there_is_no_match(tiny: TripletStore, tmp_path: Path) -> None:
    star = as_another_program(tiny, tmp_path)
    text = star.read_text()
    for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"):
        text = text.replace(name, f"my{name}")
    star.write_text(text)
    with pytest.raises(InputError, match=r"has no orientations.*_rlnAngleRot"):
        import_stack(tiny, star, tmp_path / "theirs.zarr")


def test_values_that_are_not_finite_are_told_by_their_image(
    tiny: TripletStore, tmp_path: Path
) -> None:
    star = as_another_program(tiny, tmp_path)
    stack = star.with_suffix(".mrcs")
    damaged = bytearray(stack.read_bytes())
    damaged[-4:] = np.float32(np.nan).tobytes()
    stack.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match="image 5 holds values that are not finite"):
        import_stack(tiny, star, tmp_path / "theirs.zarr")

"""Images out and in: normalised, named relative to their folder, and read back with their poses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from phantom import orientations, shifts

from diffragan.errors import ConfigError, InputError
from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc, write_stack
from diffragan.io.star import ParticleOptics, read_particles, write_particles
from diffragan.phasing.normalised import is_normalised, normalised
from diffragan.reconstruction.half_sets import half_sets
from diffragan.reconstruction.particle_files import write_particle_stack, write_particle_table
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import ParticleSet, some_of
from diffragan.reconstruction.sources.stack import particles_of_stack

GRID = Grid(16, 32.0)
OPTICS = ParticleOptics(200.0, 0.0, 0.0, 2.0, 16)
COUNT = 6


def noisy(count: int = COUNT) -> torch.Tensor:
    images = 3 * torch.randn(count, 16, 16, generator=torch.Generator().manual_seed(1)) + 7
    images[:, 6:10, 6:10] += 30
    return images


def particles(images: torch.Tensor) -> ParticleSet:
    poses = Poses(orientations(len(images)), shifts(len(images), 2.0)[:, :2])
    return ParticleSet("p", len(images), GRID, lambda n: images[list(n)], OPTICS, {}, poses=poses)


@pytest.fixture
def star(tmp_path: Path) -> Path:
    given = particles(noisy())
    stack = write_particle_stack(given, tmp_path)
    halves = torch.tensor([0, 1, 1, 0, 0, 1])
    return write_particle_table(given, tmp_path / "p.star", given.poses, halves, stack=stack)


def test_the_background_is_0_and_1_and_the_particle_white() -> None:
    found = normalised(noisy())
    assert is_normalised(found)
    assert not is_normalised(noisy())
    assert float(found[:, 6:10, 6:10].mean()) > 5


def test_a_background_without_noise_is_scaled_by_the_image() -> None:
    images = torch.zeros(2, 16, 16)
    images[:, 6:10, 6:10] = torch.tensor([1.0, 50.0])[:, None, None]
    found = normalised(images)
    torch.testing.assert_close(found.flatten(1).std(1), torch.ones(2))
    torch.testing.assert_close(found[0], found[1])
    assert torch.isfinite(normalised(torch.zeros(1, 16, 16))).all()


def test_what_was_written_is_read_back(star: Path) -> None:
    given, found = particles(noisy()), particles_of_stack(star)
    assert found.grid == GRID
    assert found.poses is not None
    assert given.poses is not None
    torch.testing.assert_close(found.poses.rotations, given.poses.rotations, atol=1e-7, rtol=0)
    torch.testing.assert_close(found.poses.shifts_angstrom, given.poses.shifts_angstrom)
    torch.testing.assert_close(found.everything(), normalised(noisy()))
    torch.testing.assert_close(found.read([4, 1]), normalised(noisy())[[4, 1]])
    assert found.half_sets is not None
    assert found.half_sets.tolist() == [0, 1, 1, 0, 0, 1]


def test_stacks_stay_where_they_are_and_are_named_from_the_new_folder(star: Path) -> None:
    found = particles_of_stack(star)
    (star.parent / "map" / "deep").mkdir(parents=True)
    there = star.parent / "map" / "deep" / "particles.star"
    write_particle_table(
        some_of(found, [3, 5], "some"),
        there,
        found.poses and Poses(found.poses.rotations[[3, 5]], found.poses.shifts_angstrom[[3, 5]]),
    )
    text = there.read_text()
    assert "000004@../../particles.mrcs" in text
    assert "000006@../../particles.mrcs" in text
    again = particles_of_stack(there)
    torch.testing.assert_close(again.everything(), found.read([3, 5]))


def test_absolute_names_and_several_stacks_and_groups_of_one_kind(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_stack(tmp_path / f"{name}.mrcs", noisy(2).numpy(), 2.0)
    path = tmp_path / "p.star"
    names = [f"000002@{tmp_path}/a.mrcs", "000001@b.mrcs"]
    write_particles(path, "", OPTICS, 2, image_names=names)
    text = path.read_text().replace(
        "opticsGroup1 1 200 0 0 2 16 2\n",
        "opticsGroup1 1 200 0 0 2 16 2\nopticsGroup2 2 200 0 0 2 16 2\n",
    )
    path.write_text(text)
    found = particles_of_stack(path)
    torch.testing.assert_close(found.everything(), noisy(2)[[1, 0]])
    assert found.poses is None
    path.write_text(text.replace("opticsGroup2 2 200", "opticsGroup2 2 300"))
    with pytest.raises(InputError, match=r"2 optics groups differ in _rlnVoltage \(200 and 300\)"):
        read_particles(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("000006@", "000007@"), "names image 7 of .*particles.mrcs, which has 6"),
        (("000001@", "000000@"), "counts from 0"),
        (("particles.mrcs", "gone.mrcs"), "is not beside it nor in a folder above"),
        (("000001@particles", "000001@/nowhere/gone"), "which is not there"),
        ((" 2 16 2\n", " 2 18 2\n"), "images of 18 pixels, and particles.mrcs has 16"),
        ((" 2 16 2\n", " 2.5 16 2\n"), "pixels of 2.5 Å, and particles.mrcs of 2 Å"),
        ((" 2 16 2\n", " 0 16 2\n"), "16 pixels of 0 Å"),
        (("_rlnImagePixelSize", "_rlnPixel"), "no column _rlnImagePixelSize"),
        (("_rlnRandomSubset", "_rlnAnglePsiPrior"), ""),
    ],
)
def test_a_file_that_contradicts_its_stack_is_one_line(
    star: Path, change: tuple[str, str], words: str
) -> None:
    text = star.read_text()
    assert change[0] in text
    star.write_text(text.replace(*change))
    if not words:
        assert particles_of_stack(star).half_sets is None
        return
    with pytest.raises(InputError, match=words) as caught:
        particles_of_stack(star)
    assert "\n" not in str(caught.value)


def test_an_empty_stack_and_a_bad_half_set_are_told(star: Path) -> None:
    text = star.read_text()
    rows = [line for line in text.splitlines() if "@" in line]
    star.write_text(text.replace(rows[0], rows[0][:-1] + "3"))
    with pytest.raises(InputError, match=r"holds '3'; a half set is 1 or 2"):
        particles_of_stack(star)
    star.write_text("\n".join(line for line in text.splitlines() if "@" not in line))
    with pytest.raises(InputError, match=r"particles|columns|STAR"):
        particles_of_stack(star)
    star.write_text(text)
    (star.parent / "particles.mrcs").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as MRC"):
        particles_of_stack(star)


def test_images_that_are_not_finite_are_found_when_they_are_read(star: Path) -> None:
    stack = star.parent / "particles.mrcs"
    images, _, _ = read_mrc(stack)
    content = bytearray(stack.read_bytes())
    content[1024 + images[:2].nbytes : 1024 + images[:2].nbytes + 4] = np.float32("nan").tobytes()
    stack.write_bytes(bytes(content))
    found = particles_of_stack(star)
    assert found.read([1]).isfinite().all()
    with pytest.raises(InputError, match="image 3 holds values that are not finite"):
        found.everything()


def test_blanks_in_a_stack_s_name_are_refused(star: Path, tmp_path: Path) -> None:
    found = particles_of_stack(star)
    folder = tmp_path / "two words"
    folder.mkdir()
    there = write_particle_stack(found, folder)
    with pytest.raises(InputError, match="blanks or quotes"):
        write_particle_table(found, tmp_path / "new.star", None, stack=there)


@pytest.mark.parametrize("rule", ["auto", "alternate", "random", "file"])
def test_half_sets_share_no_particle_and_stay_the_same(star: Path, rule: str) -> None:
    found = particles_of_stack(star)
    sets = half_sets(found, rule, 4)  # type: ignore[arg-type]
    assert sorted(set(sets.tolist())) == [0, 1]
    assert int(torch.bincount(sets).max()) == COUNT // 2
    torch.testing.assert_close(half_sets(found, rule, 4), sets)  # type: ignore[arg-type]
    one, two = (set(torch.nonzero(sets == which).flatten().tolist()) for which in (0, 1))
    assert not one & two
    assert one | two == set(range(COUNT))


def test_half_sets_that_are_not_there_or_empty_are_refused() -> None:
    with pytest.raises(ConfigError, match="no column _rlnRandomSubset"):
        half_sets(particles(noisy()), "file", 0)
    with pytest.raises(InputError, match="in one half set"):
        half_sets(particles(noisy(1)), "alternate", 0)

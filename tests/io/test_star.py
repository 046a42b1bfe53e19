from pathlib import Path

import numpy as np
import pytest

from diffragan.errors import InputError
from diffragan.io.star import ParticleOptics, read_particles, write_particles
from diffragan.rotations import Matrices, matrix_from_quaternion, uniform_quaternion

OPTICS = ParticleOptics(200.0, 2.7, 0.1, 0.2734375, 256)


def orientations(count: int) -> Matrices:
    generator = np.random.default_rng(3)
    return matrix_from_quaternion(np.array([uniform_quaternion(generator) for _ in range(count)]))


def test_particles_return_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "particles.star"
    rotations = orientations(5)
    origins = np.random.default_rng(0).normal(size=(5, 2))
    extra = {"rlnRandomSubset": ["1", "2", "1", "2", "1"], "rlnDefocusU": np.arange(5) * 0.5}
    write_particles(
        path,
        "stacks/views.mrcs",
        OPTICS,
        5,
        rotations=rotations,
        origins_angstrom=origins,
        extra=extra,
    )
    particles = read_particles(path)
    assert particles.optics == OPTICS
    assert particles.stacks == ("stacks/views.mrcs",) * 5
    np.testing.assert_array_equal(particles.indices, np.arange(5))
    assert particles.rotations is not None
    np.testing.assert_allclose(particles.rotations, rotations, atol=1e-8)
    assert particles.origins_angstrom is not None
    np.testing.assert_allclose(particles.origins_angstrom, origins, rtol=1e-8)
    assert particles.extra["rlnRandomSubset"] == ("1", "2", "1", "2", "1")
    assert [float(value) for value in particles.extra["rlnDefocusU"]] == [0, 0.5, 1, 1.5, 2]


def test_unknown_poses_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "particles.star"
    write_particles(path, "views.mrcs", OPTICS, 2)
    text = path.read_text()
    assert "rlnAngle" not in text
    assert "rlnOrigin" not in text
    assert "000001@views.mrcs" in text
    particles = read_particles(path)
    assert particles.rotations is None
    assert particles.origins_angstrom is None


def test_the_file_has_the_form_relion_writes(tmp_path: Path) -> None:
    path = tmp_path / "particles.star"
    write_particles(path, "views.mrcs", OPTICS, 1, rotations=np.eye(3)[None])
    lines = path.read_text().splitlines()
    start = lines.index("data_particles")
    assert lines[start : start + 8] == [
        "data_particles",
        "",
        "loop_",
        "_rlnImageName #1",
        "_rlnOpticsGroup #2",
        "_rlnAngleRot #3",
        "_rlnAngleTilt #4",
        "_rlnAnglePsi #5",
    ]
    assert lines.index("data_optics") < start


def test_a_file_as_relion_writes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run_data.star"
    path.write_text(
        "\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroupName #1 \n_rlnOpticsGroup #2 \n"
        "_rlnVoltage #3 \n_rlnSphericalAberration #4 \n_rlnAmplitudeContrast #5 \n"
        "_rlnImagePixelSize #6 \n_rlnImageSize #7 \n_rlnImageDimensionality #8 \n"
        "opticsGroup1            1   300.000000     2.700000     0.100000     1.244531          256"
        "            2 \n \n\n# version 30001\n\ndata_particles\n\nloop_ \n_rlnImageName #1 \n"
        "_rlnAngleRot #2 \n_rlnAngleTilt #3 \n_rlnAnglePsi #4 \n_rlnOriginXAngst #5 \n"
        "_rlnOriginYAngst #6 \n_rlnOpticsGroup #7 \n"
        "000012@Extract/job018/mic-1_a.mrcs   -90.0   0.0   90.0   -1.5   2.25   1 \n \n"
    )
    particles = read_particles(path)
    assert particles.optics == ParticleOptics(300.0, 2.7, 0.1, 1.244531, 256)
    assert particles.stacks == ("Extract/job018/mic-1_a.mrcs",)
    assert particles.indices.tolist() == [11]
    assert particles.rotations is not None
    np.testing.assert_allclose(particles.rotations[0], np.eye(3), atol=1e-12)
    assert particles.origins_angstrom is not None
    assert particles.origins_angstrom.tolist() == [[-1.5, 2.25]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("data_optics", "data_other"), "has no data_optics"),
        (("000001@", ""), "not of the form"),
        (("000001@", "000000@"), "counts from 0, and RELION counts from 1"),
        (("_rlnVoltage #3", "_rlnVolts #3"), "no column _rlnVoltage"),
        (("_rlnAngleTilt", "_rlnAngleTilted"), "no column _rlnAngleTilt"),
        (("_rlnImageName", "_rlnMicrographName"), "no column _rlnImageName"),
        ((" 200 ", " nan "), "not finite"),
        ((" 200 ", " fast "), "fast"),
        ((" 200 ", " "), "cannot be read as a STAR file"),
        (("000001@views.mrcs 1", "000001@views.mrcs 2"), "not described"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "particles.star"
    write_particles(path, "views.mrcs", OPTICS, 1, rotations=np.eye(3)[None])
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(InputError, match=message) as caught:
        read_particles(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"no star at all"])
def test_other_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "particles.star"
    with pytest.raises(InputError, match="no such file"):
        read_particles(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"STAR|data_optics"):
        read_particles(path)


def test_what_would_break_the_table_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "particles.star"
    with pytest.raises(InputError, match="blanks"):
        write_particles(path, "my views.mrcs", OPTICS, 1)
    with pytest.raises(InputError, match="has 3 values for 2"):
        write_particles(path, "views.mrcs", OPTICS, 2, rotations=orientations(3))
    with pytest.raises(InputError, match="not finite"):
        write_particles(path, "views.mrcs", OPTICS, 1, origins_angstrom=np.full((1, 2), np.nan))
    with pytest.raises(InputError, match="0 particles"):
        write_particles(path, "views.mrcs", OPTICS, 0)
    assert not path.exists()

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.mrc import read_mrc, write_stack, write_volume


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((4, 6, 6)).astype(np.float32)


def test_a_volume_returns_with_a_correct_header(
    tmp_path: Path, values: NDArray[np.float32]
) -> None:
    path = tmp_path / "map.mrc"
    cube = values[:, :4, :4]
    write_volume(path, cube, 1.25, "map of views")
    array, pixel, kind = read_mrc(path)
    np.testing.assert_array_equal(array, cube)
    assert pixel == pytest.approx(1.25)
    assert kind == "volume"
    with mrcfile.open(path) as file:
        header = file.header
        assert (int(header.ispg), int(header.mz), int(header.nlabl)) == (1, 4, 1)
        assert float(header.dmin) == cube.min()
        assert float(header.rms) == pytest.approx(cube.std())
        assert header.origin.tolist() == (-2.5, -2.5, -2.5)
        assert header.label[0].decode().startswith("diffragan ")
        assert header.label[0].decode().endswith("map of views")
    assert mrcfile.validate(path, print_file=_Silence())


def test_a_stack_returns_with_a_correct_header(tmp_path: Path, values: NDArray[np.float32]) -> None:
    path = tmp_path / "views.mrcs"
    write_stack(path, values, 0.5)
    array, pixel, kind = read_mrc(path)
    np.testing.assert_array_equal(array, values)
    assert (pixel, kind) == (0.5, "stack")
    with mrcfile.open(path) as file:
        assert (int(file.header.ispg), int(file.header.mz)) == (0, 1)
        assert float(file.voxel_size.z) == 0.5


def test_a_cube_of_space_group_zero_is_a_volume_unless_named_mrcs(tmp_path: Path) -> None:
    cube = np.ones((4, 4, 4), dtype=np.float32)
    for name, kind in [("map.mrc", "volume"), ("views.mrcs", "stack")]:
        with mrcfile.new(tmp_path / name) as file:
            file.set_data(cube)
            file.set_image_stack()
            file.header.mz = 4
            file.header.cella = (4.0, 4.0, 4.0)
        assert read_mrc(tmp_path / name)[2] == kind


def test_a_stack_of_one_image_stays_a_stack(tmp_path: Path, values: NDArray[np.float32]) -> None:
    write_stack(tmp_path / "one.mrcs", values[:1], 1.0)
    array, _, kind = read_mrc(tmp_path / "one.mrcs")
    assert array.shape == (1, 6, 6)
    assert kind == "stack"


def test_the_same_data_give_the_same_bytes(tmp_path: Path, values: NDArray[np.float32]) -> None:
    for name in ("a.mrc", "b.mrc"):
        write_volume(tmp_path / name, values, 1.0, "x" * 100)
    assert (tmp_path / "a.mrc").read_bytes() == (tmp_path / "b.mrc").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"not an MRC file", "cannot be read"), (b"x" * 5000, "cannot be read")],
)
def test_a_file_of_something_else_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.mrc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_mrc(path)
    assert "\n" not in str(caught.value)


def test_missing_cut_and_extended_files_are_named(
    tmp_path: Path, values: NDArray[np.float32]
) -> None:
    path = tmp_path / "map.mrc"
    with pytest.raises(InputError, match="no such file"):
        read_mrc(path)
    with pytest.raises(InputError, match="not a file"):
        read_mrc(tmp_path)
    write_volume(path, values, 1.0)
    whole = path.read_bytes()
    for content in (whole[:-8], whole[:1000], whole + b"more"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as MRC"):
            read_mrc(path)


def test_nan_is_neither_written_nor_read(tmp_path: Path, values: NDArray[np.float32]) -> None:
    values[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        write_volume(tmp_path / "map.mrc", values, 1.0)
    assert not list(tmp_path.iterdir())
    with pytest.warns(RuntimeWarning), mrcfile.new(tmp_path / "nan.mrc", data=values) as file:
        file.voxel_size = 1.0
    with pytest.raises(InputError, match="not finite"):
        read_mrc(tmp_path / "nan.mrc")


def test_pixels_must_be_known_and_square(tmp_path: Path, values: NDArray[np.float32]) -> None:
    path = tmp_path / "map.mrc"
    for size, message in [(0.0, "no pixel size"), ((1.0, 1.0, 2.0), "not square")]:
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(values)
            file.set_volume()
            file.voxel_size = size
        with pytest.raises(InputError, match=message):
            read_mrc(path)


def test_complex_data_are_refused(tmp_path: Path, values: NDArray[np.float32]) -> None:
    with mrcfile.new(tmp_path / "wave.mrc", data=values.astype(np.complex64)):
        pass
    with pytest.raises(InputError, match="complex64"):
        read_mrc(tmp_path / "wave.mrc")


class _Silence:
    def write(self, text: str) -> int:
        return len(text)

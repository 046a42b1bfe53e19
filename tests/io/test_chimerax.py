"""The ChimeraX script opens what is there, in one frame."""

from pathlib import Path

from diffragan.io.chimerax import chimerax_script, write_chimerax_script


def test_every_file_is_opened_once_at_the_origin_of_the_model() -> None:
    files = {"map": "map.mrc", "model": "docked.cif", "half1": "half1.mrc", "mask": "mask.mrc"}
    lines = chimerax_script(files, 65).splitlines()
    opened = [line.split('"')[1] for line in lines if line.startswith("open ")]
    assert opened == ["map.mrc", "docked.cif", "half1.mrc"]
    origins = [line for line in lines if "originIndex" in line]
    assert origins == [
        "volume #1 originIndex 32,32,32 step 1",
        "volume #3 originIndex 32,32,32 step 1",
    ]
    assert not any("color sample" in line for line in lines)


def test_the_surface_is_coloured_by_local_resolution(tmp_path: Path) -> None:
    files = {"map": "map.mrc", "local_resolution": "local_resolution.mrc"}
    path = write_chimerax_script(tmp_path, files, 64, (3.1, 5.26))
    text = path.read_text()
    assert path.name == "chimerax.cxc"
    assert "color sample #1 map #2 palette" in text
    assert "range 3.10,5.26 key true" in text

from pathlib import Path

import numpy as np
from PIL import Image

from diffragan.io.pictures import GAP_PIXELS, write_panels


def test_panels_lie_in_rows_with_a_gap(tmp_path: Path) -> None:
    dark, bright = np.zeros((8, 8), np.float32), np.full((8, 8), 7, np.float32)
    path = tmp_path / "rows.png"
    write_panels(path, [[dark, bright, dark], [bright, dark, bright]])
    with Image.open(path) as picture:
        grey = np.asarray(picture)
    assert grey.shape == (16 + GAP_PIXELS, 24 + 2 * GAP_PIXELS)
    assert grey[3, 3] == 0
    assert grey[3, 8] == grey[3, 8 + GAP_PIXELS] == 255
    assert grey[8 + GAP_PIXELS, 8 + GAP_PIXELS] == 0

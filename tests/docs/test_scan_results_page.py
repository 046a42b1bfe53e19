"""The page of scans: rows of experiments that were not measured anew stay."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "results" / "scan.md"
RUN = {
    "frames": 900,
    "exposure_e_per_a2": 50.0,
    "hits": {
        "wanted": 30, "hits_precision": 0.9, "hits_precision_damaged_right": 0.95,
        "hits_recall": 0.8, "kept": 20, "kept_precision": 1.0,
        "kept_precision_damaged_right": 1.0, "kept_recall": 0.6, "kept_off_centre": 2,
    },
    "places": {
        "observations": 20, "right_molecule": 19, "place_median_angstrom": 2.0,
        "place_rms_angstrom": 3.0, "place_95_percent_angstrom": 6.0,
        "offset_median_angstrom": 2.5, "offset_rms_angstrom": 3.5,
        "offset_95_percent_angstrom": 7.0,
    },
    "centres": {
        "rms_along_y_pixels": 0.05, "rms_along_x_pixels": 0.06, "within_0p2_pixels": 0.99,
    },
    "calibration": {
        "mrad_per_pixel_percent": 0.1, "by_rings_percent": None, "ellipticity": 0.002,
        "ellipse_angle_deg": 12.0, "scan_to_image_deg": 0.1, "scan_scale_percent": 0.3,
        "defocus_angstrom": 20.0,
    },
}  # fmt: skip


def test_one_experiment_changes_its_own_rows_alone(tmp_path: Path) -> None:
    page, run = tmp_path / "scan.md", tmp_path / "run.json"
    shutil.copy(PAGE, page)
    run.write_text(json.dumps(RUN), encoding="utf-8")
    before = PAGE.read_text("utf-8").splitlines()
    for name in ("thick ice", "another"):
        command = [sys.executable, str(REPOSITORY / "benchmarks" / "scan_page.py")]
        subprocess.run(
            [*command, f"{name}={run}", "--page", str(page)], check=True, capture_output=True
        )
    after = page.read_text("utf-8").splitlines()
    assert [line for line in before if line not in after] == [
        line for line in before if line.startswith("| thick ice |") and "preset" not in line
    ]
    new = [line for line in after if line not in before]
    assert len(new) == 6
    assert "| another | 900 | 50 | 30 | 0.90 (0.95) | 0.80 |" in "\n".join(new)

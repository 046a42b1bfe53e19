"""The layout of TVIPS's recorder files: one header, then one before each frame.

Source: the fields as RosettaSciIO documents them for `.tvips` (written anew from the layout).
"""

import numpy as np

NAMES = (
    "size", "version", "dimx", "dimy", "bitsperpixel", "offsetx", "offsety", "binx", "biny",
    "pixelsize", "ht", "magtotal", "frameheaderbytes",
)  # fmt: skip
FILE_HEADER = np.dtype([(name, "<u4") for name in NAMES] + [("label", "S204")])
"""`pixelsize` is the detector's [nm], `ht` the high tension [kV], `magtotal` the camera length
[mm] where the mode is diffraction."""
FRAME_HEADER = np.dtype(
    [
        ("number", "<u4"), ("seconds", "<u4"), ("milliseconds", "<u4"), ("lookup", "<u4"),
        ("current", "<f4"), ("magnification", "<u4"), ("mode", "<u4"), ("stage", "<f4", 5),
        ("scan_index", "<u4"), ("temperature", "<f4"), ("objective", "<f4"),
    ]
)  # fmt: skip
TYPES = {8: "u1", 16: "<u2"}
"""Of each number of bits."""
SMALLEST_PIXEL_NM = 1000.0
"""Smaller is no detector's pixel but the sampling of an image, which some programs put there."""
SMALLEST_TENSION_V = 5000.0
"""Smaller is in kV."""
DIFFRACTION_MODE = 2
VERSION = 2
FIRST_VERSION_FRAME_HEADER_BYTES = 12
"""Files of version 1 do not say the length of their frame headers."""
NM_PER_UM = 1000.0

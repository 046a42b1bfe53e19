"""The layout of EMPAD's raw frames and the names in its XML.

Source: the fields as RosettaSciIO documents and reads them (written anew from the layout); the
first generation of the detector names them in small letters, the second otherwise.
"""

PIXELS = 128
ROWS = 130
"""Of a record; the last two hold no pattern."""
MEASURED = "iom_measurements"
HIGH_VOLTAGE = "high_voltage"
"""[V]."""
SECOND_HIGH_VOLTAGE = "ColumnSourceHighVoltage"
CAMERA_LENGTH = "nominal_camera_length"
"""[m]."""
ANGLE_PER_PIXEL = "calibrated_diffraction_angle"
"""[rad]."""
Q_PER_PIXEL = "calibrated_pixelsize"
"""[1/nm], but for a factor of 1e9; of the first generation only."""
Q_UNIT_PER_ANGSTROM = 1e8
"""1/Å that a `Q_PER_PIXEL` of 1 means."""
FIELD_OF_VIEW = "optics.get_full_scan_field_of_view"
"""Of the scan along y and x [m]."""
LATER_FIELD_OF_VIEW = "full_scan_field_of_view"
"""Has `x` and `scale_factor`; their ratio is the field along the longer side of the scan [m]."""
SECOND_FIELD_OF_VIEW = "ColumnOpticsGetFullScanFieldOfViewx"

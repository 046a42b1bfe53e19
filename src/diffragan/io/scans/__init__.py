"""4D scans in the formats of detectors' makers, read frame by frame."""

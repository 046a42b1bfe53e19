"""Many views of one molecule: intensities merged in 3D, and phases extended from a coarse map."""

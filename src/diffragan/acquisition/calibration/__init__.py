"""What a detector and its lenses did to a scan: pixels, gain, centres, rings, background."""

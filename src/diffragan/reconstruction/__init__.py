"""From images at known orientations to a map, half maps and their resolution."""

"""From a detector's scan and an overview image to observations of single molecules."""

"""A simulated experiment: a scan over many molecules, an overview image, and the truth."""

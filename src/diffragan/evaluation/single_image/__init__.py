"""Figures and numbers of `docs/results/single-image.md`, from what `evaluate` wrote of each run."""

"""Figures and numbers of `docs/results/many-views.md`, from what runs of phase extension left."""

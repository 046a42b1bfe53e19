"""The forward model: atoms, potential, wave, and what a detector sees."""

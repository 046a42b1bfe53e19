"""Spread that single wild values do not change."""

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation, 1 / Phi^-1(3/4)."""

"""Triplets and whole data sets."""

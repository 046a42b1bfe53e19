"""Judging phased waves against the truth: metrics, controls, figures and the report."""

"""The version of what `evaluate` writes; `docs/evaluation.md` describes it."""

SCHEMA_VERSION = 3
"""Of `metrics.json`. Version 1 had neither groups nor warnings, and did not name itself;
version 2 did not correlate measured coefficients alone."""
PAGE_VERSION = 1
"""Of `page.json`."""

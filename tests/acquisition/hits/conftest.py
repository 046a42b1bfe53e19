"""A small scan that the tests of this folder share."""

import pytest
from bump_scans import BumpScan, make_bump_scan


@pytest.fixture(scope="session")
def bump_scan() -> BumpScan:
    return make_bump_scan()

"""Phase single-molecule electron diffraction."""

import os

__version__ = "0.1.0"

# Iterations transform many small arrays. OpenMP threads that spin between them cost a busy machine
# seven times the time (measured); asleep, they cost an idle one nothing. Read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

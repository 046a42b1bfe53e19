"""Phase single-molecule electron diffraction."""

import os

__version__ = "0.1.0"

# Iterations transform many small arrays. OpenMP threads that spin between them cost a busy machine
# seven times the time (measured); asleep, they cost an idle one nothing. Read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Grids of more than 200 voxels a side are fresh memory at every step, a fault for each 4 kB of it:
# much of a step's time (THP_MEM_ALLOC_ENABLE=0 shows it). In large pages a fault is for 2 MB.
# Linux only.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

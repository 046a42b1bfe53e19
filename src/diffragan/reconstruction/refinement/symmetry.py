"""Point groups Cn and Dn: the turns that leave a molecule as it is."""

import re

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffragan.errors import ConfigError
from diffragan.typing import Float, Tensor

_NAME = re.compile(r"(?P<kind>[CD])(?P<order>[1-9]\d?)", re.IGNORECASE)


def symmetry_turns(name: str) -> Float[Tensor, "turn 3 3"]:
    """Matrices of a group: its main axis along z and, in Dn, one twofold axis along x.

    Parameters
    ----------
    name : `C1`, `C2`, ... or `D2`, `D3`, ..., with n up to 99.

    Raises
    ------
    ConfigError : There is no such group here.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigError(f"symmetry '{name}' is not known; use C1, Cn or Dn, as C4 or D2")
    order = int(match["order"])
    angles = 2 * np.pi * np.arange(order) / order
    turns = Rotation.from_euler("z", angles[:, None]).as_matrix()
    if match["kind"].upper() == "D":
        flip = np.diag([1.0, -1.0, -1.0])
        turns = np.concatenate([turns, turns @ flip])
    return torch.from_numpy(turns)

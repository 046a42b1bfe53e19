"""A run's state on disk, so that a killed run goes on where it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.io.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from diffragan.reconstruction.refinement.state import DONE, INITIAL, REFINE, State

_PART = "state"


def write_state(folder: Path, state: State, description: Mapping[str, Any] | None = None) -> None:
    """Write a state, replacing an older one only when the new one is whole.

    Parameters
    ----------
    folder : Of the checkpoint.
    state : Between two iterations.
    description : More plain values to keep: settings, what the images were read from.

    Raises
    ------
    OutputError : The place cannot be written to.
    """
    words = {
        "kind": "diffragan refinement",
        "stage": state.stage,
        "iteration": state.iteration,
        "numbers": dict(state.numbers),
        "history": [dict(row) for row in state.history],
        "described": dict(description or {}),
    }
    write_checkpoint(folder, Checkpoint({_PART: dict(state.tensors)}, words))


def read_state(folder: Path) -> tuple[State, Mapping[str, Any]]:
    """Read a state and the description that was kept with it.

    Raises
    ------
    InputError : There is none, it is damaged, or it is of something else.
    """
    checkpoint = read_checkpoint(folder)
    words = checkpoint.description
    try:
        stage = str(words["stage"])
        numbers = {str(k): float(v) for k, v in words["numbers"].items()}
        state = State(
            stage,
            int(words["iteration"]),
            checkpoint.tensors[_PART],
            numbers,
            tuple(dict(row) for row in words["history"]),
        )
        described = dict(words["described"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{folder}: not the state of a refinement; start it anew") from None
    if stage not in (INITIAL, REFINE, DONE):
        raise InputError(f"{folder}: has the unknown stage '{stage}'; start the refinement anew")
    return state, described

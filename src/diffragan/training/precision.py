"""The arithmetic that networks are trained in: bfloat16 only where the machine computes in it."""

from pathlib import Path
from typing import Literal, TypeVar

import torch

from diffragan.config.training import TrainingSettings
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.io.checkpoints import LAST, has_checkpoint, read_run
from diffragan.progress import tell

Settings = TypeVar("Settings", TrainingSettings, UnrolledTraining)
Arithmetic = Literal["32-true", "bf16-mixed"]
FULL: Arithmetic = "32-true"
HALF: Arithmetic = "bf16-mixed"
EMULATED = (
    "this CPU does not compute in bfloat16, which makes training several times slower than in full "
    f"precision; --precision {FULL} is faster"
)


def with_precision(
    settings: Settings, device: str, run: Path, *, resume: bool, talks: bool = True
) -> Settings:
    """Turn `auto` into the precision of a run: as it was begun, or the fastest on `device`.

    Says, if it `talks`, where the one that is asked for is slow.

    Raises
    ------
    InputError : The run to resume is damaged.
    """
    able, chosen = computes_in_bfloat16(device), settings.precision
    if chosen == "auto":
        begun = _of_run(run) if resume and has_checkpoint(run) else None
        chosen = begun or (HALF if able else FULL)
    if chosen == HALF and not able and talks:
        tell(EMULATED)
    return settings.model_copy(update={"precision": chosen})


def arithmetic(settings: TrainingSettings | UnrolledTraining) -> Arithmetic:
    """Say in Lightning Fabric's words what a run with a settled precision computes in."""
    return HALF if settings.precision == HALF else FULL


def computes_in_bfloat16(device: str) -> bool:
    """Whether `cpu`, `cuda` or `cuda:N` multiplies in bfloat16, and does not emulate it.

    CPUs do with AVX512-BF16, AMX or Arm's BF16; others take several times as long for a step of
    training as in single precision (`diffragan train --precision` shows both).
    """
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):  # an older PyTorch cannot tell
        return False
    able = torch.cpu.get_capabilities()
    return any(able[name] for name in able if name.endswith("bf16"))


def _of_run(run: Path) -> Arithmetic | None:
    settings = read_run(run, LAST, ()).description.get("settings")
    before = settings.get("precision") if isinstance(settings, dict) else None
    return next((known for known in (FULL, HALF) if known == before), None)

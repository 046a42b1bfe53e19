"""Choosing where tensors live: `auto`, `cpu` or `cuda`; and what room there is."""

import os

import torch

from diffragan.errors import ConfigError


def choose_device(wanted: str) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device that is there.

    Raises
    ------
    ConfigError : The device is unknown or this machine has no such GPU.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return "cpu"
    name, _, number = wanted.partition(":")
    if name != "cuda" or (number and not number.isdecimal()):
        raise ConfigError(f"there is no device '{wanted}'; use auto, cpu or cuda")
    if not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device '{wanted}': this machine has no such GPU; use --device cpu")
    return wanted


def machine_memory_bytes() -> int:
    """Return the memory of this machine, used or free."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

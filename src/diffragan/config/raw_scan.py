"""The YAML that stands beside a scan of plain binary frames and says what they are."""

from typing import Literal

from pydantic import Field

from diffragan.config.acquisition import ScanSettings
from diffragan.config.settings import Settings


class RawScan(Settings):
    """Frames of one size, one after another, in a file whose name has another ending."""

    kind: Literal["raw-scan"] = "raw-scan"
    dtype: Literal[
        "uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"
    ] = "uint16"  # fmt: skip
    byte_order: Literal["little", "big"] = "little"
    header_bytes: int = Field(0, ge=0)
    """What stands before the first frame, once in the file."""
    gap_before_bytes: int = Field(0, ge=0)
    """What stands before the pixels of each frame."""
    gap_after_bytes: int = Field(0, ge=0)
    """What stands behind the pixels of each frame."""
    frame_shape: tuple[int, int]
    """Rows and columns of a frame."""
    scan: ScanSettings = ScanSettings()
    """How the scan was taken; `shape` is its positions along y and x."""

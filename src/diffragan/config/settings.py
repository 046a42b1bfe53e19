"""Base of every configuration object: frozen, typed, and strict about its keys."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Immutable settings; an unknown key or a NaN is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rivals: ClassVar[tuple[str, ...]] = ()
    """Settings that exclude each other: one that is given puts those of the preset aside."""

"""The settings of training data that are simulated while they are needed: what varies in them."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from diffragan.config.settings import Settings


def ordered(limits: tuple[float, float]) -> tuple[float, float]:
    """Check a range for a validator.

    Raises
    ------
    ValueError : Its upper limit comes first.
    """
    low, high = limits
    if low > high:
        raise ValueError(f"a range needs its lower limit first, not {low:g} before {high:g}")
    return limits


Dose = Annotated[float, Field(gt=0, le=1e9)]
Ratio = Annotated[float, Field(gt=0, le=1e6)]
Defocus = Annotated[float, Field(ge=-1e6, le=1e6)]


class StreamSettings(Settings):
    """What differs from view to view, besides the molecule and its orientation, and the batches.

    A range that is left out keeps the experiment's own value for all views.
    """

    batch: int = Field(8, ge=1, le=4096)
    """Views in a batch."""
    window: int = Field(8, ge=1, le=1024)
    """Batches that a GPU makes in one go: the views of one molecule among them share the
    computation of their waves. The CPU makes one batch at a time."""
    weights: tuple[float, ...] | None = None
    """How often each structure is shown, relative to the others; equally often when left out."""
    low_resolution_dose_e_per_a2: Annotated[tuple[Dose, Dose], AfterValidator(ordered)] | None = (
        None
    )
    """Dose of the low-resolution image, log-uniform between the limits [e/Å2]."""
    low_resolution_snr: Annotated[tuple[Ratio, Ratio], AfterValidator(ordered)] | None = None
    """Or its signal-to-noise ratio, log-uniform; the dose follows for every view."""
    low_resolution_defocus_angstrom: (
        Annotated[tuple[Defocus, Defocus], AfterValidator(ordered)] | None
    ) = None
    """Defocus of the low-resolution image, uniform, positive is underfocus [Å]."""
    diffraction_exposure_e_per_a2: Annotated[tuple[Dose, Dose], AfterValidator(ordered)] | None = (
        None
    )
    """Exposure of the pattern, log-uniform [e/Å2]; patterns are counted then."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.low_resolution_dose_e_per_a2 and self.low_resolution_snr:
            raise ValueError(
                "low_resolution_dose_e_per_a2 and low_resolution_snr both set the dose; give one"
            )
        if self.weights is not None and (min(self.weights, default=0) < 0 or not sum(self.weights)):
            raise ValueError("weights must not be negative, and one of them must be above 0")
        return self

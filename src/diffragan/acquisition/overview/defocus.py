"""Defocus and astigmatism of an image from the Thon rings of its power spectrum."""

from dataclasses import dataclass
from math import atan2, degrees, hypot, pi

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from diffragan.acquisition.overview.spectrum import Spectrum, power_spectrum
from diffragan.config.acquisition import OverviewSettings
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.io.overview_image import OverviewImage
from diffragan.physics.optics import ANGSTROM_PER_MM

Values = NDArray[np.float64]

RANGE_ANGSTROM = (300.0, 40_000.0)
BAND_ANGSTROM = (80.0, 2.5)
"""Coarser, thickness and illumination vary; finer, no overview image has contrast."""
PRIOR_SHARE = 0.1
"""How well a nominal defocus is taken to be known, as one standard deviation."""
LEAST_PRIOR_ANGSTROM = 200.0
"""A specimen's height varies by that much, however small its nominal defocus."""
SMOOTH_SPLINES, SIGNAL_SPLINES = 4, 7
LEAST_GAIN = 25.0
"""By how much rings must better chi^2, as must the best defocus that of every other fit."""
LARGEST_ERROR = 0.2
"""Standard error relative to the defocus above which it is not determined."""
PHASE_STEP_RAD = 0.4
"""Of the search, at the finest frequency."""
SIGNIFICANT = 3.0
"""Standard errors from which an astigmatism is one, and a nominal value is contradicted."""


@dataclass(frozen=True, slots=True)
class Defocus:
    """What the lens of an image did, with its error."""

    defocus_angstrom: float
    """Underfocus is positive [Å]; a power spectrum does not tell the sign, which is that of the
    nominal value, or underfocus."""
    standard_error_angstrom: float
    astigmatism_angstrom: float
    """0 where there is no significant one [Å]."""
    astigmatism_angle_deg: float
    """Of the largest defocus, from the image's x to its rows [degrees]."""
    determined: bool
    """Whether the power spectrum or a nominal value tell the defocus."""
    warning: str | None
    """One line where it is not determined, or contradicts the nominal value."""

    def optics(self, settings: OverviewSettings) -> OpticsSettings:
        """Return the lens as the forward model takes it."""
        return OpticsSettings(
            defocus_angstrom=self.defocus_angstrom,
            aperture_mrad=settings.aperture_mrad,
            spherical_aberration_mm=settings.spherical_aberration_mm,
            astigmatism_angstrom=self.astigmatism_angstrom,
            astigmatism_angle_deg=self.astigmatism_angle_deg,
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Linear models of the power for every defocus: b(q) + a(q) sin^2 chi."""

    q: Values
    """`(ring,)` [1/Å]."""
    power: Values
    """`(sector, ring)`, as `weight`."""
    weight: Values
    """Inverse standard deviations."""
    smooth: Values
    """`(ring, spline)`."""
    signal: Values
    """`(ring, spline)`."""
    wavelength_angstrom: float
    spherical_angstrom: float

    def residual(self, defocus: Values) -> float:
        """Chi^2 of the best non-negative a and b.

        Parameters
        ----------
        defocus : `(sector,)`, in the direction of each sector [Å].
        """
        lens = np.sin(self._chi(defocus[:, None])) ** 2
        model = np.concatenate(
            [
                np.broadcast_to(self.smooth, (*lens.shape, self.smooth.shape[-1])),
                lens[..., None] * self.signal,
            ],
            axis=-1,
        )
        columns = (model * self.weight[..., None]).reshape(-1, model.shape[-1])
        wanted = (self.power * self.weight).ravel()
        # The normal equations are small; solving them costs less than the whole problem.
        root = np.linalg.cholesky(columns.T @ columns + 1e-9 * np.eye(columns.shape[1]))
        reduced = np.linalg.solve(root, columns.T @ wanted)
        _, distance = scipy.optimize.nnls(root.T, reduced)
        return float(wanted @ wanted - reduced @ reduced + distance**2)

    def _chi(self, defocus: Values) -> Values:
        wave, q2 = self.wavelength_angstrom, self.q**2
        return np.asarray(
            pi * wave * (0.5 * self.spherical_angstrom * wave**2 * q2**2 - defocus * q2)
        )

    def ringless(self) -> float:
        """Chi^2 of a smooth curve with as many coefficients as a fit of rings has."""
        count = self.smooth.shape[-1] + self.signal.shape[-1]
        columns = (_splines(self.q, count) * self.weight[..., None]).reshape(-1, count)
        wanted = (self.power * self.weight).ravel()
        found = np.linalg.lstsq(columns, wanted, rcond=None)[0]
        return float(((wanted - columns @ found) ** 2).sum())


def estimate_defocus(
    image: OverviewImage, settings: OverviewSettings, electron: Electron
) -> Defocus:
    """Find the defocus and astigmatism of an image from its power spectrum.

    The power is fitted by b(q) + a(q) sin^2 chi(q), chi as in `aberration_phase` (no amplitude
    contrast), smooth non-negative a and b, over all defocus values; a nominal one counts as a
    prior, and stands where the power determines none. Errors are those of the curvature of chi^2,
    scaled so that chi^2 is its expectation.

    Raises
    ------
    InputError : The image has no frequencies to fit: its pixels are larger than the rings.

    Source: Rohou and Grigorieff, J. Struct. Biol. 192 (2015) 216, for the method.
    """
    fit = _prepared(image, settings, electron)
    sectors = len(fit.power)
    nominal = settings.defocus_angstrom
    sign = -1.0 if nominal is not None and nominal < 0 else 1.0
    values = sign * _search_values(fit, nominal)
    radial = _radial(fit)
    chi2 = np.array([radial.residual(np.array([value])) for value in values])
    freedom = max(radial.power.size - SMOOTH_SPLINES - SIGNAL_SPLINES - 1, 1)
    noise = max(float(chi2.min()) / freedom, 1.0)
    ringless = radial.ringless() / noise
    chi2 /= noise
    free = _minimum(radial, values, chi2, noise)
    seen = _is_determined(free, values, chi2, ringless)
    best, error, warning = free[0], free[1], None
    if nominal is not None:
        spread = max(PRIOR_SHARE * abs(nominal), LEAST_PRIOR_ANGSTROM)
        off = abs(free[0] - nominal) / hypot(spread, free[1])
        if seen and off > SIGNIFICANT:
            warning = (
                f"the image's power spectrum says a defocus of {free[0]:.0f} +- {free[1]:.0f} Å "
                f"and overview.defocus_angstrom {nominal:g}; the former is used"
            )
        elif not seen:
            # A spectrum without rings, as that of dry molecules, would pull it anywhere.
            best, error = nominal, spread
        else:
            prior = ((values - nominal) / spread) ** 2
            best, error = _minimum(radial, values, chi2 + prior, noise, (nominal, spread))[:2]
    elif not seen:
        warning = (
            f"{image.path}: its power spectrum does not determine the defocus (best "
            f"{best:.0f} +- {min(error, RANGE_ANGSTROM[1]):.0f} Å); give overview.defocus_angstrom"
        )
    astigmatism, angle = (0.0, 0.0) if not seen else _astigmatism(fit, best, error, sectors)
    return Defocus(best, error, astigmatism, angle, seen or nominal is not None, warning)


def _prepared(image: OverviewImage, settings: OverviewSettings, electron: Electron) -> _Fit:
    spectrum = power_spectrum(image.electrons, image.pixel_angstrom)
    finest = min(1 / BAND_ANGSTROM[1], 0.9 * spectrum.frequency[-1])
    if settings.aperture_mrad is not None:
        # The samples that the aperture's rim cuts are neither in nor out.
        rim = electron.frequency_per_angstrom(settings.aperture_mrad)
        finest = min(finest, rim - 2 * spectrum.frequency[0])
    inside = (spectrum.frequency >= 1 / BAND_ANGSTROM[0]) & (spectrum.frequency <= finest)
    splines = SMOOTH_SPLINES + SIGNAL_SPLINES
    if inside.sum() < 2 * splines:
        raise InputError(
            f"{image.path}: only {inside.sum()} rings of its power spectrum lie between "
            f"{BAND_ANGSTROM[0]:g} Å and the pixel or aperture; an image of more or smaller "
            "pixels is needed to find its defocus"
        )
    q = spectrum.frequency[inside]
    return _Fit(
        q,
        spectrum.power[:, inside],
        _weights(spectrum, inside),
        _splines(q, SMOOTH_SPLINES),
        _splines(q, SIGNAL_SPLINES),
        electron.wavelength_angstrom,
        settings.spherical_aberration_mm * ANGSTROM_PER_MM,
    )


def _weights(spectrum: Spectrum, inside: NDArray[np.bool_]) -> Values:
    """Inverse standard deviations by the smooth power: a low value is not a sure one."""
    power, variance = spectrum.power[:, inside], spectrum.variance[:, inside]
    relative = np.sqrt(variance) / np.maximum(power, 1e-12)
    width = 7
    padded = np.pad(power.mean(0), width // 2, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    return np.where(np.isfinite(variance), 1 / np.maximum(relative * smooth, 1e-12), 0.0)


def _radial(fit: _Fit) -> _Fit:
    """Return the same with one sector that holds all."""
    weight = (fit.weight**2).sum(0)
    power = (fit.power * fit.weight**2).sum(0) / np.maximum(weight, 1e-300)
    return _Fit(
        fit.q, power[None], np.sqrt(weight)[None], fit.smooth, fit.signal,
        fit.wavelength_angstrom, fit.spherical_angstrom,
    )  # fmt: skip


def _splines(q: Values, count: int) -> Values:
    """Cubic B-splines `(ring, count)`, denser at low frequency where a spectrum falls fast."""
    degree = 3
    u = np.sqrt(q / q[-1])
    inner = np.linspace(u[0], u[-1], count - degree + 1)
    knots = np.concatenate([[u[0]] * degree, inner, [u[-1]] * degree])
    return np.asarray(BSpline.design_matrix(u, knots, degree).toarray())


def _search_values(fit: _Fit, nominal: float | None) -> Values:
    step = PHASE_STEP_RAD / (pi * fit.wavelength_angstrom * float(fit.q[-1]) ** 2)
    low, high = RANGE_ANGSTROM
    if nominal is not None:
        low, high = min(low, abs(nominal) / 2), max(high, 2 * abs(nominal))
    # Far from focus rings lie so close that only coarse frequencies tell values apart.
    values = [low]
    while values[-1] < high:
        values.append(values[-1] + max(step, 0.004 * values[-1]))
    return np.array(values)


def _minimum(
    fit: _Fit, values: Values, chi2: Values, noise: float, prior: tuple[float, float] | None = None
) -> tuple[float, float, float]:
    """Return the best defocus, its standard error [Å] and its chi^2."""

    def cost(value: float) -> float:
        extra = 0.0 if prior is None else ((value - prior[0]) / prior[1]) ** 2
        return fit.residual(np.array([value])) / noise + extra

    at = int(chi2.argmin())
    around = sorted((values[max(at - 1, 0)], values[min(at + 1, len(values) - 1)]))
    found = scipy.optimize.minimize_scalar(cost, bounds=around, method="bounded")
    best, least = float(found.x), float(found.fun)
    # The half-width at which chi^2 has grown by one, whatever its shape.
    error, width = float("inf"), abs(best) * 1e-4
    while width < abs(best):
        if min(cost(best - width), cost(best + width)) - least >= 1:
            error = width
            break
        width *= 1.5
    return best, error, least


def _is_determined(
    best: tuple[float, float, float], values: Values, chi2: Values, ringless: float
) -> bool:
    """Tell whether one defocus explains the power far better than all others and no rings."""
    value, error, least = best
    if error > LARGEST_ERROR * abs(value) or ringless - least < LEAST_GAIN:
        return False
    elsewhere = np.abs(values / value - 1) > 2 * LARGEST_ERROR
    return bool((chi2[elsewhere] - least > LEAST_GAIN).all())


def _astigmatism(fit: _Fit, mean: float, error: float, sectors: int) -> tuple[float, float]:
    """Return the astigmatism [Å] and its angle [degrees], 0 where it is not significant."""
    twice = 2 * (np.arange(sectors) + 0.5) * pi / sectors
    basis = np.stack([np.ones(sectors), np.cos(twice), np.sin(twice)])

    def cost(parameters: Values) -> float:
        return fit.residual(parameters @ basis)

    scale = max(10 * error, 0.01 * abs(mean))
    start = np.array([[mean, 0, 0], [mean, scale, 0], [mean, 0, scale], [mean + scale, 0, 0]])
    found = scipy.optimize.minimize(
        cost, start[0], method="Nelder-Mead",
        options={"initial_simplex": start, "maxfev": 300, "xatol": 0.1 * min(error, scale)},
    )  # fmt: skip
    noise = max(found.fun / max(fit.power.size - 14, 1), 1.0)
    # Two more parameters by chance gain two, and rarely more than a dozen.
    if (cost(start[0]) - found.fun) / noise < SIGNIFICANT**2 + 2:
        return 0.0, 0.0
    size = hypot(found.x[1], found.x[2])
    return size, degrees(atan2(found.x[2], found.x[1])) / 2

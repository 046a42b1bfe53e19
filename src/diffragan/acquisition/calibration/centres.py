"""The centre of each frame from its own counts."""

from collections import OrderedDict
from dataclasses import dataclass

import torch

from diffragan.acquisition.calibration.symmetry_weights import Lattice, PairWeights, pair_weights
from diffragan.typing import Float, Mask, Patterns, Tensor

LARGEST_STEP_PIXELS = 1.5
"""Beyond this a step along the slope is not to be trusted."""
STEPS = 6
SEARCH_PIXELS = 10
"""How far from its expected place the direct beam is looked for."""
LOST_PIXELS = 2 * SEARCH_PIXELS
LEAST_ERROR_PIXELS = 0.02
"""Standard error of any frame's own centre: by so much the gradients of ice of some hundred Å move
the direct beam itself (measured on simulated patterns)."""
KEPT_WEIGHTS = 96
"""Weights of so many centres are kept, some 1.3 MB each for 256 x 256."""


@dataclass(frozen=True, slots=True)
class OwnCentres:
    """Centres by what each frame shows itself."""

    centres: Float[Tensor, "frame 2"]
    """Row and column of the direct beam [pixels], pixel centres at whole numbers."""
    variances: Float[Tensor, "frame 2"]
    """By Poisson's statistics of the frame's counts [pixels^2]; infinite where it shows nothing."""


class CentreFinder:
    """Finds centres near a place where they are expected; keeps weights between blocks.

    Parameters
    ----------
    slope : `(ring,)`, of the logarithm of the expected pattern.
    good : `(q_y, q_x)`, pixels that are measured.
    slope_ratio : How far a frame's own slope falls short of the expected one, as measured.
    window_pixels : Radius of the window whose centroid is the direct beam; none where that is
        hidden.
    """

    def __init__(
        self,
        slope: Float[Tensor, " ring"],
        good: Mask,
        slope_ratio: float = 1.0,
        window_pixels: float | None = None,
    ) -> None:
        self._slope = slope
        self._window = window_pixels
        self._good = good
        self._ratio = slope_ratio
        self._kept: OrderedDict[Lattice, PairWeights | None] = OrderedDict()

    def find(self, electrons: Patterns, expected: Float[Tensor, "frame 2"]) -> OwnCentres:
        """Step towards the point about which each frame's counts balance.

        A pattern's centre is looked for on half pixels, from `expected` or from the brightest
        place near it, until a step is less than half that; the last step is taken as it is.
        """
        start = expected if self._window is None else self._brightest(electrons, expected)
        lattice = (2 * start).round().long()
        step = torch.zeros_like(start)
        variance = torch.full_like(start, torch.inf)
        active = torch.arange(len(electrons), device=electrons.device)
        for _ in range(STEPS):
            moments = self.moments(electrons, lattice, active)
            step[active], variance[active] = self._step(moments)
            ahead = (2 * step[active]).round().long()
            moving = (ahead != 0).any(1)
            active = active[moving]
            if len(active) == 0:
                break
            lattice[active] += ahead[moving]
            step[active] = 0.0
        found = lattice / 2 + step
        # What steps away without end has no centre to show.
        lost = (found - expected).abs().amax(1) > LOST_PIXELS
        found = torch.where(lost[:, None], expected, found)
        return OwnCentres(found, torch.where(lost[:, None], torch.inf, variance))

    def moments(
        self, electrons: Patterns, lattice: Tensor, active: Tensor
    ) -> Float[Tensor, "frame 8"]:
        """Weighted sums of the counts of some frames about their centres [halves of a pixel]."""
        found = torch.zeros(len(active), 8, device=electrons.device)
        places = lattice[active]
        for centre in torch.unique(places, dim=0).tolist():
            chosen = (places == torch.tensor(centre, device=places.device)).all(1)
            weights = self._weights((centre[0], centre[1]))
            if weights is not None:
                window = electrons[active[chosen], weights.rows, weights.columns]
                found[chosen] = window.flatten(1) @ weights.moments
        return found

    def _step(
        self, moments: Float[Tensor, "frame 8"]
    ) -> tuple[Float[Tensor, "frame 2"], Float[Tensor, "frame 2"]]:
        """Newton's step from moments, and its variance; no step where nothing is known."""
        s_y, s_x, yy, xx, yx, v_yy, v_xx, v_yx = moments.double().unbind(1)
        determinant = yy * xx - yx**2
        known = (yy > 0) & (xx > 0) & (determinant > 1e-6 * yy * xx)
        safe = torch.where(known, determinant, 1.0)
        step = torch.stack([xx * s_y - yx * s_x, yy * s_x - yx * s_y], 1) / safe[:, None]
        spread = torch.stack(
            [
                xx**2 * v_yy - 2 * xx * yx * v_yx + yx**2 * v_xx,
                yx**2 * v_yy - 2 * yx * yy * v_yx + yy**2 * v_xx,
            ],
            1,
        )
        variance = spread.clamp(min=0) / (safe * self._ratio)[:, None] ** 2
        variance = variance + LEAST_ERROR_PIXELS**2
        step = (step / self._ratio).clamp(-LARGEST_STEP_PIXELS, LARGEST_STEP_PIXELS)
        nothing = ~known[:, None]
        return (
            torch.where(nothing, 0.0, step).float(),
            torch.where(nothing, torch.inf, variance).float(),
        )

    def _weights(self, centre: Lattice) -> PairWeights | None:
        if centre not in self._kept:
            self._kept[centre] = pair_weights(self._slope, self._window, self._good, centre)
            if len(self._kept) > KEPT_WEIGHTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(centre)
        return self._kept[centre]

    def _brightest(
        self, electrons: Patterns, expected: Float[Tensor, "frame 2"]
    ) -> Float[Tensor, "frame 2"]:
        """Brightest square of 3 pixels within the search about the mean expected place."""
        reach = SEARCH_PIXELS + 1
        middle = expected.mean(0).round().long().tolist()
        spans = [
            slice(max(0, place - reach), min(size, place + reach + 1))
            for place, size in zip(middle, electrons.shape[1:], strict=True)
        ]
        window = electrons[:, spans[0], spans[1]] * self._good[spans[0], spans[1]]
        smooth = torch.nn.functional.avg_pool2d(window[:, None], 3, 1, 1)[:, 0]
        best = smooth.flatten(1).argmax(1)
        rows, columns = best // smooth.shape[2], best % smooth.shape[2]
        return torch.stack([rows + spans[0].start, columns + spans[1].start], 1).float()


def measured_slope_ratio(
    finder: CentreFinder, electrons: Patterns, centres: Float[Tensor, "frame 2"]
) -> tuple[float, float]:
    """How much the balance changes with the centre, and how much the weights say it should.

    Both summed over frames and axes; their quotient is the slope ratio of a finder.
    """
    lattice = (2 * centres).round().long()
    every = torch.arange(len(electrons), device=electrons.device)
    expected = finder.moments(electrons, lattice, every)[:, 2:4].sum()
    change = torch.zeros((), device=electrons.device)
    for axis in (0, 1):
        half = torch.zeros_like(lattice)
        half[:, axis] = 1
        after = finder.moments(electrons, lattice + half, every)[:, axis]
        before = finder.moments(electrons, lattice - half, every)[:, axis]
        change += (before - after).sum()
    return float(change), float(expected)

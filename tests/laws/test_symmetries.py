"""The eight ways to lay a square: each undone, kept by transforms, none twice."""

import pytest
import torch

from diffragan.fourier import centred, decentred, fft2
from diffragan.symmetries import SYMMETRIES, Symmetry

FIELD = torch.complex(*torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_it_is_undone_and_kept_by_transforms_and_by_either_origin(symmetry: Symmetry) -> None:
    laid = symmetry.laid(FIELD)
    assert torch.equal(symmetry.back(laid), FIELD)
    torch.testing.assert_close(fft2(laid), symmetry.laid(fft2(FIELD)))
    assert torch.equal(symmetry.laid(centred(FIELD)), centred(laid))
    assert torch.equal(symmetry.laid(decentred(FIELD)), decentred(laid))
    assert torch.equal(laid[..., 0, 0], FIELD[..., 0, 0])


def test_they_are_eight_and_the_first_changes_nothing() -> None:
    laid = [symmetry.laid(FIELD) for symmetry in SYMMETRIES]
    assert len(laid) == 8
    assert torch.equal(laid[0], FIELD)
    assert all(not torch.equal(a, b) for place, a in enumerate(laid) for b in laid[:place])

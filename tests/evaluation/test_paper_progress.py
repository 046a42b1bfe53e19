import pytest

from diffragan.errors import InputError
from diffragan.evaluation.paper.column import column_style
from diffragan.evaluation.paper.progress import columns_of, draw_progress


def _rows(loss: str) -> list[dict[str, str]]:
    return [
        {
            "epoch": str(e),
            "validation_frc": f"{0.1 * e}",
            "l1": "0.05",
            "validation_l1": "0.06",
            "discriminator_loss": loss,
        }
        for e in (0.5, 1.0, 1.5)
    ]


def test_a_run_without_an_adversary_has_no_curve_of_it() -> None:
    with column_style():
        both = draw_progress({"cgan": _rows("0.6"), "l1": _rows("0")})
        both.draw_without_rendering()
    frc, l1, discriminator = both.axes
    assert len(frc.get_lines()) == 2
    assert len(l1.get_lines()) == 4
    assert len(discriminator.get_lines()) == 1


def test_values_that_are_missing_are_gaps() -> None:
    found = columns_of([{"epoch": "1", "l1": ""}, {"epoch": "2", "l1": "0.5"}], ("epoch", "l1"))
    assert found["l1"][1] == 0.5
    assert found["l1"][0] != found["l1"][0]


def test_a_log_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="no column 'epoch'"):
        columns_of([{"step": "1"}], ("epoch",))

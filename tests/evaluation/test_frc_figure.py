from typing import Any

from diffragan.evaluation.curves import draw_frc


def test_no_two_curves_of_a_figure_look_alike(tiny_metrics: dict[str, Any]) -> None:
    controls = {f"control {n}": c for n, c in enumerate([*tiny_metrics["controls"].values()] * 3)}
    assert len(controls) == 9
    ax = draw_frc({**tiny_metrics, "controls": controls}).axes[0]
    curves = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    looks = {(line.get_color(), str(line._dash_pattern)) for line in curves}
    assert len(looks) == len(curves) >= 11

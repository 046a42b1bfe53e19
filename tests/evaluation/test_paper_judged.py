import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from diffragan.evaluation.paper.cases import Case, case_rows, draw_cases
from diffragan.evaluation.paper.column import COLUMN_INCHES, SMALLEST_POINTS, column_style
from diffragan.evaluation.paper.dependence import (
    dependences,
    draw_dependence,
    measure_properties,
)
from diffragan.evaluation.paper.judged import (
    JudgedViews,
    band_mean,
    judge,
    judge_image_alone,
    judge_store,
    per_molecule,
    stored_images,
)
from diffragan.evaluation.paper.maps import draw_frc_map, sum_frc_map
from diffragan.evaluation.paper.pairs import PicturePair, draw_difference, draw_ssim
from diffragan.evaluation.paper.unseen import draw_unseen
from diffragan.evaluation.paper.view_rows import draw_rows, extreme_views, rows_of
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore


@pytest.fixture(scope="module")
def views(tiny: TripletStore, tiny_low: PhasedStore) -> JudgedViews:
    return judge_store(tiny, tiny_low)


def test_scores_are_those_of_evaluate(views: JudgedViews, tiny_metrics) -> None:
    method = tiny_metrics["methods"]["low-resolution"]
    assert np.allclose(views.curves.mean(0), method["frc_mean"], atol=1e-5)
    summary = views.summary()
    assert summary["resolution_frc_0p5_angstrom"] == pytest.approx(
        method["resolution_frc_0p5_angstrom"], rel=1e-4
    )
    assert summary["ssim_mean"] == pytest.approx(method["ssim_mean"], abs=1e-5)


def test_a_band_holds_the_rings_between_two_resolutions(views: JudgedViews) -> None:
    resolutions = 1 / views.frequency_per_angstrom
    curves = resolutions[None].repeat(2, 0)
    found = band_mean(curves, views.limit, (5.0, 3.0))
    inside = [r for r in resolutions if 3 < r <= 5]
    assert found.tolist() == pytest.approx([np.mean(inside)] * 2)
    assert band_mean(curves, views.limit, (1e-3, 1e-4)).tolist() == [0, 0]
    summary = views.summary()["bands"][0]
    whole = band_mean(views.curves, views.limit, (20.0, 5.0))
    assert summary["frc_mean"] == pytest.approx(whole.mean())


def test_the_truth_scores_one(tiny: TripletStore) -> None:
    found = judge(
        tiny,
        [0, 3, 6],
        lambda items: torch.from_numpy(tiny.read("high_resolution", items)),
        "truth",
    )
    assert np.allclose(found.scores, 1, atol=1e-4)
    assert found.structure.tolist() == [0, 0, 1]
    assert found.summary()["resolution_reaches_limit"]


def test_the_image_alone_is_the_low_resolution_method(
    tiny: TripletStore, views: JudgedViews
) -> None:
    alone = judge_image_alone(tiny, views.items.tolist())
    assert np.allclose(alone.curves, views.curves, atol=1e-4)


def test_molecules_come_by_mass_with_their_own_views(
    tiny: TripletStore, views: JudgedViews
) -> None:
    molecules = per_molecule(tiny, views)
    assert [m["views"] for m in molecules] == [4, 4]
    assert np.mean([m["score_mean"] for m in molecules]) == pytest.approx(views.scores.mean())


def test_extremes_are_of_different_molecules(views: JudgedViews) -> None:
    best, worst = extreme_views(views, 2)
    assert views.scores[best[0]] == views.scores.max()
    assert views.scores[worst[0]] == views.scores.min()
    assert len({int(views.structure[row]) for row in best}) == 2


def test_dependence_finds_a_rank_order(tiny: TripletStore, views: JudgedViews) -> None:
    properties = measure_properties(tiny, views.items.tolist())
    order = np.argsort(np.argsort(properties.area_angstrom2))
    ranked = JudgedViews(
        views.items,
        views.structure,
        np.repeat(order[:, None] / len(order), views.curves.shape[1], axis=1),
        views.ssim,
        views.limit,
    )
    found = dependences(ranked, properties, properties)
    assert found["area_angstrom2"]["spearman"] == pytest.approx(1)
    assert found["mass_kda"]["spearman"] is None  # two molecules have no rank order to speak of
    assert found["aspect_ratio"]["outside_training_range"] == 0


def _figures(tiny: TripletStore, tiny_low: PhasedStore, views: JudgedViews) -> dict[str, Figure]:
    limit, experiment = views.limit, tiny.experiment
    draw = stored_images(tiny_low)
    properties = measure_properties(tiny, views.items.tolist())
    found = dependences(views, properties, properties)
    pairs = [
        PicturePair(
            "alpha", draw([item])[0].double().numpy(), tiny.read("high_resolution", [item])[0] * 1.0
        )
        for item in (0, 5)
    ]
    controls = {"a control": views.curves.mean(0)}
    cases = [Case("first", views.of([0]), views.of([0])), Case("second", views.of([1]))]
    assert [row["label"] for row in case_rows(cases)] == ["first", "second"]
    return {
        "unseen": draw_unseen(
            {"cgan": views, "hio": views}, controls, per_molecule(tiny, views), limit
        ),
        "dependence": draw_dependence(views, properties, properties, found, limit),
        "cases": draw_cases(cases, limit, "which"),
        "rows": draw_rows([("best", rows_of(tiny, views, [0, 5], draw))], experiment),
        "frc map": draw_frc_map(sum_frc_map(tiny, views.items.tolist(), draw), experiment),
        "ssim": draw_ssim(pairs, experiment),
        "difference": draw_difference(pairs, experiment),
    }


def test_figures_fit_a_column_with_letters_that_can_be_read(
    tiny: TripletStore, tiny_low: PhasedStore, views: JudgedViews
) -> None:
    with column_style():
        for name, figure in _figures(tiny, tiny_low, views).items():
            figure.draw_without_rendering()
            assert figure.get_figwidth() == pytest.approx(COLUMN_INCHES), name
            sizes = [
                text.get_fontsize()
                for text in figure.findobj(Text)
                if isinstance(text, Text) and text.get_text() and text.get_visible()
            ]
            assert min(sizes) >= SMALLEST_POINTS, name
            assert figure.get_figheight() < 9, name

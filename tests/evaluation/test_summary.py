from pathlib import Path
from typing import Any

from perturbed_truth import PERTURBED

from diffragan.evaluation.summary import VERDICT_SENTENCES, best_method, summarise
from diffragan.evaluation.verdict import VERDICTS
from diffragan.io.phased import PhasedStore

Evaluation = tuple[Path, dict[str, Any], list[PhasedStore]]


def test_finest_method_is_named(evaluation: Evaluation) -> None:
    metrics = evaluation[1]
    assert best_method(metrics)[0] == PERTURBED
    done, shown, not_shown = summarise(metrics)
    assert "8 simulated views of 1 molecule (" in done
    assert PERTURBED in shown
    assert "1.27 Å on the axes" in shown
    assert "8 views of 1 molecule are a hint" in not_shown


def test_failure_is_told_as_failure(evaluation: Evaluation) -> None:
    metrics = evaluation[1]
    failed = {
        **metrics,
        "methods": {"mine": {**metrics["methods"]["hio"], "resolution_starts_below": True}},
    }
    assert "No method's image" in summarise(failed)[1]


def test_every_verdict_has_a_sentence() -> None:
    assert set(VERDICT_SENTENCES) == set(VERDICTS)

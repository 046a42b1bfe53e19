import numpy as np
import pytest

from diffragan.acquisition.hits.choose import choose_hits
from diffragan.acquisition.hits.classes import CLASSES, PROTEIN, SATURATED
from diffragan.acquisition.hits.priors import MOLECULES, WHOLE, adapt_priors
from diffragan.errors import InputError


def test_the_largest_set_of_the_precision_is_kept() -> None:
    hits = choose_hits(np.array([0.2, 0.99, 0.9, 0.97, 0.5]), 0.95)
    assert hits.chosen.tolist() == [False, True, True, True, False]
    assert hits.expected_precision == pytest.approx((0.99 + 0.97 + 0.9) / 3)
    assert hits.expected_recall == pytest.approx(2.86 / 3.56)
    assert hits.threshold == 0.9


def test_calibrated_probabilities_keep_what_they_promise() -> None:
    random = np.random.default_rng(0)
    probability = random.beta(0.3, 1.0, 20_000)
    true = random.random(20_000) < probability
    hits = choose_hits(probability, 0.9)
    assert true[hits.chosen].mean() == pytest.approx(0.9, abs=0.02)
    assert true[hits.chosen].sum() / true.sum() == pytest.approx(hits.expected_recall, abs=0.03)


def test_no_protein_is_said() -> None:
    assert choose_hits(np.full(50, 1e-4), 0.95).reason == "no frame shows a protein"
    assert "surely enough" in choose_hits(np.full(50, 0.4), 0.95).reason


def test_all_saturated_is_said() -> None:
    probability = np.eye(len(CLASSES))[np.full(5, SATURATED)]
    assert choose_hits(probability, 0.95).reason == "all frames are saturated"


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        choose_hits(np.array([0.2, 1.2]), 0.95)


def test_the_share_of_molecules_of_a_scan_is_found_and_rare_ones_stay() -> None:
    random = np.random.default_rng(4)
    classes = len(CLASSES)
    training = np.full(classes, 1 / classes)
    molecules = 0.03
    true = np.where(MOLECULES, molecules / 3, (1 - molecules) / 5)
    drawn = random.choice(classes, 4000, p=true)
    logits = random.standard_normal((4000, classes))
    logits[np.arange(4000), drawn] += 4.0
    likelihood = np.exp(4.0 * logits)  # of a shift by 4 of a normal variable of variance 1
    adapted, priors = adapt_priors(likelihood / likelihood.sum(1, keepdims=True), training)
    whole = molecules * WHOLE / (molecules * WHOLE + 1 - molecules)
    assert priors.sum() == pytest.approx(1)
    assert priors[MOLECULES].sum() == pytest.approx(whole, rel=0.15)
    protein = drawn == PROTEIN
    assert np.median(adapted[protein, PROTEIN]) > 0.9
    assert adapted[~protein, PROTEIN].mean() < 0.003

"""Which sequences are taken as relatives, and which are not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.errors import ConfigError
from diffragan.structures.homology import (
    DOMAIN_RESIDUES,
    RULES,
    Comparison,
    HomologyRule,
    PaperRule,
    SignificanceRule,
    compare_all,
)
from made_up_proteins import mutated, random_sequence

SEEDS = st.integers(0, 10**6)
SET = [random_sequence(100 + 10 * seed, seed) for seed in range(20)]
"""Unrelated company, so that E-values are those of a set."""
ALL_RULES = [make() for make in RULES.values()]


def ground(first: str, second: str, rule: HomologyRule | None = None) -> str | None:
    """Why two sequences are linked, when compared in a set of 22."""
    compared = (rule or SignificanceRule()).compare([first, second, *SET], 0, 1)
    return compared.ground if compared else None


@pytest.mark.parametrize("rule", ALL_RULES)
def test_shuffled_proteins_are_not_linked(rule: HomologyRule) -> None:
    draw = random.Random(0)
    shuffled = ["".join(draw.sample(one, len(one))) for one in SET]
    assert [one for one in compare_all(shuffled + SET, rule) if one.ground] == []


@given(SEEDS, st.integers(60, 400))
def test_a_copy_with_nine_of_ten_residues_mutated_is_unrelated(seed: int, length: int) -> None:
    protein = random_sequence(length, seed)
    assert ground(protein, mutated(protein, 0.9, seed + 1)) is None


@pytest.mark.parametrize("rule", ALL_RULES)
@given(SEEDS, st.integers(80, 400))
def test_a_relative_of_40_percent_identity_is_linked(
    rule: HomologyRule, seed: int, length: int
) -> None:
    protein = random_sequence(length, seed)
    assert ground(protein, mutated(protein, 0.6, seed + 1), rule) is not None


@given(SEEDS, st.floats(0.05, 1))
def test_a_significant_pair_is_linked_at_any_identity(seed: int, identity: float) -> None:
    protein = random_sequence(300, seed)
    rule = SignificanceRule(identity=identity)
    assert ground(protein, mutated(protein, 0.6, seed + 1), rule) == "significant"


def test_identity_and_coverage_decide_where_the_statistics_waver() -> None:
    peptide = "MKWVTFISL"  # scores little more than chance does, but all of it is found again
    protein = random_sequence(60, 1) + peptide + random_sequence(60, 2)
    compared = SignificanceRule().compare([peptide, protein, *SET], 0, 1)
    assert compared is not None
    assert compared.e_value is not None
    assert 1e-3 < compared.e_value <= 1e-2
    assert compared.ground == "similar"
    longer = peptide + random_sequence(40, 3)
    assert ground(longer, protein) is None


def test_a_common_tag_relates_no_proteins() -> None:
    tag = "MGSSHHHHHHSSGLVPRGSH"
    first, second = (tag + random_sequence(200, seed) for seed in (1, 2))
    compared = SignificanceRule().compare([first, second, *SET], 0, 1)
    assert compared is not None
    assert compared.e_value is not None
    assert compared.e_value < 1e-3
    assert compared.ground is None


def test_a_common_domain_relates_large_proteins() -> None:
    domain = random_sequence(DOMAIN_RESIDUES + 10, 1)
    first, second = (random_sequence(300, seed) + domain for seed in (2, 3))
    assert ground(first, second) == "significant"


def test_the_paper_s_rule_looks_from_end_to_end() -> None:
    protein = random_sequence(100, 1)
    longer = protein + random_sequence(600, 2)
    assert ground(protein, longer) == "significant"
    assert ground(protein, longer, PaperRule()) is None


def test_comparisons_come_in_the_order_of_the_list() -> None:
    family = [mutated(SET[0], 0.3, seed) for seed in range(3)]
    found = compare_all([*family, *SET], SignificanceRule())
    linked = [one for one in found if one.ground]
    assert [(one.first, one.second) for one in linked] == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip
    assert all(isinstance(one, Comparison) and one.e_value is not None for one in linked)


def test_one_sequence_has_nobody_to_be_compared_with() -> None:
    assert compare_all(SET[:1], SignificanceRule()) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"identity": 30.0}, "the identity is 30; give a fraction"),
        ({"identity": 0.0}, "the identity is 0"),
        ({"coverage": -0.1}, "the coverage is -0.1"),
        ({"coverage": float("nan")}, "the coverage is nan"),
        ({"e_value": 10.0}, "chain unrelated proteins together"),
        ({"e_value": 0.0}, "the E-value is 0"),
    ],
)
def test_limits_that_mean_nothing(limits: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SignificanceRule(**limits)

"""Alignments against the recursion they stand for, and E-values against chance."""

import math

import pytest
from Bio.Align import substitution_matrices
from hypothesis import given
from hypothesis import strategies as st

from diffragan.structures.alignment import align, e_value, global_score, local_score
from made_up_proteins import BACKGROUND, random_sequence

BLOSUM62 = substitution_matrices.load("BLOSUM62")
SEQUENCES = st.text(sorted(BACKGROUND), min_size=1, max_size=12)


def naive_score(first: str, second: str, local: bool) -> float:
    """The score by definition: every cell tries every length of gap, 11 + k for k residues."""
    rows, columns = len(first) + 1, len(second) + 1
    best = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            options = [0.0] if local or i == j == 0 else []
            if i and j:
                options.append(best[i - 1][j - 1] + float(BLOSUM62[first[i - 1]][second[j - 1]]))
            options += [best[i - k][j] - 11 - k for k in range(1, i + 1)]
            options += [best[i][j - k] - 11 - k for k in range(1, j + 1)]
            best[i][j] = max(options)
    return max(map(max, best)) if local else best[-1][-1]


@given(SEQUENCES, SEQUENCES)
def test_scores_are_those_of_the_recursion(first: str, second: str) -> None:
    assert local_score(first, second) == naive_score(first, second, local=True)
    assert global_score(first, second) == naive_score(first, second, local=False)


@given(SEQUENCES, SEQUENCES)
def test_order_does_not_matter_to_a_score(first: str, second: str) -> None:
    assert local_score(first, second) == local_score(second, first)
    assert global_score(first, second) == global_score(second, first)


@given(SEQUENCES)
def test_a_sequence_is_aligned_with_itself_whole(sequence: str) -> None:
    for mode in ("local", "global"):
        alignment = align(sequence, sequence, mode)
        assert (alignment.identity, alignment.coverage) == (1.0, 1.0)
        assert alignment.aligned_residues == len(sequence)
        assert alignment.score == sum(BLOSUM62[one][one] for one in sequence)


def test_gaps_count_neither_as_aligned_nor_as_different() -> None:
    sequence = random_sequence(60, seed=1)
    alignment = align(sequence, sequence[:30] + sequence[34:], "local")
    assert alignment.aligned_residues == 56
    assert alignment.identity == 1.0
    assert alignment.coverage == 1.0


def test_nothing_in_common_is_no_alignment() -> None:
    alignment = align("WWWW", "PPPP", "local")
    assert (alignment.score, alignment.aligned_residues, alignment.identity) == (0, 0, 0)


def test_the_e_value_is_that_of_the_bit_score() -> None:
    # E = m n 2^-S' with S' = (lambda S - ln K) / ln 2, as BLAST prints it.
    bits = (0.267 * 100 - math.log(0.041)) / math.log(2)
    assert e_value(100, 150, 200, sequences=1) == pytest.approx(150 * 200 * 2**-bits)
    assert e_value(100, 150, 200, sequences=288) == pytest.approx(288 * 150 * 200 * 2**-bits)


def test_an_e_value_of_one_is_one_chance_match_for_each_sequence() -> None:
    count = 60
    sequences = [random_sequence(150, seed) for seed in range(count)]
    pairs = [(sequences[i], sequences[j]) for i in range(count) for j in range(i)]
    expected = [e_value(local_score(a, b), len(a), len(b), count) for a, b in pairs]
    for limit in (1.0, 5.0):
        matches = 2 * sum(one <= limit for one in expected) / count
        assert 0.4 * limit < matches < 1.6 * limit

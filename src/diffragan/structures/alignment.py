"""Align two protein sequences by BLOSUM62, and say how often chance would do as well.

Gaps cost what they cost in BLAST: 11 to open and 1 for each residue, so 12 for the first.
Source of the scores: Henikoff and Henikoff, Proc. Natl. Acad. Sci. USA 89, 10915 (1992).
"""

import math
from dataclasses import dataclass
from functools import cache

from Bio.Align import PairwiseAligner, substitution_matrices

KARLIN_ALTSCHUL_LAMBDA = 0.267
KARLIN_ALTSCHUL_K = 0.041
"""Fitted for gapped local alignments with BLOSUM62 and gaps of 11 and 1.

Source: Altschul et al., Nucleic Acids Res. 25, 3389 (1997), and Altschul and Gish, Methods
Enzymol. 266, 460 (1996).
"""

FIRST_GAP_SCORE = -12.0
NEXT_GAP_SCORE = -1.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """What the best alignment of two sequences amounts to."""

    score: float
    """BLOSUM62 score less the cost of gaps, in the matrix's units (half bits)."""
    identity: float
    """Fraction of the aligned residues that are the same; 0 without any."""
    aligned_residues: int
    """Residues of either sequence that stand opposite one of the other."""
    coverage: float
    """`aligned_residues` as a fraction of the shorter sequence."""


def local_score(first: str, second: str) -> float:
    """Return the score of the best matching stretches (Smith and Waterman)."""
    return float(_aligner("local").score(first, second))


def global_score(first: str, second: str) -> float:
    """Return the score from end to end (Needleman and Wunsch); gaps at the ends cost as others."""
    return float(_aligner("global").score(first, second))


def align(first: str, second: str, mode: str) -> Alignment:
    """Trace the best alignment; of several equally good ones the first, of none an empty one.

    Parameters
    ----------
    mode : `local` or `global`.
    """
    best = next(iter(_aligner(mode).align(first, second)), None)
    if best is None:
        return Alignment(0.0, 0.0, 0, 0.0)
    aligned = same = 0
    for (start, end), (opposite, _) in zip(*best.aligned, strict=True):
        aligned += int(end - start)
        same += sum(first[start + k] == second[opposite + k] for k in range(end - start))
    return Alignment(
        score=float(best.score),
        identity=same / aligned if aligned else 0.0,
        aligned_residues=aligned,
        coverage=aligned / min(len(first), len(second)),
    )


def e_value(score: float, length: int, other_length: int, sequences: int) -> float:
    """Return how many of `sequences` unrelated sequences would score as well by chance.

    E = N K m n exp(-lambda S): the expectation for one pair (Karlin and Altschul, Proc. Natl. Acad.
    Sci. USA 87, 2264 (1990)) times the number of sequences in the set. Ends are not corrected for,
    which makes E of short sequences a little too large.

    Parameters
    ----------
    score : Score S of the local alignment.
    length, other_length : Residues m and n.
    sequences : Number N of sequences in the set.
    """
    chance = KARLIN_ALTSCHUL_K * length * other_length * math.exp(-KARLIN_ALTSCHUL_LAMBDA * score)
    return sequences * chance


@cache
def _aligner(mode: str) -> PairwiseAligner:
    return PairwiseAligner(
        mode=mode,
        substitution_matrix=substitution_matrices.load("BLOSUM62"),
        open_gap_score=FIRST_GAP_SCORE,
        extend_gap_score=NEXT_GAP_SCORE,
    )

"""Unpacking frames that Terse/Prolix packed (TRPX), many frames at once.

The values of a frame stand in blocks. Each block has a header that says how its values are
packed, or that they are packed as those before. Bits are counted from the lowest of each byte.

The mode for small values puts those of a block into one number, as its digits in the base of the
largest value and 1. A last, shorter block takes fewer bits; pyterse 0.1.7 reads as many as of a
whole one, and gets some of these wrong. Where blocks with overloaded pixels follow each other it
even writes some headers that can be read in two ways; the frame then does not end where it should.

Source: Matinyan, Filipcik and Abrahams, Acta Cryst. A79 (2023) 536, and the description of the
format at https://github.com/senikm/trpx2.0 (written anew from it).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError

PREFIX_BITS = 18
UNSIGNED_PREFIX, SMALL_PREFIX = 0b111111111111111000, 0b111111111111111100
FLOAT_PREFIX = 0b111111111111111010
PLAIN_HEADER_BITS, SMALL_HEADER_BITS = 12, 17
"""Of the longest header of a block."""
WINDOW_BITS = 57
"""What 8 bytes surely hold from any bit of the first on."""
PADDING_BYTES = 16
"""Behind the last byte, where windows and hastily read headers may reach."""
LARGEST_SMALL = 7
"""From this value on, the `small` mode packs values bit by bit as the others do."""
LARGEST_SMALL_BLOCK = 24
MANY = np.int64(1 << 40)
"""Stands for the largest value of a block that is not small."""
MOST_SPARE_BITS = 127
"""Between the last value of a frame and its end, which is a multiple of 8 bytes."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TerseFormat:
    """How the frames of a file are packed."""

    values: int
    """Of each frame."""
    block: int
    """Values of a block."""
    bits: int
    """Of the values before they were packed."""
    signed: bool


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Where the values of each block stand, and how: `(block, frame)` each."""

    start: Ints
    bits: Ints
    """Of each value; of the whole block where `base` is not 0."""
    base: Ints
    """Of the digits that a block's one number consists of; 0 where values stand bit by bit."""
    added: Ints
    """What was added to each value before it was packed: 1 where some pixels were overloaded."""
    end: Ints
    """`(frame,)`: the bit behind the last value."""


class _Bits:
    """Bits of many frames, read at one place of each."""

    def __init__(self, packed: bytes) -> None:
        padded = packed + bytes(PADDING_BYTES)
        # Every byte is the first of a word of eight, which overlap.
        self._words = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
        self.count = 8 * len(packed)

    def read(self, place: Ints, bits: Ints | int) -> Ints:
        """Return the numbers of up to 57 bits that begin at `place`."""
        window = self._words[np.minimum(place >> 3, len(self._words) - 1)]
        mask = (np.uint64(1) << np.asarray(bits).astype(np.uint64)) - np.uint64(1)
        found: Ints = ((window >> (place & 7).astype(np.uint64)) & mask).astype(np.int64)
        return found


def unpack(packed: bytes, edges: Ints, terse: TerseFormat) -> Ints:
    """Unpack frames to `(frame, value)`.

    Parameters
    ----------
    packed : The bytes of all frames, one after another.
    edges : `(frame + 1,)`: the byte at which each begins, and that behind the last.

    Raises
    ------
    InputError : They are packed in another way than this program knows, or damaged.
    """
    bits = _Bits(packed)
    place = edges[:-1].astype(np.int64) * 8
    prefix = bits.read(place, PREFIX_BITS)
    if (prefix == FLOAT_PREFIX).any():
        raise InputError(
            "holds packed numbers with a decimal point, which this program cannot read"
        )
    found = np.empty((len(place), terse.values), np.int64)
    unsigned, small = prefix == UNSIGNED_PREFIX, prefix == SMALL_PREFIX
    for chosen, walk, skipped, block in (
        (~unsigned & ~small, _walk_plain, 0, terse.block),
        (unsigned, _walk_unsigned, PREFIX_BITS, terse.block),
        (small, _walk_small, PREFIX_BITS, min(terse.block, LARGEST_SMALL_BLOCK)),
    ):
        if chosen.any():
            sizes = _block_sizes(terse.values, block)
            blocks = walk(bits, place[chosen] + skipped, sizes, terse.bits)
            # The unsigned mode fills up the last block where pixels of it are overloaded.
            filled = block * terse.bits if walk is _walk_unsigned else 0
            _check_end(blocks.end, 8 * edges[1:][chosen], MOST_SPARE_BITS + filled)
            found[chosen] = _values(bits, blocks, terse.values, block, signed=terse.signed)
    return found


def _block_sizes(values: int, block: int) -> list[int]:
    whole, rest = divmod(values, block)
    return [block] * whole + ([rest] if rest else [])


def _walk_plain(bits: _Bits, place: Ints, sizes: list[int], depth: int) -> _Blocks:
    """Find the blocks of the plain mode."""
    del depth
    start, width = np.empty((2, len(sizes), len(place)), np.int64)
    current = np.zeros(len(place), np.int64)
    for number, size in enumerate(sizes):
        place, current = _plain_header(bits, place, current)
        start[number], width[number] = place, current
        place = place + current * size
    none = np.zeros_like(start)
    return _Blocks(start, width, none, none, place)


def _walk_unsigned(bits: _Bits, place: Ints, sizes: list[int], depth: int) -> _Blocks:
    """Find the blocks of the unsigned mode; overloaded ones have a second header."""
    start, width, added = np.zeros((3, len(sizes), len(place)), np.int64)
    current, overloaded = np.zeros((2, len(place)), np.int64)
    for number, size in enumerate(sizes):
        place, current = _plain_header(bits, place, current)
        full = current == depth
        if full.any():
            second, width_there = _plain_header(bits, place, overloaded)
            place = np.where(full, second, place)
            overloaded = np.where(full, width_there, overloaded)
        start[number], added[number] = place, full
        width[number] = np.where(full, overloaded, current)
        place = place + width[number] * size
    return _Blocks(start, width, np.zeros_like(start), added, place)


def _plain_header(bits: _Bits, place: Ints, current: Ints) -> tuple[Ints, Ints]:
    """Read a header, and return the place behind it and the width it gives."""
    lengths, widths = _plain_headers()
    head = bits.read(place, PLAIN_HEADER_BITS)
    return place + lengths[head], np.where(head & 1, current, widths[head])


@cache
def _plain_headers() -> tuple[Ints, Ints]:
    """Return the length of every header of 1, 4, 6 or 12 bits, and the width it gives."""
    head = np.arange(1 << PLAIN_HEADER_BITS)
    short, middle = head >> 1 & 7, head >> 4 & 3
    width = np.where(short < 7, short, np.where(middle < 3, 7 + middle, 10 + (head >> 6)))
    length = np.where(short < 7, 4, np.where(middle < 3, 6, PLAIN_HEADER_BITS))
    return np.where(head & 1, 1, length), width


def _walk_small(bits: _Bits, place: Ints, sizes: list[int], depth: int) -> _Blocks:
    """Find the blocks of the mode for small values."""
    start, width, base, added = np.zeros((4, len(sizes), len(place)), np.int64)
    largest, current = np.zeros((2, len(place)), np.int64)
    masked = np.zeros(len(place), bool)
    for number, size in enumerate(sizes):
        place, largest, current = _small_header(bits, place, largest, current)
        entering = ~masked & (largest >= LARGEST_SMALL) & (current == depth)
        if entering.any():
            again = _small_header(bits, place, np.full_like(largest, MANY), np.zeros_like(current))
            place, largest, current = (
                np.where(entering, new, old)
                for new, old in zip(again, (place, largest, current), strict=True)
            )
            masked = masked | entering
        small = largest < LARGEST_SMALL
        digits = _DIGIT_BITS[size][np.minimum(largest, LARGEST_SMALL)]
        start[number], added[number] = place, masked
        base[number] = np.where(small, largest + 1, 0)
        width[number] = np.where(small, digits, current)
        place = place + np.where(small, digits, current * size)
        if masked.any() and number + 1 < len(sizes):
            goes_on = bits.read(place, 1) == 1
            place = place + masked
            masked = masked & goes_on
    return _Blocks(start, width, base, added, place)


def _small_header(
    bits: _Bits, place: Ints, largest: Ints, current: Ints
) -> tuple[Ints, Ints, Ints]:
    """Read a header; return the place behind it, the largest value and the width."""
    lengths, widths, values = _small_headers()
    head = bits.read(place, SMALL_HEADER_BITS)
    flag = head & 3
    # Of the two bits of the flag the first is the lower: 1 is one less, 2 one more, 3 the same.
    zeros = (head & 1) * (largest == 0)
    new = flag == 0
    change = _CHANGES[flag] * (1 - zeros)
    more = largest + change - ((largest == 6) & (change == 1)) * 3
    length = lengths[head] - zeros
    return (
        place + length,
        np.where(new, values[head], more),
        np.where(new, widths[head], current + change),
    )


_CHANGES = np.array([0, -1, 1, 0])


@cache
def _small_headers() -> tuple[Ints, Ints, Ints]:
    """Return the length of every header of 2 to 17 bits, the width and the largest value it gives.

    One that says that all values are 0 again is a bit shorter.
    """
    head = np.arange(1 << SMALL_HEADER_BITS)
    three, six, nine = head >> 2 & 7, head >> 5 & 7, head >> 8 & 7
    last = np.where(nine < 7, 10 + nine, 17 + (head >> 11 & 63))
    width = np.where(three < 7, three, np.where(six < 7, 3 + six, last))
    length = np.where(three < 7, 5, np.where(six < 7, 8, np.where(nine < 7, 11, SMALL_HEADER_BITS)))
    return np.where(head & 3, 2, length), width, np.where(three < 7, three, MANY)


def _digit_bits(size: int) -> Ints:
    """Bits of the largest number of `size` digits, for each base from 1 to 8."""
    return np.array([(base**size - 1).bit_length() for base in range(1, LARGEST_SMALL + 2)])


_DIGIT_BITS = {size: _digit_bits(size) for size in range(1, LARGEST_SMALL_BLOCK + 1)}


def _check_end(end: Ints, edge: Ints, most_spare: int) -> None:
    """Compare where the values of each frame end with where it does: both tell of damage."""
    spare = edge - end
    if (spare < 0).any() or (spare > most_spare).any():
        raise InputError("a packed frame does not unpack to its length; it is damaged")


def _values(bits: _Bits, blocks: _Blocks, values: int, block: int, *, signed: bool) -> Ints:
    """Read the values of all blocks: `(frame, value)`."""
    start, width, base, added = (
        part.T.reshape(-1) for part in (blocks.start, blocks.bits, blocks.base, blocks.added)
    )
    if (width > WINDOW_BITS).any() or (width < 0).any():
        raise InputError("packs more than 57 bits into one number; it is damaged, or pack it anew")
    found = np.zeros((len(start), block), np.int64)
    # Digits in a base of 2 or 4 are bits.
    for digit_base, digit_bits in ((2, 1), (4, 2)):
        width = np.where(base == digit_base, digit_bits, width)
        base = np.where(base == digit_base, 0, base)
    by_bits = (base == 0) & (width > 0)
    whole = by_bits & (width * block <= WINDOW_BITS)
    for one in np.unique(width[whole]):
        chosen = np.flatnonzero(whole & (width == one))
        window = bits.read(start[chosen], int(one) * block)
        for place in range(block):
            found[chosen, place] = window >> place * one & (1 << one) - 1
    chosen = np.flatnonzero(by_bits & ~whole)
    each = width[chosen, None]
    found[chosen] = bits.read(start[chosen, None] + np.arange(block) * each, each)
    for one in np.unique(base[base > 2]):
        chosen = np.flatnonzero(base == one)
        number = bits.read(start[chosen], width[chosen])
        for place in range(block):
            number, rest = number // int(one), number
            found[chosen, place] = rest - number * one
    if signed:
        sign = np.where(by_bits, 1 << np.maximum(width - 1, 0), 0)[:, None]
        found = (found ^ sign) - sign
    if added.any():
        found -= added[:, None]
    return found.reshape(blocks.start.shape[1], -1)[:, :values]

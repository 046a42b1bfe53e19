// Colours of numbers.

/** Red, green and blue of a colour as #rrggbb. */
function parts(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/** Colour at a share of the way along a palette of red, green and blue. */
function paletteAt(palette, share) {
  const place = clamp(share, 0, 1) * (palette.length - 1), from = Math.min(Math.floor(place), palette.length - 2);
  return palette[from].map((value, i) => value + (place - from) * (palette[from + 1][i] - value));
}

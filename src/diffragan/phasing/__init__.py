"""From observations to waves: projections, iterations, networks."""

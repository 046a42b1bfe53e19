"""Which frames of a scan hit one molecule: statistics, background, features, probabilities."""

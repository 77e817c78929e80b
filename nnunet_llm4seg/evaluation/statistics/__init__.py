"""The statistics of a comparison: intervals, tests, power, and the claims that are allowed."""

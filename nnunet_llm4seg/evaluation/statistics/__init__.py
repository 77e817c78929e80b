"""The statistics of a comparison: intervals, tests, power, and what may be claimed."""

"""The arms of a comparison: which runs they have, in what they differ, what leaks, what they cost."""

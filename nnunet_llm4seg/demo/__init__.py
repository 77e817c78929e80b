"""The demo: a small synthetic data set, both arms trained shortly, a table and a picture."""

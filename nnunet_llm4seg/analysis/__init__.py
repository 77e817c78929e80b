"""What the LLM layer does to the features of a trained fold: activation maps, rank, attention, norms."""

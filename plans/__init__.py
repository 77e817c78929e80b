"""LLM4Seg plans, made from nnU-Net's own."""

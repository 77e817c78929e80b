"""LLM4Seg plans, made out of nnU-Net's own."""

"""Trainers for nnU-Net v2: settings, checkpoints, the trainer and the table of its variants."""

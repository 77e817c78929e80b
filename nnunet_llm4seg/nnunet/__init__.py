"""What nnU-Net's files look like: folders and variables, plans, JSON files, logs, readers. No other room knows it."""

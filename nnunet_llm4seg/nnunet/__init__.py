"""What nnU-Net's files look like: folders and variables, plans, json files, logs, readers. Nothing else knows it."""

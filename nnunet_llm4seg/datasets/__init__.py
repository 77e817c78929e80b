"""Converters from published data sets to nnU-Net's raw format, with splits that can be trusted."""

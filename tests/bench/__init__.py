"""Ratios, measured in one run; `make bench`. Nothing here passes or fails by time."""

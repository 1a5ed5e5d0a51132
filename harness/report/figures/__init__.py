"""Pure functions from data to SVG."""

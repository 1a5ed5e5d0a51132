"""From a run's frames and verdict to pages."""

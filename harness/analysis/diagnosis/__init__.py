"""Where a cell leaves the path of its reference, and what mistake would take it there."""

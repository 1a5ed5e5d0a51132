"""From a cell to its training problem: data, model columns, start, order, and the yardstick."""

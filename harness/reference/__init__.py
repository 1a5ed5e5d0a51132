"""The reference: the same training in extended precision, and what theory says of it."""

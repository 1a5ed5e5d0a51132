"""Scenario files: their tables, how they are read, and what is refused."""

"""Ways to run cells: in this process, or each in a process of its own."""

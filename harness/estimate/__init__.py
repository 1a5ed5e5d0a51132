"""How long a plan will take here, and from what that is known; imports no torch."""

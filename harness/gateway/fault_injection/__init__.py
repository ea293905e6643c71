"""Faults that a user plans: errors, slow answers and slow transfers."""

"""Prices, estimates and the running bill of a run on AWS."""

"""Data of tests, and what makes them."""

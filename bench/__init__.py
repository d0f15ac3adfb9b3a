"""Load for a running suite: `python -m bench --help`."""

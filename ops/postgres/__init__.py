"""A private PostgreSQL server, run from binaries that need no installation and no special user."""

from ops.postgres.binaries import MINIMUM_MAJOR, Binaries, find_binaries
from ops.postgres.cluster import THROWAWAY_SETTINGS, Cluster

__all__ = ["MINIMUM_MAJOR", "THROWAWAY_SETTINGS", "Binaries", "Cluster", "find_binaries"]

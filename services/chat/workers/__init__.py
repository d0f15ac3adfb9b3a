"""What runs by itself: the send batcher and the janitor."""

"""What runs by itself: the send batcher."""

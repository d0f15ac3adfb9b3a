"""Background workers: the message batcher and the janitor."""

"""What the tracks service does by itself, beside answering calls."""

"""The proto services of the tracks service, one class each."""

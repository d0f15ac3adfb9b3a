"""The proto services of the users service, one class each."""

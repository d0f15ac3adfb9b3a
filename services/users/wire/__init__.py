"""Converters between protobuf messages and the service's values."""

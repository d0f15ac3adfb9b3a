"""Converters between protobuf messages and chat's values."""

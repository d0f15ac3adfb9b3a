"""Parsers of the providers' responses, one module per format.

Each `parse_...(content, content_type)` returns a ProviderMetadata or raises ParseError, and nothing else, for any
bytes; `canonical.read_links` never raises. All take linear time; the fetcher limits the length.
"""

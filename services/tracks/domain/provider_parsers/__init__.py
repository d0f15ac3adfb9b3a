"""What providers answer when they are asked about a track, read from the bytes alone.

Each `read_...(content, content_type)` gives an `answer.ProviderMetadata`, or raises `answer.ParseError` and
nothing else, whatever the bytes; `canonical.read_links` never raises. All of them take time in proportion
to the length of the content, which the one who fetched it has bounded.
"""

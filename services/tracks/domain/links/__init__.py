"""What a pasted text points to, read from the text alone.

`text` finds the link in what somebody pasted, `link` takes it apart, one module per provider reads the
parts, `table` joins them. Nothing here touches the network, and nothing but the typed errors of
`services.tracks.domain.errors` is ever raised, whatever the text.
"""

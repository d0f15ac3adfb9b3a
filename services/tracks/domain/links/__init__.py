"""What a pasted text points to, read from the text alone.

`table.parse(text)` is the way in: one link, or a text with a link in it, becomes one
`reference.TrackReference(provider, kind, provider_id, url)`. `text` finds the link in what somebody pasted,
`link` takes it apart, one module per provider reads the parts, `table` joins them. Nothing here touches the
network, and nothing but the typed errors of `services.tracks.domain.errors` is ever raised, whatever the
text: InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError and PrivateLinkError.

A link that says nothing before it is followed has `needs_resolution`: its `kind` is None, its `provider_id`
empty and its `url` the address to ask, cleaned, on https, ASCII and the same for all ways to write it, so
that it also serves as an alias. Whoever follows it gives the address where it ended to `parse` again, and
must refuse it when that needs resolution too. Three kinds of such addresses exist:

- short links (`https://spotify.link/x`), which redirect to a page of the provider,
- `https://api.soundcloud.com/tracks/N`, a number without a page: SoundCloud's API wants a client's key, and its
  oEmbed takes the number but does not name the page; it is known as an alias once the page's own oEmbed told it,
- `https://bandcamp.com/EmbeddedPlayer/track=N`, a page that names the track's own page.

An artist's own domain at Bandcamp looks like any foreign host, so `parse` refuses it; only
`table.custom_domain(text)` gives the address of such a page, for somebody who then makes sure of it.
"""

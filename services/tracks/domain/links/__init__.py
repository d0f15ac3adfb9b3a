"""Parses pasted links into references, from the text alone.

`registry.parse(text)` is the entry point: one link, or a text with a link in it, becomes one
`reference.TrackReference(provider, kind, provider_id, url)`. `extract` finds the link in the text,
`link` splits it, one module per provider reads the parts, `registry` joins them. Nothing here touches the
network, and only typed errors of `services.tracks.domain.errors` are raised, for any text: InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError and PrivateLinkError.

A link that must be followed has `needs_resolution`: its `kind` is None, its `provider_id` empty and its `url`
the URL to follow: https, ASCII and canonical, so that it also serves as an alias. The final URL is given to
`parse` again, and refused if it needs resolution too. Three kinds of such links exist:

- short links (`https://spotify.link/x`), which redirect to a page of the provider,
- `https://api.soundcloud.com/tracks/N`, an id without a page: SoundCloud's API needs a client key, and its oEmbed
  does not contain the page's URL; the link becomes an alias once the page's own oEmbed has been fetched,
- `https://bandcamp.com/EmbeddedPlayer/track=N`, a page that contains the URL of the track's page.

A Bandcamp artist's custom domain looks like any unknown host, so `parse` refuses it;
`registry.custom_domain(text)` returns the URL of such a page, which the caller must verify.
"""

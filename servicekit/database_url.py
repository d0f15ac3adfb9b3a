"""DATABASE_URL as platforms and other drivers write it: checked, and reduced to what asyncpg takes.

No error shows a part of the URL beside the name of a parameter.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

# Parameters that asyncpg takes, and `options` and `role`, which it passes to the server.
_KNOWN = frozenset(
    (
        *("host", "port", "user", "password", "passfile", "dbname", "database", "service", "servicefile"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
        *("krbsrvname", "gsslib", "options", "role"),
    )
)
# Parameters of libpq, Prisma, JDBC and poolers that mean nothing here: times and sizes are settings of their own, the
# schemas are fixed.
_IGNORED = frozenset(
    (
        *(
            "connect_timeout",
            "application_name",
            "fallback_application_name",
            "client_encoding",
            "gssencmode",
        ),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "pool_mode"),
        *("statement_cache_size", "sslaccept", "load_balance_hosts", "currentSchema", "prepareThreshold"),
    )
)
# asyncpg signs in without channel binding: only a URL that insists on it can't be served.
_CHANNEL_BINDING, _BINDING_IS_OPTIONAL = "channel_binding", frozenset(("prefer", "disable"))
_SCHEME = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,40}")


def read_database_url(url: str) -> tuple[str, tuple[str, ...]]:
    """Return the URL for asyncpg, and the names of the parameters that were left out. Raises ValueError."""
    url = url.strip()
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ValueError("must be an address that starts with postgresql:// or postgres://")
    authority = re.split("[/?#]", url[scheme.end() :], maxsplit=1)[0]
    rest = url[scheme.end() + len(authority) :]
    if "#" in rest or "@" in rest.partition("?")[0] or ("@" in rest and "@" not in authority):
        raise ValueError("has a raw # / ? or @ in it; write them as %23 %2F %3F %40")
    hosts = re.sub(r"\[[^]]*\]", "", authority.rpartition("@")[2])
    if re.search(r":(?!\d*(,|$))", hosts):
        raise ValueError("has a port that is no number, or a raw : in the password; write that as %3A")
    try:
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        raise ValueError("is no URL") from None
    kept, ignored = [], []
    for name, value in query:
        optional = name == _CHANNEL_BINDING and value in _BINDING_IS_OPTIONAL
        if name in _KNOWN:
            kept.append((name, value))
        elif name in _IGNORED or optional:
            ignored.append(name)
        elif _NAME.fullmatch(name):
            raise ValueError(f"has the parameter {name}, which this service can't follow")
        else:
            raise ValueError("has a parameter without a name")
    place = url[scheme.end() :].partition("?")[0]
    return f"postgresql://{place}{'?' if kept else ''}{urlencode(kept, safe='/:,')}", tuple(ignored)

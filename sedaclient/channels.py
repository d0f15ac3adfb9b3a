"""Channels to the servers of Seda: options, balancing, retries inside grpc, and who may be called in plaintext."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from sedaclient.methods import ClientMethod

Option = tuple[str, str | int]
_OPTIONS: tuple[Option, ...] = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.max_receive_message_length", 4 << 20),
    # Reconnect soon after a server has restarted.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form: the authorities to trust, else those of the system; certificate and key for mutual TLS."""

    ca_file: str | Path | None = None
    certificate_file: str | Path | None = None
    key_file: str | Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """The credentials; raises OSError for a file that can't be read, ValueError for a certificate without key."""
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("mutual TLS takes both certificate_file and key_file")
        ca, key, certificate = (
            None if path is None else Path(path).read_bytes()
            for path in (self.ca_file, self.key_file, self.certificate_file)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


def service_config(methods: Iterable[ClientMethod], *, request_ids: bool = False) -> str:
    """The gRPC service config: round robin over healthy backends, and retries of idempotent methods.

    With `request_ids`, methods with a `request_id` are retried too; every call on the channel must then have one.
    """
    retryable = (each for each in methods if each.idempotent or (request_ids and each.takes_request_id))
    names = [{"service": method.service, "method": method.name} for method in retryable]
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        # A call that reaches a server while it shuts down ends with CANCELLED.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": ""},
            "methodConfig": [{"name": names, "retryPolicy": retry}] if names else [],
            "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        }
    )


def target_address(target: str) -> str:
    """The gRPC address of `host:port`, `address:port,address:port` or a `dns:///` name."""
    if "," not in target or target.startswith(("dns:", "ipv4:", "ipv6:")):
        return target
    return f"ipv6:{target}" if target.startswith("[") else f"ipv4:{target}"


def _options(
    target: str, methods: Iterable[ClientMethod], *, healthy_only: bool, request_ids: bool, tls: bool
) -> tuple[str, list[Option]]:
    """The gRPC address of a target, and the options of a channel to it."""
    options: list[Option] = [
        *_OPTIONS,
        ("grpc.service_config", service_config(methods, request_ids=request_ids)),
    ]
    if not healthy_only:
        options.append(("grpc.inhibit_health_checking", 1))
    address = target_address(target)
    if tls and address.startswith("ipv4:"):
        # A list has no host name: every certificate must be valid for the first address. (grpc does this for
        # IPv6 lists without the option.)
        options.append(("grpc.ssl_target_name_override", address.split(":")[1]))
    if not tls and address.startswith(("ipv4:", "ipv6:")):
        # Otherwise the whole list, which is no valid authority: servers and proxies may refuse it, grpcio's does not.
        options.append(("grpc.default_authority", address.partition(":")[2].split(",")[0]))
    return address, options


def open_channel(
    target: str,
    methods: Iterable[ClientMethod] = (),
    *,
    healthy_only: bool = True,
    request_ids: bool = False,
    tls: grpc.ChannelCredentials | None = None,
    more: Sequence[Option] = (),
) -> grpc.aio.Channel:
    """A channel with our keepalive, retry and balancing options; health checks need `healthy_only=False`."""
    address, options = _options(
        target, methods, healthy_only=healthy_only, request_ids=request_ids, tls=bool(tls)
    )
    if tls is not None:
        return grpc.aio.secure_channel(address, tls, options=[*options, *more])
    return grpc.aio.insecure_channel(address, options=[*options, *more])


def open_sync_channel(
    target: str, tls: grpc.ChannelCredentials | None = None, more: Sequence[Option] = ()
) -> grpc.Channel:
    """As `open_channel`, for code without an event loop; retries nothing."""
    address, options = _options(target, (), healthy_only=True, request_ids=False, tls=bool(tls))
    if tls is not None:
        return grpc.secure_channel(address, tls, options=[*options, *more])
    return grpc.insecure_channel(address, options=[*options, *more])


def is_loopback(host: str) -> bool:
    """Whether an address is loopback."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_local_target(target: str) -> bool:
    """Whether all addresses of a target are loopback; False for one without a port."""
    listed = re.sub("^(dns:(///)?|ipv4:|ipv6:)", "", target).split(",")
    return all(is_loopback(each.rpartition(":")[0]) for each in listed)

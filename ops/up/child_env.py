"""The environment in which the processes of a development suite run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.data_dir import DATABASE
from ops.database import SERVICES
from ops.env import READER
from ops.topology import CONSOLE, LOOPBACK, SUITE, loopbacks

if TYPE_CHECKING:
    from ops.topology import ProcessSpec
    from ops.up.options import UpOptions

_TARGETS = tuple(each for each in SUITE if each.name != "gateway")
# Secrets that every process of a suite shares, with the variable that carries each.
_SECRETS = {"SEDA_JWT_SECRET": "jwt", "SEDA_SERVICE_SECRET": "service"}


def database_passwords(options: UpOptions) -> dict[str, str]:
    """Return the password of each role that logs in to the suite's own PostgreSQL; none in the user's database."""
    names = [*(f"{each}_app" for each in SERVICES), READER]
    return {} if options.database_url else {each: _password(options, each) for each in names}


def _password(options: UpOptions, role: str) -> str:
    return options.data_dir.ensure_secret(role).read_text().strip()


def common_environment(options: UpOptions) -> dict[str, str]:
    """Return the variables of all processes. The user's settings stay, except for ports and addresses."""
    environ = dict(options.environ)
    environ.setdefault("SEDA_ENV", "development")
    # There is no load balancer to drain; each Ctrl-C would only take longer.
    environ.setdefault("SEDA_DRAIN_SECONDS", "0")
    # The console shows them with their calls.
    environ.setdefault("SEDA_LOG_STATEMENTS", "true")
    for variable, name in _SECRETS.items():
        if not environ.get(variable) and not environ.get(f"{variable}_FILE"):
            environ[f"{variable}_FILE"] = str(options.data_dir.ensure_secret(name))
    ports = options.ports
    if not options.database_url:
        # May be set, but empty.
        environ.pop("DATABASE_URL", None)
    for role, password in database_passwords(options).items():
        variable = f"SEDA_{role.removesuffix('_app').upper()}_DATABASE_URL"
        if role != READER and not environ.get(variable) and not environ.get(f"{variable}_FILE"):
            environ[variable] = f"postgresql://{role}:{password}@{LOOPBACK}:{ports.postgres}/{DATABASE}"
    return {
        **environ,
        **({"SEDA_REUSE_PORT": "1"} if options.reload else {}),
        # The supervisor formats the lines for the terminal.
        "SEDA_LOG_FORMAT": "json",
        "SEDA_HOST": ",".join(loopbacks()),
        "SEDA_ADMIN_HOST": ",".join(loopbacks()),
        **{f"SEDA_{each.name.upper()}_TARGET": ports.address(each) for each in _TARGETS},
    }


def process_environment(common: dict[str, str], options: UpOptions, process: ProcessSpec) -> dict[str, str]:
    """Return the environment of one process."""
    ports = options.ports
    if process == CONSOLE:
        return {
            **common,
            "SEDA_PORT": str(ports.main(process)),
            "SEDA_CONSOLE_HOME": str(options.data_dir.path),
            "SEDA_CONSOLE_KEY_FILE": str(options.data_dir.ensure_secret(process.name)),
            "SEDA_CONSOLE_TARGETS": ",".join(
                f"{each.name}={ports.address(each)}" for each in reversed(SUITE)
            ),
        }
    return {
        **common,
        "SEDA_PORT": str(ports.main(process)),
        "SEDA_ADMIN_PORT": str(ports.admin(process)),
        "SEDA_METRICS_PORT": str(ports.metrics(process)),
    }

"""Every variable that a process or the `seda` command reads is in the generated reference, with its unit in its name."""

import ast
import re

from ops.env import COMMAND_VARIABLES
from servicekit.settings import ServiceSettings, variable
from tests.architecture.project import parsed, python_files
from tools.generate_references import PROCESSES, settings_class

_VARIABLE = re.compile(r"(?:SEDA_[A-Z0-9_]*[A-Z0-9]|(?:DIRECT_)?DATABASE_URL)(?<!_FILE)")
# Processes pass it to each other; it is not a setting of users.
_INTERNAL = {
    "SEDA_PARENT_FD",
    *(
        f"SEDA_CONSOLE_{each}"
        for each in ("ALLOW_PRODUCTION", "CA", "CERT", "HOME", "KEY", "KEY_FILE", "TARGETS", "TLS")
    ),
}
_QUANTITY = re.compile(r"\b(?:seconds|milliseconds|minutes|hours|bytes|KiB|MiB|a second)\b")
_UNITS = ("_SECONDS", "_MS", "_MIB", "_KIB", "_BYTES", "_PER_SECOND")


def settings_classes() -> list[type[ServiceSettings]]:
    """Return the settings class of each process."""
    return [settings_class(process) for process in PROCESSES]


def process_variables() -> dict[str, str]:
    """Return the variables of all processes with their descriptions."""
    return {
        variable(settings, field): info.description or ""
        for settings in settings_classes()
        for field, info in settings.model_fields.items()
    }


def command_variables() -> set[str]:
    """Return the variables whose names are whole string literals in ops/."""
    return {
        node.value
        for path in python_files("ops")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value)
    }


def test_each_process_has_one_settings_class() -> None:
    assert [each.process for each in settings_classes()] == list(PROCESSES)


def test_every_variable_that_the_command_reads_is_declared() -> None:
    assert command_variables() - set(process_variables()) - _INTERNAL == set(COMMAND_VARIABLES)


def test_every_variable_has_a_description() -> None:
    assert [name for name, description in process_variables().items() if not description] == []


def without_unit(variables: dict[str, str]) -> list[str]:
    """Return the variables that hold a time, a size or a rate and do not end in its unit."""
    return [
        name
        for name, description in variables.items()
        if _QUANTITY.search(description) and not name.endswith(_UNITS) and "secret" not in description.lower()
    ]


def test_a_time_a_size_or_a_rate_ends_in_its_unit() -> None:
    assert without_unit(process_variables()) == []
    assert without_unit({"SEDA_TTL": "seconds to live"}) == ["SEDA_TTL"]

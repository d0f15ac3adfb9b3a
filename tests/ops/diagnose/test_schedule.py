"""`seda maintain schedule`: each form is read by a parser of its own, and all of them mean the same."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ops.diagnose.schedule import JOBS, Job, Place, crontab, kubernetes, systemd
from tests.ops.support.command import Seda
from tests.ops.test_help import parse

PLACE = Place(
    "/opt/seda 1%/bin/seda", "/etc/seda/operations.env", "registry.example.org/seda-operations:0.1.0"
)
COMMANDS = {each.name: ["seda", *each.arguments] for each in JOBS}
NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
_SYSTEMD = shutil.which("systemd-analyze")
_FIELD = re.compile(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_times(schedule: str, count: int) -> list[datetime]:
    """The next times of five fields of cron, found by trying every minute."""
    fields = schedule.split()
    assert len(fields) == 5
    wanted = [set(_values(*each)) for each in zip(fields, _RANGES, strict=True)]
    found: list[datetime] = []
    moment = NOW
    while len(found) < count:
        moment += timedelta(minutes=1)
        weekday = moment.isoweekday() % 7
        parts = (moment.minute, moment.hour, moment.day, moment.month)
        if all(part in field for part, field in zip(parts, wanted, strict=False)) and weekday in wanted[4]:
            found.append(moment)
    return found


def _values(field: str, limits: tuple[int, int]) -> range:
    match = _FIELD.fullmatch(field)
    assert match, field
    first, last, step = match.groups()
    low = limits[0] if first == "*" else int(first)
    high = limits[1] if first == "*" else int(last or first)
    assert limits[0] <= low <= high <= limits[1]
    return range(low, high + 1, int(step or 1))


def parse_crontab(text: str) -> list[tuple[str, str]]:
    """Schedule and command of each line, as cron reads them: a % that is not escaped ends the command."""
    lines = [each for each in text.splitlines() if each and not each.startswith("#")]
    found = []
    for line in lines:
        *schedule, command = line.split(None, 5)
        found.append((" ".join(schedule), re.split(r"(?<!\\)%", command)[0].replace("\\%", "%")))
    return found


def parse_units(text: str) -> dict[str, str]:
    """The files by their names."""
    parts = re.split(r"^# /etc/systemd/system/(\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (each.strip() + "\n" for each in parts[2::2]), strict=True))


def test_cron_runs_each_command_with_its_variables(tmp_path: Path) -> None:
    program, variables = tmp_path / "bin 1%" / "seda", tmp_path / "operations.env"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$DATABASE_URL" seda "$@"\n')
    program.chmod(0o755)
    variables.write_text("DATABASE_URL='postgresql://seda:a b&c@h/seda'\n")
    lines = parse_crontab(crontab(Place(str(program), str(variables), "")))
    assert len(lines) == len(JOBS)
    for (schedule, command), job in zip(lines, JOBS, strict=True):
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, env={})
        expected = f"postgresql://seda:a b&c@h/seda seda {' '.join(job.arguments)}\n"
        assert (schedule, done.stdout, done.stderr) == (job.cron, expected, "")


@pytest.mark.skipif(_SYSTEMD is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_cron_and_systemd_mean_the_same_times(job: Job) -> None:
    assert _SYSTEMD is not None
    command = [_SYSTEMD, "calendar", "--iterations=3", f"--base-time={NOW:%Y-%m-%d %H:%M:%S} UTC"]
    told = subprocess.run(
        [*command, f"{job.calendar} UTC"], capture_output=True, text=True, check=True, env={"TZ": "UTC"}
    ).stdout
    times = re.findall(r"(?:elapse|Iter\. #\d+|Iteration #\d+): \w+ (\S+ \S+) UTC", told)
    assert [f"{each:%Y-%m-%d %H:%M:%S}" for each in cron_times(job.cron, 3)] == times, told


@pytest.mark.skipif(_SYSTEMD is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = tmp_path / "bin 1%" / "seda"
    program.parent.mkdir()
    shutil.copy("/bin/true", program)
    units = parse_units(systemd(Place(str(program), PLACE.environment_file, "")))
    assert sorted(units) == sorted(
        f"seda-{each}.{kind}" for each in COMMANDS for kind in ("service", "timer")
    )
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(tmp_path / each) for each in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_units_run_the_commands() -> None:
    units = parse_units(systemd(PLACE))
    for name, (_, *arguments) in COMMANDS.items():
        (line,) = re.findall(r"^ExecStart=(.*)$", units[f"seda-{name}.service"], re.MULTILINE)
        assert shlex.split(line.replace("%%", "%")) == [PLACE.program, *arguments]


def test_kubernetes_gets_a_cron_job_for_each() -> None:
    documents = list(YAML(typ="safe").load_all(StringIO(kubernetes(PLACE))))
    found = {each["metadata"]["name"]: each for each in documents}
    assert list(found) == [f"seda-{each.name}" for each in JOBS]
    for job in JOBS:
        made = found[f"seda-{job.name}"]
        assert (made["apiVersion"], made["kind"]) == ("batch/v1", "CronJob")
        spec = made["spec"]
        assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == (
            job.cron,
            "Etc/UTC",
            "Forbid",
        )
        pod = spec["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["restartPolicy"] == "Never"
        (container,) = pod["containers"]
        assert (container["image"], container["args"]) == (PLACE.image, COMMANDS[job.name])
        assert container["envFrom"] == [{"secretRef": {"name": "seda-operations"}}]
        mounted = {each["name"] for each in container["volumeMounts"]}
        assert mounted == {each["name"] for each in pod["volumes"]}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_each_command_exists_with_these_options(job: Job) -> None:
    assert parse(list(job.arguments)) == job.arguments[:2]


def test_the_command(seda: Seda) -> None:
    data = seda("maintain", "schedule", "--json").json["data"]
    assert list(data["texts"]) == ["cron", "systemd", "kubernetes"]
    assert [each["name"] for each in data["jobs"]] == list(COMMANDS)
    alone = seda("maintain", "schedule", "kubernetes", "--image", "x:1").out
    assert (alone.count("kind: CronJob"), alone.count('image: "x:1"')) == (5, 5)
    assert seda("maintain", "schedule", "at").code == 2

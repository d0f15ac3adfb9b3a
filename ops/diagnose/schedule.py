"""`seda maintain schedule`: what has to run regularly, as crontab, systemd timers or Kubernetes CronJobs.

Times are at night and apart from each other: a backup is read in full before it is pruned or tried out, and maintenance comes after it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_PLAIN = re.compile(r"[\w/.:=@+-]+")


@dataclass(frozen=True, slots=True)
class Job:
    """One command with its time, in the local time zone: five fields of cron, and systemd's calendar."""

    name: str
    purpose: str
    arguments: tuple[str, ...]
    cron: str
    calendar: str


JOBS = (
    Job("backup", "Make and verify a backup", ("backup", "create"), "10 2 * * *", "*-*-* 02:10:00"),
    Job(
        "prune",
        "Delete backups past 14 days, but not the newest 7",
        ("backup", "prune", "--keep-days", "14", "--keep-min", "7"),
        "10 4 * * *",
        "*-*-* 04:10:00",
    ),
    Job(
        "drill", "Restore the newest backup and read it", ("backup", "drill"), "10 5 1 * *", "*-*-01 05:10:00"
    ),
    Job(
        "maintain",
        "Analyze, reindex and purge for an hour at most",
        ("maintain", "run", "--max-time", "1h"),
        "40 3 * * *",
        "*-*-* 03:40:00",
    ),
    Job("doctor", "Examine the database", ("db", "doctor"), "20 * * * *", "*-*-* *:20:00"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs run: the program, the file with its environment, and the image that has both."""

    program: str
    environment_file: str
    image: str


def crontab(place: Place) -> str:
    """Return the lines of a crontab; cron mails what a command prints."""
    lines = [
        "# Exit code 0: done; any other needs attention. The file of variables is read by sh: quote its values."
    ]
    for job in JOBS:
        command = shlex.join((place.program, *job.arguments))
        line = f"set -a; . {shlex.quote(place.environment_file)}; exec {command}"
        # cron takes a % for the end of the line.
        lines += [f"# {job.purpose}.", f"{job.cron}  {line.replace('%', chr(92) + '%')}"]
    return "\n".join(lines)


def systemd(place: Place) -> str:
    """Return a service and a timer for each job, below comments with the names of their files."""
    return "\n\n".join(
        f"# /etc/systemd/system/{name}\n{text}" for job in JOBS for name, text in _units(job, place)
    )


def _units(job: Job, place: Place) -> Iterator[tuple[str, str]]:
    command = " ".join(_unit_word(each) for each in (place.program, *job.arguments))
    yield (
        f"seda-{job.name}.service",
        f"""[Unit]
Description=Seda: {job.purpose.lower()}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=seda
EnvironmentFile={place.environment_file.replace("%", "%%")}
ExecStart={command}""",
    )
    yield (
        f"seda-{job.name}.timer",
        f"""[Unit]
Description=Seda: {job.purpose.lower()}

[Timer]
OnCalendar={job.calendar}
Persistent=true

[Install]
WantedBy=timers.target""",
    )


def _unit_word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def kubernetes(place: Place) -> str:
    """Return a CronJob for each job, in UTC; the variables come from a Secret."""
    return "\n---\n".join(_cron_job(job, place) for job in JOBS)


def _cron_job(job: Job, place: Place) -> str:
    return f"""# {job.purpose}.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: seda-{job.name}
spec:
  schedule: "{job.cron}"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            runAsGroup: 10001
            fsGroup: 10001
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: seda
              image: {_yaml_text(place.image)}
              args: [seda, {", ".join(_yaml_text(each) for each in job.arguments)}]
              envFrom:
                - secretRef:
                    name: seda-operations
              resources:
                requests:
                  cpu: 100m
                  memory: 128Mi
                limits:
                  cpu: "1"
                  memory: 512Mi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: tmp
                  mountPath: /tmp
                - name: secrets
                  mountPath: /run/seda
                  readOnly: true
          volumes:
            - name: tmp
              emptyDir: {{}}
            # The same as files, such as the database's certificate authority.
            - name: secrets
              secret:
                secretName: seda-operations
                defaultMode: 0440"""


def _yaml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


KUBERNETES_PAGE = "deploy/kubernetes/jobs/schedule.yaml"


def kubernetes_page() -> str:
    """Return the file with the CronJobs of a cluster; kustomize gives them their image."""
    made = kubernetes(Place("seda", "", "seda-operations"))
    return f"# Generated by `make docs` from ops/diagnose/schedule.py; do not edit.\n{made}\n"


FORMATS: Mapping[str, Callable[[Place], str]] = {
    "cron": crontab,
    "systemd": systemd,
    "kubernetes": kubernetes,
}
"""Each form by its name."""


def rendered(place: Place, formats: Sequence[str]) -> str:
    """Return one form alone, or several, each below its name."""
    if len(formats) == 1:
        return FORMATS[formats[0]](place)
    return "\n\n".join(f"### {each}\n{FORMATS[each](place)}" for each in formats)

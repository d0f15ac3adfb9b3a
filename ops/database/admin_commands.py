"""`seda admin`: options in, a few lines or one JSON object out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import console
from ops.database.commands import run
from ops.database.verification_commands import verification_app
from ops.durations import parse_duration

if TYPE_CHECKING:
    import datetime as dt

    from ops.database.admin import LoggedAction, Sanctioned

_NEVER_ENDS_IN = 9999

admin_app = typer.Typer(no_args_is_help=True, help="Administer users from outside the API.")
admin_app.add_typer(verification_app, name="verification")

_User = Annotated[str, typer.Argument(help="Address or id of the user.", metavar="EMAIL_OR_ID")]
_Reason = Annotated[str, typer.Option(help="Why, for the record.")]
_For = Annotated[
    str | None, typer.Option("--for", help="How long: 30m, 2h, 7d; default: until it is lifted.")
]


@admin_app.callback()
def _admin() -> None:
    """Administer users from outside the API."""


@admin_app.command("grant")
def admin_grant(
    email: Annotated[str, typer.Argument(help="Address of the user.")],
    role: Annotated[str, typer.Argument(help="USER, MODERATOR or ADMIN.")],
    reason: _Reason = "Granted by an operator",
) -> None:
    """Give a user a role on the whole platform; the act is recorded.

    Names the subject of the user's tokens: compare it with the issuer's list of users. With SEDA_ENV=development a
    user that is not known yet is created.

    Examples:
        seda admin grant ada@example.org ADMIN

        seda admin grant bob@example.org USER --reason "Left the team"
    """
    from ops.database.admin import DEVELOPMENT, grant
    from ops.database.connection import admin_dsn

    environment = os.environ.get("SEDA_ENV", DEVELOPMENT)
    granted = run(grant(admin_dsn(), email, role.upper(), environment=environment, reason=reason))
    done = "was created as" if granted.before is None else "is now" if granted.changed else "already was"
    console.result(
        {
            "user_id": granted.user_id,
            "subject": granted.subject,
            "before": granted.before,
            "after": granted.after,
            "changed": granted.changed,
        },
        f"{granted.user_id} (subject {granted.subject}) {done} {granted.after}.",
    )


@admin_app.command("mute")
def admin_mute(user: _User, reason: _Reason, duration: _For = None) -> None:
    """Mute a user in every room, for a time or until it is lifted; the act is recorded.

    Services apply it within 5 seconds. A repeat with --for restarts the time.

    Examples:
        seda admin mute ada@example.org --for 2h --reason "Spam in three rooms"

        seda admin mute 01a228a9-ac06-7432-807b-d89506680f05 --reason "Spam bot"
    """
    from ops.database.admin import mute
    from ops.database.connection import admin_dsn

    span = None if duration is None else parse_duration(duration, "--for")
    _show("muted", run(mute(admin_dsn(), user, span, reason)))


@admin_app.command("unmute")
def admin_unmute(user: _User, reason: _Reason) -> None:
    """Lift a user's mute; the act is recorded.

    Examples:
        seda admin unmute ada@example.org --reason "Apologized"

        seda admin unmute ada@example.org --reason "A mistake" --json
    """
    from ops.database.admin import unmute
    from ops.database.connection import admin_dsn

    _show("muted", run(unmute(admin_dsn(), user, reason)))


@admin_app.command("suspend")
def admin_suspend(user: _User, reason: _Reason, duration: _For = None) -> None:
    """Suspend a user, for a time or until it is lifted; the act is recorded.

    A suspended user can read but not write. Services apply it within 5 seconds. A repeat with --for restarts the time.

    Examples:
        seda admin suspend ada@example.org --for 7d --reason "Threats"

        seda admin suspend 01a228a9-ac06-7432-807b-d89506680f05 --reason "Stolen account"
    """
    from ops.database.admin import suspend
    from ops.database.connection import admin_dsn

    span = None if duration is None else parse_duration(duration, "--for")
    _show("suspended", run(suspend(admin_dsn(), user, span, reason)))


@admin_app.command("unsuspend")
def admin_unsuspend(user: _User, reason: _Reason) -> None:
    """Lift a user's suspension; the act is recorded.

    Examples:
        seda admin unsuspend ada@example.org --reason "Account recovered"

        seda admin unsuspend ada@example.org --reason "A mistake" --json
    """
    from ops.database.admin import unsuspend
    from ops.database.connection import admin_dsn

    _show("suspended", run(unsuspend(admin_dsn(), user, reason)))


@admin_app.command("list")
def admin_list(
    target: Annotated[str | None, typer.Option(help="Only acts on this user: address or id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The most entries to show.")] = 20,
) -> None:
    """List the newest administrative acts, whoever did them.

    Examples:
        seda admin list

        seda admin list --target ada@example.org --limit 100
    """
    from ops.database.admin import list_actions
    from ops.database.connection import admin_dsn

    actions = run(list_actions(admin_dsn(), target, limit))
    if console.json:
        console.result({"actions": actions})
        return
    console.table(
        ("time", "actor", "action", "target", "change", "reason"),
        [
            (
                each.create_time,
                each.actor_id or each.actor_kind,
                each.action,
                each.target_id,
                _change(each),
                each.reason,
            )
            for each in actions
        ],
    )


def _change(action: LoggedAction) -> str:
    names = dict.fromkeys((*action.before, *action.after))
    return ", ".join(
        f"{name}: {action.before.get(name) or '-'} > {action.after.get(name) or '-'}" for name in names
    )


def _show(state: str, done: Sanctioned) -> None:
    from datetime import UTC, datetime

    until = done.mute_expire_time if state == "muted" else done.suspend_expire_time
    active = until is not None and until > datetime.now(UTC)
    how = f"is {state} {_until(until)}" if until and active else f"is not {state}"
    console.result(done, f"{done.user_id} {how}{'' if done.changed else ', as before'}.")


def _until(at: dt.datetime) -> str:
    return (
        "until it is lifted" if at.year == _NEVER_ENDS_IN else f"until {at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    )

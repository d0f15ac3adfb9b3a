"""The commands that `seda up` prints for copying: one template for grpcurl and for `seda call`."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EMAIL = "ada@demo.seda.fm"
_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW?si=x"
# The reply's first "id" is the room's; sed is everywhere, jq is not.
_FIRST_ID = """sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p'"""

# Bodies in shell quotes: single ones where nothing is filled in, double ones where $ROOM is.
_ROOM = """'{"room": {"name": "Late night records"}}'"""
_POST = f'''"{{\\"room_id\\": \\"$ROOM\\", \\"track_url\\": \\"{_LINK}\\"}}"'''
_PAGE = '''"{\\"room_id\\": \\"$ROOM\\"}"'''


@dataclass(frozen=True, slots=True)
class QuickstartCommands:
    """Lines for a plain shell, each usable after those before it.

    `token` comes first; `grpcurl` and `seda` are two ways to the same calls; `shell` opens the database.
    """

    shell: str
    token: str
    grpcurl: tuple[str, ...]
    seda: tuple[str, ...]


def quickstart_commands(seda: str, gateway: str, setting: tuple[str, str] | None) -> QuickstartCommands:
    """Return the lines for a gateway at `gateway`.

    `seda` is the command as it must be typed; `setting` is the variable, with its value, by which the commands find the
    suite, if they need one.
    """
    token = f"export SEDA_TOKEN=$({seda} token --email {EMAIL})"
    shell = f"{seda} db shell"
    if setting is not None:
        token = f"export {setting[0]}={shlex.quote(setting[1])}; {token}"
        shell = f"{setting[0]}={shlex.quote(setting[1])} {shell}"
    bare = "grpcurl -plaintext"
    authorized = f'{bare} -H "authorization: Bearer $SEDA_TOKEN"'
    return QuickstartCommands(
        shell,
        token,
        (
            f"{bare} {gateway} list",
            _assign_room(f"{authorized} -d {_ROOM} {gateway} seda.chat.v1.RoomService/CreateRoom"),
            f"{authorized} -d {_POST} {gateway} seda.gateway.v1.GatewayService/PostMessage",
            f"{authorized} -d {_PAGE} {gateway} seda.gateway.v1.GatewayService/GetRoomPage",
        ),
        (
            f"{seda} call list",
            _assign_room(f"{seda} call CreateRoom -d {_ROOM}"),
            f"{seda} call PostMessage -d {_POST}",
            f"{seda} call GetRoomPage -d {_PAGE}",
        ),
    )


def seda_command(environ: Mapping[str, str]) -> str:
    """Return how `seda` is typed in a new shell in this folder: by name only where every shell finds it.

    An activated virtual environment puts it on the PATH of this shell alone, so that doesn't count.
    """
    own = Path(sys.prefix) / "bin" / "seda"
    found = shutil.which("seda", path=environ.get("PATH"))
    activated = environ.get("VIRTUAL_ENV") == sys.prefix
    if found and not activated and (not own.exists() or Path(found).samefile(own)):
        return "seda"
    relative = Path(".venv") / "bin" / "seda"
    if relative.exists() and (not own.exists() or relative.samefile(own)):
        return str(relative)
    if own.exists():
        return shlex.quote(str(own))
    return f"{shlex.quote(sys.executable)} -m ops.cli"


def _assign_room(command: str) -> str:
    return f'ROOM=$({command} | {_FIRST_ID}); echo "$ROOM"'

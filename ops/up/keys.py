"""Single keys of the terminal in which `seda up` runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import termios
import tty
from collections.abc import Callable, Iterator

_INPUT = 0


@contextlib.contextmanager
def keys(on_key: Callable[[str], None]) -> Iterator[None]:
    """Call `on_key` with each key that is pressed, in a running event loop; needs a terminal as stdin.

    Ctrl-C stays a signal. The terminal is as before at the end. In the background of a shell the keys are the shell's.
    """
    before = termios.tcgetattr(_INPUT)
    loop = asyncio.get_running_loop()

    def enter() -> None:
        # Whoever changes or reads the terminal from the background is stopped.
        if _in_foreground():
            tty.setcbreak(_INPUT, termios.TCSADRAIN)
            loop.add_reader(_INPUT, on_input)

    def on_input() -> None:
        pressed = os.read(_INPUT, 32).decode(errors="replace") if _in_foreground() else ""
        if not pressed:
            loop.remove_reader(_INPUT)
        for key in pressed:
            on_key(key)

    enter()
    # The shell that held it has set its own mode.
    loop.add_signal_handler(signal.SIGCONT, enter)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        loop.remove_reader(_INPUT)
        if _in_foreground():
            termios.tcsetattr(_INPUT, termios.TCSADRAIN, before)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(_INPUT) == os.getpgrp()
    except OSError:
        # The terminal is gone.
        return False

"""`python -m gateway` runs the gateway until SIGTERM."""

from gateway.app import build
from gateway.config import Settings
from servicekit.process import main

main(Settings, build)

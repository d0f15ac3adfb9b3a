"""`python -m services.tracks` runs the tracks service until SIGTERM."""

from servicekit.process import main
from services.tracks.app import build
from services.tracks.config import Settings

main(Settings, build)

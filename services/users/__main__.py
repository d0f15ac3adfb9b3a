"""`python -m services.users` runs the users service until SIGTERM."""

from servicekit.process import main
from services.users.app import build
from services.users.config import Settings

main(Settings, build)

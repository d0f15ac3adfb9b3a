"""Run the chat service: python -m services.chat."""

from servicekit.process import main
from services.chat.app import build
from services.chat.config import Settings

if __name__ == "__main__":
    main(Settings, build)

"""Write docs/reference/cli.md from the `seda` command's own help (`make docs`)."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Write the page. Returns 0."""
    sys.path.insert(0, str(ROOT))
    from ops import cli, help  # noqa: A004, PLC0415 - found only with the path above

    target = ROOT / help.DOCUMENT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(help.document(cli.app), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

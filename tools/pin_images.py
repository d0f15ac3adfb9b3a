"""Write the current digest of each image's tag into the files that name it; needs docker and network access.

The digest is that of the index of all platforms. Review what changed before you commit it: a tag that moved is a new
build, usually with newer packages of the distribution.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    "Dockerfile",
    "docker-compose.yml",
    "deploy/kubernetes/components/otel/collector.yaml",
    "deploy/kubernetes/overlays/development/postgres.yaml",
)
# An image of a registry, as opposed to our own (seda:local, seda-operations:local) and to a stage of the Dockerfile.
IMAGE = re.compile(
    r"^(?P<line>FROM|\s+image:) (?P<tag>(?!seda(?:-[a-z]+)?:)[\w./-]+:[\w.-]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?= |$)",
    re.MULTILINE,
)


def current_digest(tag: str) -> str:
    """Return the digest that the registry has for a tag."""
    command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
    digest = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - a fixed command
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"{tag}: not a digest: {digest[:80]}")
    return digest


def main(root: Path = ROOT) -> int:
    """Pin every image; print those whose digest changed."""
    texts = {name: (root / name).read_text() for name in FILES}
    pinned = {each["tag"]: each["digest"] for text in texts.values() for each in IMAGE.finditer(text)}
    digests = {tag: current_digest(tag) for tag in pinned}
    for name, text in texts.items():
        (root / name).write_text(
            IMAGE.sub(lambda each: f"{each['line']} {each['tag']}@{digests[each['tag']]}", text)
        )
    for tag in sorted(digests):
        change = "unchanged" if digests[tag] == pinned[tag] else f"now {digests[tag]}"
        sys.stdout.write(f"{tag}: {change}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

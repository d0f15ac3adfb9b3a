"""Apply each mutant of tools/mutants.txt in turn and require that its tests fail (`python tools/mutants.py [NAME...]`).

`--check` only requires that each old text occurs once in its file. A mutant that survives is a fact without a proof.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 600


class Mutant(NamedTuple):
    """One wrong line and the tests that must notice it."""

    name: str
    file: str
    tests: tuple[str, ...]
    old: str
    new: str

    @property
    def applies(self) -> bool:
        """Whether the old text occurs exactly once."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1


def main() -> int:
    """Run the chosen mutants, or all. Returns 1 when one survives or no longer applies."""
    names = {each for each in sys.argv[1:] if each != "--check"}
    chosen = [each for each in parse() if not names or each.name in names]
    stale = [each.name for each in chosen if not each.applies]
    for name in stale:
        print(f"{name}: the old text must occur once in the file")
    if "--check" in sys.argv[1:] or stale:
        return int(bool(stale))
    survivors = [each.name for each in chosen if not killed(each)]
    print(
        f"{len(chosen) - len(survivors)} of {len(chosen)} killed; survivors: {', '.join(survivors) or 'none'}"
    )
    return int(bool(survivors))


def parse() -> list[Mutant]:
    """Read the entries: `name file`, `! tests`, `- old` and `+ new` lines, separated by blank lines."""
    text = (ROOT / "tools" / "mutants.txt").read_text(encoding="utf-8")
    found = []
    for entry in text.split("\n\n"):
        lines = [line for line in entry.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        name, file = lines[0].split()
        parts = {mark: [line[2:] for line in lines[1:] if line[0] == mark] for mark in "!-+"}
        tests = tuple(" ".join(parts["!"]).split())
        found.append(Mutant(name, file, tests, "\n".join(parts["-"]), "\n".join(parts["+"])))
    return found


def killed(mutant: Mutant) -> bool:
    """Run the mutant's tests on the changed file, and restore it whatever happens."""
    path = ROOT / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            # A mutant that never ends is killed by it.
            "--timeout=120",
            *mutant.tests,
        ]
        status = subprocess.run(  # noqa: S603 - the tests that the table names
            command, cwd=ROOT, check=False, capture_output=True, timeout=_SECONDS
        ).returncode
    finally:
        path.write_text(original, encoding="utf-8")
    print(f"{mutant.name}: {'killed' if status == 1 else f'survived (status {status})'}", flush=True)
    return status == 1


if __name__ == "__main__":
    sys.exit(main())

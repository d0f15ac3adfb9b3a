"""The committed generated code is what the generator makes of the protos."""

import subprocess
import sys

from tests.architecture.project import ROOT


def test_generated_code_equals_the_protos() -> None:
    result = subprocess.run(
        [sys.executable, "tools/generate_protos.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr + "\nrun: make protos"

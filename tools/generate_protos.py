"""Generate the Python code of the contract: `python tools/generate_protos.py [--check]`.

protoc runs with the root of the project as its output, so that a file's path equals its import
name and no import needs patching. With `--check` nothing is written: the committed code is
compared with what would be generated, and any difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
# Google's own messages (google.rpc) are not generated: googleapis-common-protos ships them.
OUTPUTS = ("seda", "buf")
CLIENT_TYPES = Path("sedaclient", "services.pyi")
# The public contract with its comments, which generated code lacks.
CONTRACT = Path("console/contract.binpb")


def sources() -> list[str]:
    """The proto files to generate code from, relative to protos/."""
    return sorted(
        str(path.relative_to(PROTOS)) for name in OUTPUTS for path in (PROTOS / name).rglob("*.proto")
    )


def protoc_command() -> list[str]:
    """The command that runs protoc with its include paths."""
    import grpc_tools  # noqa: PLC0415 - a development tool, absent where only the code is used

    # `-m grpc_tools.protoc` itself adds this path of google/protobuf/*.proto.
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    return [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{well_known}"]


def generate(into: Path) -> None:
    """Write the generated packages below `into`."""
    services = [name for name in sources() if name.endswith("_service.proto")]
    base = protoc_command()
    _run([*base, f"--python_out={into}", f"--mypy_out=quiet:{into}", *sources()])
    _run([*base, f"--grpc_python_out={into}", f"--mypy_grpc_out=quiet,only_async:{into}", *services])
    for folder in sorted({path.parent for name in OUTPUTS for path in (into / name).rglob("*_pb2.py")}):
        for package in [folder, *folder.parents]:
            if package == into:
                break
            (package / "__init__.py").write_text("", encoding="utf-8")
    (into / "seda" / "py.typed").write_text("", encoding="utf-8")
    (into / CLIENT_TYPES).parent.mkdir()
    types = [sys.executable, str(ROOT / "tools" / "client_types.py")]
    environment = {"PYTHONPATH": f"{into}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    with (into / CLIENT_TYPES).open("w", encoding="utf-8") as output:
        subprocess.run(types, check=True, env=environment, stdout=output)  # noqa: S603 - our own argument list
    (into / CONTRACT).parent.mkdir()
    public = [name for name in sources() if name.startswith("seda/") and "/internal/" not in name]
    _run(
        [
            *base,
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={into / CONTRACT}",
            *public,
        ]
    )
    _keep_comments_alone(into / CONTRACT)


def _keep_comments_alone(descriptor_set: Path) -> None:
    """Drop the places in the source files, which are two thirds of the size."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: PLC0415 - with the tools above

    files = FileDescriptorSet.FromString(descriptor_set.read_bytes())
    for file in files.file:
        commented = [each for each in file.source_code_info.location if each.leading_comments]
        own = commented if file.name.startswith("seda/") else []
        del file.source_code_info.location[:]
        for each in own:
            file.source_code_info.location.add(path=each.path, leading_comments=each.leading_comments)
    descriptor_set.write_bytes(files.SerializeToString(deterministic=True))


def differences(generated: Path) -> list[str]:
    """Paths whose committed content is not what `generated` holds, sorted."""
    wanted = _files(generated)
    present = _files(ROOT)
    return sorted(
        str(path)
        for path in wanted | present
        if path not in wanted
        or not (ROOT / path).exists()
        or not filecmp.cmp(generated / path, ROOT / path, shallow=False)
    )


def main() -> int:
    """Generate or compare; returns the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        generated = Path(temporary)
        generate(generated)
        changed = differences(generated)
        if arguments.check:
            for path in changed:
                print(f"not what the protos generate: {path}", file=sys.stderr)
            if changed:
                print("Run `make protos` and commit the result.", file=sys.stderr)
            return 1 if changed else 0
        for name in OUTPUTS:
            shutil.rmtree(ROOT / name, ignore_errors=True)
            shutil.copytree(generated / name, ROOT / name)
        shutil.copyfile(generated / CLIENT_TYPES, ROOT / CLIENT_TYPES)
        shutil.copyfile(generated / CONTRACT, ROOT / CONTRACT)
    return 0


def _files(root: Path) -> set[Path]:
    return {CLIENT_TYPES, CONTRACT} | {
        path.relative_to(root)
        for name in OUTPUTS
        for path in (root / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _run(command: list[str]) -> None:
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    subprocess.run(command, check=True, cwd=PROTOS, env=environment)  # noqa: S603 - our own argument list


if __name__ == "__main__":
    raise SystemExit(main())

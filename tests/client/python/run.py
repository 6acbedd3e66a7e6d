"""Installs client/python as its users do, and runs its tests.

  /usr/bin/python3 tests/client/python/run.py debian   with Debian's packages
  /usr/bin/python3 tests/client/python/run.py pypi     with the newest of PyPI
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import registries  # noqa: E402
from server_process import ROOT  # noqa: E402

WHAT = "client/python with {}"
MODULES = ("google.protobuf", "grpc", "numpy", "pytest", "setuptools", "wheel")
# What pyproject.toml names, but for setuptools and pip themselves; mypy is for
# the types that the package promises.
PACKAGES = ("grpcio", "grpcio-tools", "mypy", "numpy", "protobuf", "pytest",
            "setuptools", "wheel")


def is_missing(module):
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:
        return True


def debian():
    what = WHAT.format("Debian's packages")
    missing = [name for name in MODULES if is_missing(name)]
    if missing or not shutil.which("protoc"):
        registries.skip(what, "deploy/test-packages.txt has what is missing: "
                        + ", ".join(missing or ["protoc"]))
    return registries.environment("python_client_debian", [], what,
                                  "--system-site-packages")


def pypi():
    return registries.environment("python_client", PACKAGES,
                                  WHAT.format("the newest grpcio of PyPI"))


def install(python):
    """From a copy of the checkout, which pip builds in."""
    with tempfile.TemporaryDirectory() as checkout:
        for folder in ("client/python", "proto"):
            shutil.copytree(os.path.join(ROOT, folder),
                            os.path.join(checkout, folder))
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", "--no-index", "--no-deps",
             "--no-build-isolation", "--force-reinstall",
             os.path.join(checkout, "client", "python")], check=True)


def main(kind):
    python = {"debian": debian, "pypi": pypi}[kind]()
    install(python)
    failed = subprocess.run([python, "-m", "pytest", "-q", "-p",
                             "no:cacheprovider", HERE]).returncode
    if kind == "pypi":
        failed |= subprocess.run(
            [python, "-m", "mypy", "--cache-dir", os.devnull, "--config-file",
             os.path.join(ROOT, "client", "python", "pyproject.toml"),
             os.path.join(ROOT, "client", "python", "src")]).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

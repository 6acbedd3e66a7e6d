"""What tests take from PyPI, and how they say that they could not."""

import os
import subprocess
import sys

from server_process import BUILD

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def skip(what, why):
    """Ends the test program as skipped, so that nobody overlooks it."""
    print(f"\n*** NOT TESTED: {what}\n*** {why}\n", file=sys.stderr, flush=True)
    sys.exit(SKIPPED)


def environment(name, packages, what, *options):
    """The Python of a virtual environment with these packages, the newest.

    It is made once; `make clean` renews it. Where PyPI does not give them, the
    test is skipped, naming `what` was not tested. `options` are venv's.
    """
    directory = os.path.join(os.path.abspath(BUILD), "environments", name)
    python = os.path.join(directory, "bin", "python")
    installed = os.path.join(directory, "installed")
    wanted = "\n".join([*packages, *options])
    if os.path.exists(installed):
        with open(installed, encoding="utf-8") as file:
            if file.read() == wanted:
                return python
    # Debian's, whose venv is among the packages for tests.
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", *options,
                    directory], check=True)
    if packages:
        pip = subprocess.run(
            [python, "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", *packages],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if pip.returncode != 0:
            print(pip.stdout, file=sys.stderr)
            skip(what, "PyPI did not give " + " ".join(packages))
    with open(installed, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python

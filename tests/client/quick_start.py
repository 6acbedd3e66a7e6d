"""What client/examples/README.md shows for a language, run as it stands there.

  /usr/bin/python3 tests/client/quick_start.py Go
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import registries  # noqa: E402
from server_process import ROOT, ServerProcess  # noqa: E402

EXAMPLES = os.path.join(ROOT, "client", "examples")
NEEDED = {"Go": ("go", "protoc"), "Node": ("node", "npm")}


def read(language):
    """The commands that fetch, those that run, and what they print."""
    with open(os.path.join(EXAMPLES, "README.md"), encoding="utf-8") as file:
        section = file.read().split(f"## {language}\n")[1].split("\n## ")[0]
    fetch, run = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    printed, = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    return fetch, run, printed


def shell(commands, directory, **options):
    # Commands may need what those before have exported.
    return subprocess.run(["sh", "-e", "-c", commands], cwd=directory,
                          text=True, **options)


def main(language):
    what = f"the quick start for {language}"
    for program in NEEDED[language]:
        if not shutil.which(program):
            registries.skip(what, f"{program} is missing")
    fetch, run, printed = read(language)
    with tempfile.TemporaryDirectory() as checkout:
        # Where nothing is generated beside the sources.
        for folder in ("client/examples", "proto"):
            shutil.copytree(os.path.join(ROOT, folder),
                            os.path.join(checkout, folder))
        directory = os.path.join(checkout, "client", "examples",
                                 language.lower())
        if shell(fetch, directory).returncode != 0:
            registries.skip(what, "its packages could not be fetched")
        with ServerProcess() as server:
            got = shell(run.replace("localhost:8001", server.address),
                        directory, stdout=subprocess.PIPE)
    if got.returncode == 0 and got.stdout == printed:
        return 0
    print(f"exit code {got.returncode}; got:\n{got.stdout}\n"
          f"expected:\n{printed}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

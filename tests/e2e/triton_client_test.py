"""tritonclient, the newest of PyPI, against the real server: tests/e2e/triton.

  /usr/bin/python3 tests/e2e/triton_client_test.py
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import registries  # noqa: E402

PACKAGES = ("numpy", "pytest", "tritonclient[grpc]")

if __name__ == "__main__":
    python = registries.environment("triton_client", PACKAGES,
                                    "tritonclient against the server")
    sys.exit(subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         os.path.join(HERE, "triton"), *sys.argv[1:]]).returncode)

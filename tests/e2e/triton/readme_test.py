"""What README.md shows under "Coming from Triton or KServe"."""

import os
import re

import server_process


def test_its_example_runs(server, capsys):
    with open(os.path.join(server_process.ROOT, "README.md"),
              encoding="utf-8") as file:
        section = file.read().split("### Coming from Triton or KServe\n")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL).group(1)
    exec(code.replace("localhost:8001", server.address), {})
    assert ":German" in capsys.readouterr().out

"""What client/python/README.md shows, run as it stands there."""

import os
import re

import server_process
import unroll

README = os.path.join(server_process.ROOT, "client", "python", "README.md")


def test_its_examples_run_and_print_what_it_says(server, capsys):
    with open(README, encoding="utf-8") as file:
        readme = file.read().replace("localhost:8001", server.address)
    blocks = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?",
                        readme, re.DOTALL)
    assert len(blocks) >= 5
    names = {}
    for code, printed in blocks:
        exec(compile(code, "README.md", "exec"), names)
        assert capsys.readouterr().out == printed, code


def test_it_names_all_there_is():
    with open(README, encoding="utf-8") as file:
        words = set(re.findall(r"\w+", file.read()))
    public = {name for name in vars(unroll.Client) if name[0] != "_"}
    assert public - words == set()

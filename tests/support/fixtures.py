"""Servers and numbers that several folders of pytest use."""

import golden
import pytest
import server_process


@pytest.fixture(scope="session")
def server():
    """Serves the bundled models."""
    with server_process.ServerProcess() as process:
        yield process


@pytest.fixture(scope="session")
def golden_server(tmp_path_factory):
    """Serves every golden case."""
    repository = str(tmp_path_factory.mktemp("golden"))
    for case in golden.cases():
        golden.write_model(case, repository)
    with server_process.ServerProcess(repository) as process:
        yield process


@pytest.fixture(scope="session")
def want():
    return golden.expected()

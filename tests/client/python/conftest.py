import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
import golden  # noqa: E402
import server_process  # noqa: E402
import unroll  # noqa: E402


@pytest.fixture(scope="session")
def server():
    """Serves the bundled models."""
    with server_process.ServerProcess() as process:
        yield process


@pytest.fixture
def client(server):
    with unroll.Client(server.address) as client:
        yield client


@pytest.fixture(scope="session")
def golden_server(tmp_path_factory):
    """Serves every golden case."""
    repository = str(tmp_path_factory.mktemp("golden"))
    for case in golden.cases():
        golden.write_model(case, repository)
    with server_process.ServerProcess(repository) as process:
        yield process


@pytest.fixture
def golden_client(golden_server):
    with unroll.Client(golden_server.address) as client:
        yield client


@pytest.fixture(scope="session")
def want():
    return golden.expected()

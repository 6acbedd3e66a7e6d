import os
import sys

import pytest
import tritonclient.grpc as triton

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "support"))
from fixtures import golden_server, server, want  # noqa: E402, F401


@pytest.fixture
def client(server):  # noqa: F811
    with triton.InferenceServerClient(server.address) as client:
        yield client


@pytest.fixture
def golden_client(golden_server):  # noqa: F811
    with triton.InferenceServerClient(golden_server.address) as client:
        yield client

"""100 sequences of different lengths in one call, from Python.

Stubs come from proto/ alone (Debian: protobuf-compiler, protobuf-compiler-grpc,
python3-grpcio, python3-numpy):

  protoc -I proto --python_out=stubs --grpc_python_out=stubs \
      --plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin \
      proto/unroll/v1/*.proto
  PYTHONPATH=stubs /usr/bin/python3 client/examples/predict.py localhost:8001
"""

import sys

import grpc
import numpy as np

from unroll.v1 import sequence_inference_pb2 as pb
from unroll.v1 import sequence_inference_pb2_grpc as pb_grpc


def to_array(tensor):
    """A Tensor message as a numpy array, without a copy."""
    return np.frombuffer(tensor.data, "<f4").reshape(tensor.shape)


def main():
    generator = np.random.default_rng(0)
    stub = pb_grpc.SequenceInferenceStub(grpc.insecure_channel(sys.argv[1]))

    request = pb.PredictRequest(model="langid")
    for length in generator.integers(1, 50, size=100):
        # A model without embedding takes features instead: Tensor(shape=x.shape,
        # data=x.astype("<f4").tobytes()) for x [T, I].
        ids = generator.integers(1, 100, size=length)
        request.sequences.add().token_ids.ids.extend(ids.tolist())
    response = stub.Predict(request, timeout=10)

    for sequence, result in zip(request.sequences, response.results):
        scores = to_array(result.scores)                        # [T, C]
        h_n = to_array(result.final_state.tensors["h"])         # [L*D, H]
        assert len(scores) == len(sequence.token_ids.ids)
        assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
        assert np.array_equal(h_n[-1], to_array(result.hidden)[-1])
    print(f"{len(response.results)} sequences, "
          f"{sum(len(s.token_ids.ids) for s in request.sequences)} steps, "
          f"compute {response.timing.compute.ToMicroseconds()} us")


if __name__ == "__main__":
    main()

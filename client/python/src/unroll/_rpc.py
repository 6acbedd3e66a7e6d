"""Channels, methods and errors, for both kinds of client."""

from typing import Any, List, NamedTuple, Tuple

import grpc

from unroll._messages import message
from unroll.errors import Error

_KEEPALIVE_MS = 10_000  # the most often that the server likes


class Method(NamedTuple):
    service: str
    name: str
    kind: str  # the channel's function
    request: str
    response: str

    def on(self, channel: Any) -> Any:
        return getattr(channel, self.kind)(
            f"/unroll.v1.{self.service}/{self.name}",
            request_serializer=message(
                f"unroll.v1.{self.request}").SerializeToString,
            response_deserializer=message(
                f"unroll.v1.{self.response}").FromString)


def _method(service: str, name: str, kind: str = "unary_unary") -> Method:
    return Method(service, name, kind, f"{name}Request", f"{name}Response")


LIST_MODELS = _method("Models", "ListModels")
GET_MODEL = _method("Models", "GetModel")
PREDICT = _method("SequenceInference", "Predict")
PREDICT_STREAM = _method("SequenceInference", "PredictStream", "unary_stream")
LIVE = _method("SequenceInference", "Live", "stream_stream")


def channel_options(address: str) -> List[Tuple[str, int]]:
    options = [
        ("grpc.max_receive_message_length", -1),  # the server limits them
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS),
        ("grpc.http2.max_pings_without_data", 0),
        # A server that comes back is found soon.
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    if address.startswith(("localhost:", "127.", "[::1]:")):
        options.append(("grpc.enable_http_proxy", 0))
    return options


def error_of(error: grpc.RpcError, address: str) -> Error:
    code, text = error.code(), error.details() or ""
    if text.startswith("Internal error from Core"):
        # grpc.aio's words for a connection that broke while it was sending.
        code = grpc.StatusCode.UNAVAILABLE
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        text = f"{address}: {text}"  # often gRPC's own words, which say little
    reason, retry_delay = "", None
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in message("google.rpc.Status").FromString(value).details:
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                info = message("google.rpc.ErrorInfo").FromString(detail.value)
                reason = info.reason
            elif detail.type_url.endswith("/google.rpc.RetryInfo"):
                retry = message("google.rpc.RetryInfo").FromString(detail.value)
                retry_delay = seconds(retry.retry_delay)
    return Error(code, text, reason, retry_delay)


def fault_of(fault: Exception) -> Error:
    """For what nobody foresaw, where nobody else would hear of it."""
    return Error(grpc.StatusCode.INTERNAL, f"in the client: {fault!r}")


def seconds(duration: Any) -> float:
    return float(duration.seconds + duration.nanos * 1e-9)

"""The ratios that the server must reach: it over a bare gRPC echo server."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    accept: float  # at least this
    aim: float


TARGETS = [
    Target("echo_share_unary", .7, .9),
    Target("echo_share_streamed", .7, .9),
    Target("echo_share_live", .7, .9),
    # The most live streams, with a step every 10 ms each, whose p99 is below
    # 10 ms.
    Target("live_streams_share_10ms", .7, .9),
]

"""The ratios that the kernel must reach, and what each one compares."""

import dataclasses

from cases import Shape


@dataclasses.dataclass(frozen=True)
class Target:
    """The time of one system over the time of another, for the same work."""
    name: str
    shape: Shape
    numerator: str
    denominator: str
    accept: float  # at least this
    aim: float


def over_unroll(peer, sequences, hidden, accept, aim):
    return Target(f"{peer}_over_unroll_n{sequences}_h{hidden}",
                  Shape(sequences, hidden, hidden), peer, "split", accept, aim)


def peak_share(sequences, hidden, accept, aim):
    return Target(f"peak_share_n{sequences}_h{hidden}",
                  Shape(sequences, hidden, hidden), "fma", "split", accept,
                  aim)


def bandwidth_share(hidden, accept, aim):
    """W_hh's bytes, read as fast as they can be, over the recurrent part's time.

    With I = 1 a run is the recurrent part and next to nothing else.
    """
    return Target(f"bandwidth_share_n1_h{hidden}", Shape(1, 1, hidden), "read",
                  "split", accept, aim)


TARGETS = [
    over_unroll("ort", 1, 64, 1.5, 2),
    over_unroll("ort", 1, 128, 1.5, 2),
    over_unroll("ort", 1, 256, 1.5, 2),
    over_unroll("ort", 1, 512, 1.5, 2),
    over_unroll("ort", 1, 1024, 1.05, 1.3),
    over_unroll("ort", 16, 64, 5, 8),
    over_unroll("ort", 16, 128, 3.5, 5),
    over_unroll("ort", 16, 256, 2.8, 3.5),
    over_unroll("ort", 16, 512, 2, 2.6),
    over_unroll("ort", 16, 1024, 1.6, 2),
    over_unroll("openvino", 1, 256, 1, 1.5),
    over_unroll("openvino", 16, 256, 1, 1.5),
    over_unroll("torch", 16, 256, 2, 2.6),
    peak_share(16, 64, .55, .7),
    peak_share(16, 128, .65, .8),
    peak_share(16, 256, .8, .9),
    peak_share(16, 512, .8, .92),
    peak_share(16, 1024, .8, .9),
    peak_share(64, 64, .7, .85),
    peak_share(64, 128, .8, .9),
    peak_share(64, 256, .85, .95),
    peak_share(64, 512, .85, .95),
    peak_share(64, 1024, .85, .95),
    bandwidth_share(256, .5, .75),
    bandwidth_share(512, .65, .85),
    bandwidth_share(1024, .65, .85),
    Target("f32_over_bf16_n16_h1024", Shape(16, 1024, 1024), "split",
           "split_bf16", 1.6, 2),
    # Without a table a token model copies its embedding's rows as well; that
    # is not counted.
    Target("table_gain_n1_h256", Shape(1, 256, 256), "split", "split_tokens",
           1.15, 1.3),
]

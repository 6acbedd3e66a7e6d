"""The ratios that the scheduler must reach. All on model M, by continuous batching."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    lengths: str
    accept: float  # at least this
    aim: float
    # Whose capacity continuous batching's is compared with.
    rival: str = ""


def capacity(rival, lengths, accept, aim):
    return Target(f"capacity_continuous_over_{rival}_{lengths}", lengths,
                  accept, aim, rival)


P99 = Target("p99_padded_over_continuous_w1_90", "w1", 3, 8)
GOODPUT = Target("goodput_share_2x", "w1", .85, .95)
TARGETS = [
    capacity("padded", "w1", 1.6, 2),
    capacity("padded", "w2", .95, 1),
    capacity("padded", "w3", 1.35, 1.6),
    capacity("padded", "w4", 1.7, 2.2),
    capacity("padded32", "w1", 3, 3.6),
    capacity("packed", "w1", .97, 1.1),
    capacity("single", "w1", 1.7, 2.2),
    P99,
    GOODPUT,
]

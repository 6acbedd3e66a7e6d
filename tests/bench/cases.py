"""What is run: a layer's shape, its numbers, and the outputs that are right."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True, order=True)
class Shape:
    """One layer of tanh over N sequences."""
    sequences: int  # N
    inputs: int     # I
    hidden: int     # H

    @property
    def operations(self):
        """Of a step: a multiply-add is two, as in every FMA peak."""
        return 2 * self.sequences * self.hidden * (self.inputs + self.hidden)

    @property
    def steps(self):
        """T: 100, or more, so that a run takes a peer some 0.6 ms.

        A call of OpenVINO's costs 12 us, of the others less: 2 % of that.
        """
        step = 0.3e-6 + self.operations / 150e9
        return max(100, 100 * math.ceil(0.6e-3 / step / 100))

    @property
    def sizes(self):
        return self.steps, self.sequences, self.inputs, self.hidden


SWEEP = [Shape(sequences, hidden, hidden)
         for hidden in (64, 128, 256, 512, 1024)
         for sequences in (1, 2, 4, 8, 10, 16, 20, 32, 64)]


class Case:
    """A shape's random weights and input, in a file, and its float64 outputs."""

    def __init__(self, shape, path):
        self.shape = shape
        self.path = path
        steps, sequences, inputs, hidden = shape.sizes
        random = np.random.default_rng([sequences, inputs, hidden])
        bound = 1 / math.sqrt(hidden)  # as torch.nn.RNN draws them

        def draw(bound, *shape):
            return random.uniform(-bound, bound, shape).astype("<f4")

        arrays = [draw(bound, hidden, inputs), draw(bound, hidden, hidden),
                  draw(bound, hidden), draw(bound, hidden),
                  draw(1, steps, sequences, inputs)]
        with open(path, "wb") as file:
            for array in arrays:
                array.tofile(file)
        self.expected = reference(*arrays)

    def check(self, name, path, tolerance):
        """Raises unless the output in a file is the reference's."""
        got = np.fromfile(path, "<f4")
        if got.size != self.expected.size:
            raise RuntimeError(f"{name}, {self.shape}: {got.size} numbers, "
                               f"expected {self.expected.size}")
        got = got.reshape(self.expected.shape)
        error = np.abs(got - self.expected)
        error /= np.maximum(1, np.abs(self.expected))
        if not error.max() <= tolerance:  # a NaN fails
            where = np.unravel_index(error.argmax(), error.shape)
            raise RuntimeError(
                f"{name}, {self.shape}: {got[where]} at [t, n, h] = "
                f"{[int(i) for i in where]}, expected {self.expected[where]} "
                f"within {tolerance}")


def reference(weight_ih, weight_hh, bias_ih, bias_hh, data):
    """The layer from h_0 = 0 in float64, [T, N, H]."""
    weight_ih, weight_hh, bias_ih, bias_hh, data = (
        array.astype(np.float64)
        for array in (weight_ih, weight_hh, bias_ih, bias_hh, data))
    output = data @ weight_ih.T + (bias_ih + bias_hh)
    h = np.zeros(output.shape[1:])
    for row in output:
        h = row[:] = np.tanh(row + h @ weight_hh.T)
    return output

"""Finding the highest rate that holds."""

import math

STRIDE = 1.08


def highest_rate(holds, guess, precision):
    """The highest rate for which holds(rate), within a factor of 1 + precision.

    Raises if nothing near the guess holds.
    """
    if holds(guess):
        low, high = guess, guess * STRIDE
        while holds(high):
            low, high = high, high * STRIDE
    else:
        low, high = guess / STRIDE, guess
        while not holds(low):
            if low < guess / 4:
                raise RuntimeError(f"not even a rate of {low:.0f} holds: the "
                                   "machine has other things to do")
            low, high = low / STRIDE, low
    while high / low > 1 + precision:
        middle = math.sqrt(low * high)
        if holds(middle):
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)

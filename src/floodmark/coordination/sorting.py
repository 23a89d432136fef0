"""Sorting in compiled code, by a function whose kept machine code cannot be taken for another's."""

from __future__ import annotations

import numpy as np

from floodmark.compiled import compiled
from floodmark.coordination.result import Int64s


@compiled
def stable_order(values: Int64s) -> Int64s:
    """Return the places of `values` in ascending order, ties in their own order: a merge sort from the bottom up.

    Compiled, numpy's argsort and sort have inner functions of one name. Where different processes kept machine code
    that uses the one and the other, a third process that loads both can run one in place of the other, and crash.

    >>> stable_order(np.array([3, 1, 3, 2])).tolist()
    [1, 3, 0, 2]
    """
    count = len(values)
    order, spare = np.arange(count), np.empty(count, np.int64)
    width = 1
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            left, right = low, middle
            for place in range(low, high):
                if left < middle and (right >= high or values[order[left]] <= values[order[right]]):
                    spare[place] = order[left]
                    left += 1
                else:
                    spare[place] = order[right]
                    right += 1
        order, spare = spare, order
        width *= 2
    return order

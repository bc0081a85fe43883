"""The anchor-free rule of the first stage, cell by cell and object by object."""

import math


def region_loop(boxes, sizes, strides, anchor_sizes, offset=0.0, center=0.2, ignore=0.5):
    """Targets of one image as nested lists [level][row][column], 0, -1 or the object from 1 on.

    A cell takes the smallest object whose centre region it lies in; else it is ignored if it lies
    in an ignore region of its level or of a neighbour's object; else it is negative.
    """
    targets = []
    for level, (height, width) in enumerate(sizes):
        rows = []
        for row in range(height):
            rows.append([])
            for column in range(width):
                best, ignored = None, False
                for index, box in enumerate(boxes):
                    if not _has_cells(box, sizes[level], strides[level]):
                        continue
                    home = _level(box, anchor_sizes)
                    cell = (row, column, sizes[level], strides[level], offset)
                    if home == level and _inside(box, center, *cell):
                        key = (_area(box), index)
                        best = key if best is None else min(best, key)
                    if abs(home - level) <= 1 and _inside(box, ignore, *cell):
                        ignored = True
                rows[-1].append(best[1] + 1 if best else -1 if ignored else 0)
        targets.append(rows)
    return targets


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _has_cells(box, size, stride):
    """Whether the box has an area and lies in the image, at least in part."""
    for axis, count in ((0, size[1]), (1, size[0])):
        if not (box[axis + 2] > max(box[axis], 0) and box[axis] < count * stride):
            return False
    return True


def _level(box, anchor_sizes):
    side = math.sqrt(max(_area(box), 0))
    if side == 0:
        return 0
    distances = [abs(math.log(side / anchor)) for anchor in anchor_sizes]
    return distances.index(min(distances))


def _inside(box, ratio, row, column, size, stride, offset):
    for place, axis, count in ((column, 0, size[1]), (row, 1, size[0])):
        low, high = box[axis] / stride - offset, box[axis + 2] / stride - offset
        middle, reach = (low + high) / 2, (high - low) / 2 * ratio
        first = min(max(round(middle - reach), 0), count - 1)
        last = min(max(round(middle + reach), 0), count - 1)
        if not first <= place <= last:
            return False
    return True

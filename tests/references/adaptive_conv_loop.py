"""Adaptive convolution of one image as loops over cells and taps, straight from the paper."""

from tests.references.bilinear_loop import read_point


def adaptive_conv_loop(image, boxes, kernel, stride, dilation=1.0, center_offset=0.0):
    """Outputs [D, H, W] of an image [C, H, W], boxes [H * W, 4] in pixels, kernel [D, C, k, k]."""
    H, W = image.shape[1:]
    D, _, k, _ = kernel.shape
    out = image.new_zeros(D, H, W)
    for row in range(H):
        for column in range(W):
            x1, y1, x2, y2 = boxes[row * W + column].tolist()
            for i in range(k):
                for j in range(k):
                    y = (y1 + y2) / 2 + (i - (k - 1) / 2) * dilation * (y2 - y1) / max(k - 1, 1)
                    x = (x1 + x2) / 2 + (j - (k - 1) / 2) * dilation * (x2 - x1) / max(k - 1, 1)
                    value = read_point(
                        image, y / stride - center_offset, x / stride - center_offset
                    )
                    out[:, row, column] += kernel[:, :, i, j] @ value
    return out

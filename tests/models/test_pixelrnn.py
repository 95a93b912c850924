"""Row LSTM and Diagonal BiLSTM: what they see, and that the fast scan is the paper's LSTM, pixel by pixel."""

from typing import NamedTuple

import pytest
import small_picture_models
import torch
from torch.autograd import grad, gradcheck

from wavegen.models.networks2d import DiagonalBiLSTM, RowLSTM
from wavegen.models.networks2d.lines import plan
from wavegen.models.networks2d.scan import scan

Place = tuple[int, int]  # rows down and columns to the right of a pixel


class Cell(NamedTuple):
    """What the LSTM of one direction reads at a pixel, in the order of the weight's columns."""

    inputs: list[Place]
    states: list[Place]
    cell: Place
    from_right: bool = False


CELLS = {
    RowLSTM: [Cell([(0, -1), (0, 0)], [(-1, -1), (-1, 0), (-1, 1)], (-1, 0))],
    DiagonalBiLSTM: [
        Cell([(0, 0)], [(-1, 0), (0, -1)], (0, -1)),
        Cell([(0, 0)], [(-1, 0), (0, 1)], (0, 1), from_right=True),
    ],
}
SIZES = [(1, 1), (1, 5), (5, 1), (2, 3), (5, 3), (3, 6)]
CHANNELS, HIDDEN = 3, 2


def plain_scan(kind, inputs, weight, bias, size: tuple[int, int]):
    """The readable twin: the paper's equations at one pixel after another, gradients by autograd."""
    return torch.stack(
        [plain_direction(cell, inputs.unflatten(1, size), weight[k], bias[k]) for k, cell in enumerate(CELLS[kind])]
    )


def plain_direction(cell: Cell, inputs, weight, bias):
    _, height, width, batch = inputs.shape
    h, c = {}, {}
    no_input, no_state = inputs.new_zeros(CHANNELS, batch), inputs.new_zeros(HIDDEN, batch)
    columns = range(width)[::-1] if cell.from_right else range(width)
    for row in range(height):
        for column in columns:
            seen = []
            for down, right in cell.inputs:
                there = row + down, column + right
                seen.append(inputs[:, *there] if 0 <= there[1] < width else no_input)
            seen += [h.get((row + down, column + right), no_state) for down, right in cell.states]
            i, f, o, g = (weight @ torch.cat(seen) + bias.unsqueeze(1)).chunk(4)
            before = c.get((row + cell.cell[0], column + cell.cell[1]), no_state)
            c[row, column] = torch.sigmoid(f) * before + torch.sigmoid(i) * torch.tanh(g)
            h[row, column] = torch.sigmoid(o) * torch.tanh(c[row, column])
    return torch.stack([h[row, column] for row in range(height) for column in range(width)], dim=1)


def arguments(kind, size: tuple[int, int], batch: int, dtype=torch.float64):
    """The plan of a picture and random inputs, weight and bias."""
    torch.manual_seed(5)
    directions = len(CELLS[kind])
    taps = kind.taps
    columns = len(taps.inputs) * CHANNELS + len(taps.states) * HIDDEN
    shapes = (CHANNELS, size[0] * size[1], batch), (directions, 4 * HIDDEN, columns), (directions, 4 * HIDDEN)
    lines = plan(kind.spans(*size), taps, CHANNELS, HIDDEN)
    return lines, *(torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", CELLS)
def test_the_scan_is_the_lstm_pixel_by_pixel_and_so_are_its_gradients(kind, size, batch):
    for dtype, error in ((torch.float64, 1e-13), (torch.float32, 2e-5)):
        lines, *tensors = arguments(kind, size, batch, dtype)
        inputs, weight, bias = tensors
        fast = scan(inputs, weight, bias, lines)
        plain = plain_scan(kind, inputs, weight, bias, size)
        assert torch.allclose(fast, plain, rtol=0, atol=error)
        weights = torch.randn_like(fast)
        for one, other in zip(grad(fast, tensors, weights), grad(plain, tensors, weights), strict=True):
            assert one.abs().max() > 1e-3
            assert torch.allclose(one, other, rtol=error, atol=error)


@pytest.mark.parametrize("kind", CELLS)
def test_the_hand_written_gradient_is_the_slope(kind):
    lines, *tensors = arguments(kind, (2, 3), 2)
    assert gradcheck(lambda inputs, weight, bias: scan(inputs, weight, bias, lines), tensors)


def visible(network, shape: tuple[int, int, int], dimension: tuple[int, int, int]) -> set[tuple[int, ...]]:
    """The (row, column, channel) that a dimension's parameters depend on, by gradients at several pictures."""
    torch.manual_seed(3)
    pictures = torch.randn(20, *shape, dtype=torch.float64, requires_grad=True)
    (gradient,) = grad(network(pictures)[:, *dimension].abs().sum(), pictures)
    return set(map(tuple, gradient.abs().sum(0).nonzero().tolist()))


def places(shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    return [(row, column, k) for row in range(shape[0]) for column in range(shape[1]) for k in range(shape[2])]


@pytest.mark.parametrize("shape", [(5, 7, 1), (3, 4, 3), (1, 6, 1), (6, 1, 2)])
def test_one_layer_of_a_diagonal_bilstm_sees_all_that_is_before_and_nothing_else(shape):
    network = small_picture_models.network("diagonal-bilstm", *shape)
    assert network.num_layers == 1
    for dimension in places(shape):
        assert visible(network, shape, dimension) == {place for place in places(shape) if place < dimension}


def test_a_row_lstm_sees_its_triangle_and_nothing_else():
    shape = (6, 31, 1)
    network = small_picture_models.network("row-lstm", *shape)
    assert network.num_layers == 2
    for row, column in ((5, 15), (4, 3), (3, 28), (0, 0), (0, 9)):
        triangle = {
            (r, c, 0)
            for r, c, _ in places(shape)
            # The first convolution sees three columns to either side, each layer one to the left on its own row;
            # a row further up the states have come from one column more on either side.
            if (r < row and column - (row - r) - 2 - 3 <= c <= column + (row - r) - 1 + 3)
            or (r == row and column - 2 - 3 <= c < column)
        }
        assert visible(network, shape, (row, column, 0)) == triangle


@pytest.mark.parametrize("name", ["row-lstm", "diagonal-bilstm"])
def test_colours_see_those_before_them_at_their_own_pixel(name):
    shape = (4, 5, 3)
    network = small_picture_models.network(name, *shape)
    for channel in range(3):
        seen = visible(network, shape, (2, 2, channel))
        assert {k for r, c, k in seen if (r, c) == (2, 2)} == set(range(channel))
        for neighbour in ((2, 1), (1, 1), (1, 2), (1, 3)):
            assert {k for r, c, k in seen if (r, c) == neighbour} == {0, 1, 2}


@pytest.mark.parametrize("name", ["row-lstm", "diagonal-bilstm"])
def test_multiply_adds_are_counted_without_what_masks_hide(name):
    network = small_picture_models.network(name, 3, 4)
    columns, directions = (2 * 10 + 3 * 5, 1) if name == "row-lstm" else (10 + 2 * 5, 2)
    layers = network.num_layers * directions * (20 * columns + 5 * 10)
    layers += 20 if name == "diagonal-bilstm" else 0  # of the pixel, in the direction from the right
    assert network.macs_per_picture == 12 * (24 * 10 + layers + 10 * 10 + 10 * 3)
    assert all(weight.dim() == 2 and weight.shape[1] > 1 for weight in network.hidden_weights())


@pytest.mark.parametrize("name", ["row-lstm", "diagonal-bilstm"])
def test_a_layer_adds_to_what_it_reads(name):
    network = small_picture_models.network(name, 3, 4)
    layer = network.layers[0]
    x, pixels = torch.randn(10, 12, 2, dtype=torch.float64), torch.randn(1, 12, 2, dtype=torch.float64)
    assert not torch.allclose(layer(x, pixels, network.spans(3, 4), 4), x)
    with torch.no_grad():
        layer.residual.weight.zero_()
        layer.residual.bias.zero_()
    assert torch.equal(layer(x, pixels, network.spans(3, 4), 4), x)

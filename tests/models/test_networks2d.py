"""What a dimension's parameters see, by gradients, and that nothing else differs."""

import pytest
import small_picture_models
import torch
from torch.autograd import gradcheck

from wavegen.models import networks
from wavegen.models.networks2d import NADE
from wavegen.models.networks2d.base import rows_anew
from wavegen.models.networks2d.layers import colour_mask

HEIGHT, WIDTH = 9, 11


def visible(network, channels: int, row: int, column: int, channel: int = 0) -> set[tuple[int, int, int]]:
    """The (row, column, channel) that a dimension's parameters depend on, tried at several pictures.

    One picture alone may have rectifiers that are shut.
    """
    torch.manual_seed(3)
    pictures = torch.randn(20, HEIGHT, WIDTH, channels, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(pictures)[:, row, column, channel].abs().sum(), pictures)
    return set(map(tuple, gradient.abs().sum(0).nonzero().tolist()))


def before(channels: int, row: int, column: int, channel: int = 0) -> set[tuple[int, int, int]]:
    """All dimensions that come before one."""
    every = [(r, c, k) for r in range(HEIGHT) for c in range(WIDTH) for k in range(channels)]
    return {place for place in every if place < (row, column, channel)}


def within(places: set[tuple[int, int, int]], reach: dict[int, tuple[int, int]], row: int, column: int):
    """Those of `places` that lie so many rows up, given how far to the left and right a row that far up is seen."""
    return {
        (r, c, k)
        for r, c, k in places
        if row - r in reach and column - reach[row - r][0] <= c <= column + reach[row - r][1]
    }


def plain_reach(first: int, kernel: int, layers: int) -> dict[int, tuple[int, int]]:
    """How far a stack of masked convolutions sees in each row up, found by walking through its kernels' places."""

    def places(size: int, itself: bool) -> set[tuple[int, int]]:
        half = size // 2
        rows = {(up, across) for up in range(1, half + 1) for across in range(-half, half + 1)}
        return rows | {(0, across) for across in range(-half, itself)}

    seen = places(first, itself=False)
    for _ in range(layers):
        seen = {(up + u, across + a) for up, across in seen for u, a in places(kernel, itself=True)}
    ups = {up for up, _ in seen}
    return {up: (-min(a for u, a in seen if u == up), max(a for u, a in seen if u == up)) for up in ups}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_no_dimension_sees_itself_or_a_later_one(name, channels):
    network = small_picture_models.network(name, HEIGHT, WIDTH, channels)
    pictures = torch.randn(1, HEIGHT, WIDTH, channels, dtype=torch.float64)
    params = network(pictures)
    for d in range(0, HEIGHT * WIDTH * channels, 7):
        changed = pictures.clone()
        changed.view(-1)[d:] = torch.randn_like(changed.view(-1)[d:])
        same = torch.isclose(network(changed), params, rtol=0, atol=1e-12).flatten(0, 3).all(dim=1)
        assert same[: d + 1].all()
        assert not same[d + 1 :].all() or d + 1 == same.numel()


def test_nade_sees_all_that_is_before():
    network = small_picture_models.network("nade", HEIGHT, WIDTH, 3)
    for row, column, channel in ((0, 0, 0), (0, 0, 2), (4, 5, 1), (8, 10, 2)):
        assert visible(network, 3, row, column, channel) == before(3, row, column, channel)


def test_pixelcnn_sees_the_walks_through_its_kernels_and_has_its_blind_spot():
    network = small_picture_models.network("pixelcnn", HEIGHT, WIDTH)
    reach = plain_reach(first=5, kernel=3, layers=2)
    assert reach[0] == (2 + 1 + 1, -1)  # the pixels to the left, and not itself
    assert reach[1][1] == 2
    for row, column in ((4, 5), (8, 5), (2, 1), (0, 0)):
        assert visible(network, 1, row, column) == within(before(1, row, column), reach, row, column)
    # To the right of what the first kernel sees of the row above, no layer reaches: that is the blind spot.
    assert {(3, 7, 0), (2, 7, 0)} < visible(network, 1, 4, 5)
    assert (3, 8, 0) not in visible(network, 1, 4, 5)


def test_gated_pixelcnn_has_no_blind_spot():
    network = small_picture_models.network("gated-pixelcnn", HEIGHT, WIDTH)
    above = 2 + 2  # rows up, and as many to either side: half of the first kernel and half of each layer's
    for row, column in ((4, 5), (8, 5), (2, 1), (0, 0)):
        rectangle = {up: (above, above) for up in range(1, above + 1)} | {0: (above, -1)}
        assert visible(network, 1, row, column) == within(before(1, row, column), rectangle, row, column)
    assert (3, 8, 0) in visible(network, 1, 4, 5)  # PixelCNN's blind spot


@pytest.mark.parametrize("name", ["pixelcnn", "gated-pixelcnn"])
def test_colours_see_those_before_them_at_their_own_pixel(name):
    network = small_picture_models.network(name, HEIGHT, WIDTH, 3)
    for channel in range(3):
        seen = visible(network, 3, 5, 5, channel)
        assert {k for r, c, k in seen if (r, c) == (5, 5)} == set(range(channel))
        for place in ((5, 4), (4, 5)):
            assert {k for r, c, k in seen if (r, c) == place} == {0, 1, 2}


def test_the_masks_of_colours():
    assert colour_mask(3, 3, 3, itself=False).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert colour_mask(3, 6, 3, itself=True).tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 0],
        [1, 1, 1],
        [1, 1, 1],
    ]


@pytest.mark.parametrize("name", small_picture_models.NAMES)
@pytest.mark.parametrize("cuts", [[1] * HEIGHT, [2, 3, 4], [HEIGHT - 1, 1], [1, HEIGHT - 1]])
def test_any_stretches_of_rows_give_the_same(name, cuts):
    network = small_picture_models.network(name, HEIGHT, WIDTH, 2)
    pictures = torch.randn(3, HEIGHT, WIDTH, 2, dtype=torch.float64)
    pieces = []
    state = None
    for rows in pictures.split(cuts, dim=1):
        again, _ = network.rows(rows, state)  # what it was given it leaves as it was
        params, state = network.rows(rows, state)
        assert torch.equal(again, params)
        pieces.append(params)
    assert torch.allclose(torch.cat(pieces, dim=1), network(pictures), rtol=0, atol=1e-12)


def test_rows_anew_are_the_same_rows():
    network = small_picture_models.network("pixelcnn", HEIGHT, WIDTH)
    pictures = torch.randn(3, HEIGHT, WIDTH, 1, dtype=torch.float64)
    first, state = rows_anew(network, pictures[:, :4], None)
    second, _ = rows_anew(network, pictures[:, 4:], state)
    assert torch.allclose(torch.cat([first, second], dim=1), network(pictures), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_pictures_of_a_batch_do_not_see_each_other(name):
    network = small_picture_models.network(name, HEIGHT, WIDTH)
    pictures = torch.randn(4, HEIGHT, WIDTH, 1, dtype=torch.float64)
    together = network(pictures)
    for row in range(4):
        assert torch.allclose(network(pictures[row : row + 1])[0], together[row], rtol=0, atol=1e-12)


def binary(number: int, height: int, width: int) -> torch.Tensor:
    """Sparse pictures of −1 and 1, so that most hidden units stay as they are from one pixel to the next."""
    return (torch.rand(number, height, width, 1, dtype=torch.float64) < 0.3).double() * 2 - 1


def plain_nade(network: NADE, pictures: torch.Tensor) -> torch.Tensor:
    """a_d = c + Σ_{k < d} x_k W_k, params_d = b_d + V_d σ(a_d), all at once."""
    x = (pictures.flatten(1) + 1) / 2
    terms = x[:, :-1, None] * network.hidden
    sums = torch.cat([torch.zeros_like(terms[:, :1]), terms.cumsum(1)], dim=1) + network.hidden_bias
    params = torch.einsum("ndh,dph->ndp", torch.sigmoid(sums), network.output) + network.output_bias
    return params.view(*pictures.shape, -1)


@pytest.mark.parametrize("sparse", [True, False])
def test_nade_and_its_gradients_are_those_of_the_plain_sums(sparse):
    network = small_picture_models.network("nade", 4, 5)
    pictures = binary(6, 4, 5) if sparse else torch.randn(6, 4, 5, 1, dtype=torch.float64)
    pictures.requires_grad_()
    wanted = [*network.parameters(), pictures]
    ours = network(pictures)
    plain = plain_nade(network, pictures)
    assert torch.allclose(ours, plain, rtol=0, atol=1e-12)
    direction = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, wanted, direction), torch.autograd.grad(plain, wanted, direction), strict=True
    ):
        assert b.abs().max() > 1e-3
        assert torch.allclose(a, b, rtol=0, atol=1e-10)
    weights_alone = torch.autograd.grad(network(pictures.detach()), wanted[:-1], direction)
    for a, b in zip(
        weights_alone, torch.autograd.grad(plain_nade(network, pictures), wanted[:-1], direction), strict=True
    ):
        assert torch.allclose(a, b, rtol=0, atol=1e-10)


def test_nades_gradients_are_those_of_finite_differences():
    network = small_picture_models.network("nade", 2, 3)
    names = [name for name, _ in network.named_parameters()]

    def params(pictures, *weights):
        return torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (pictures,))

    pictures = binary(3, 2, 3).requires_grad_()
    assert gradcheck(params, (pictures, *network.parameters()))


def test_nade_is_the_nade_of_frames_with_a_picture_for_its_frame():
    ours = small_picture_models.network("nade", 3, 4)
    frames = networks.NADE(1, ours.num_params, frame_size=12, hidden_size=ours.hidden_size).double()
    with torch.no_grad():
        frames.hidden.copy_(ours.hidden.unsqueeze(1))
        frames.hidden_bias.copy_(ours.hidden_bias)
        frames.output.copy_(ours.output.transpose(1, 2))
        frames.output_bias.copy_(ours.output_bias)
    pictures = torch.randn(5, 3, 4, 1, dtype=torch.float64)
    delayed = torch.nn.functional.pad((pictures.flatten(1) + 1) / 2, (1, 0))[:, :-1, None]
    assert torch.allclose(frames(delayed)[0].view(5, 3, 4, 1, -1), ours(pictures), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # the compiler looks at it
@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_a_compiler_finds_no_more_to_do_in_a_larger_picture(name):
    """What goes from line to line is left to its own code: unrolled, a GPU's compiler would work on it for an hour."""

    def traced(height: int) -> int:
        operations = 0

        def count(graph, inputs):
            nonlocal operations
            operations += len(graph.graph.nodes)
            return graph.forward

        torch._dynamo.reset()
        network = small_picture_models.network(name, height, 4)
        torch.compile(network, backend=count)(torch.zeros(2, height, 4, 1, dtype=torch.float64))
        return operations

    assert 0 < traced(3) == traced(9)

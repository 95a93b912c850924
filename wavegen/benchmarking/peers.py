"""Other implementations that draw samples from the same network, one at a time."""

from __future__ import annotations

import importlib.util
import warnings
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.audio import AudioModel
from wavegen.models.networks import WaveNet
from wavegen.system.optional import Library

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto, TensorProto


class Peer(Protocol):
    """Draws samples from the network of a model with `streams` streams, on one thread."""

    streams: ClassVar[tuple[int, ...]]  # that are worth measuring
    library: ClassVar[Library | None]  # whose it is, if not PyTorch's

    def __init__(self, model: AudioModel, streams: int): ...

    @staticmethod
    def missing(model: AudioModel) -> str | None:
        """Why it cannot run this model here, in one line; None if it can."""
        ...

    def run(self, samples: int) -> None: ...


def _only_mu_law_wavenets(model: AudioModel) -> str | None:
    plain = type(model.network) is WaveNet and model.distribution.name == "categorical" and model.embedding is not None
    plain = plain and model.conditioning is None
    return None if plain else "runs WaveNets with a categorical distribution over at most 512 symbols, unconditional"


def wavenet_of(model: AudioModel) -> WaveNet:
    """The network of a model that is known to be a WaveNet."""
    assert isinstance(model.network, WaveNet), "others are not compared"
    return model.network


class TorchLoop:
    """A step written out in PyTorch, with ring buffers: no concatenated history, one product for each matrix."""

    streams: ClassVar[tuple[int, ...]] = (1, 16)
    library: ClassVar[Library | None] = None

    def __init__(self, model: AudioModel, streams: int):
        network = wavenet_of(model)
        self.table = model.input_table().detach()
        self.front = network.front.taps
        self.skip = network.skip
        self.head = network.head
        self.output = network.output
        self.gates, self.residuals = network.gate_taps, network.residual_maps
        self.ages = [
            [(network.kernel_size - 1 - tap) * dilation for tap in range(network.kernel_size - 1)]
            for dilation in network.dilations
        ]
        self.rings = [torch.zeros(ages[0], streams, network.residual_channels) for ages in self.ages]
        self.window = torch.zeros(streams, network.front_kernel_size, network.input_channels)
        self.last = torch.full((streams,), model.codec.silence)
        self.time = 0

    @staticmethod
    def missing(model: AudioModel) -> str | None:
        return _only_mu_law_wavenets(model)

    @torch.inference_mode()
    def run(self, samples: int) -> None:
        for _ in range(samples):
            self.last = torch.multinomial(torch.softmax(self.step(self.table[self.last]), dim=1), 1).squeeze(1)

    def step(self, row: Tensor) -> Tensor:
        """The logits, (streams, num_symbols), from the network's input of the sample before, (streams, channels)."""
        self.window = torch.cat([self.window[:, 1:], row.unsqueeze(1)], dim=1)
        x = self.front(self.window.flatten(1))
        outputs: list[Tensor] = []
        for layer, (gate, ages, ring) in enumerate(zip(self.gates, self.ages, self.rings, strict=True)):
            history = [ring[(self.time - age) % len(ring)] for age in ages]
            filtered, gated = gate(torch.cat([*history, x], dim=1)).chunk(2, dim=1)
            z = torch.tanh(filtered) * torch.sigmoid(gated)
            ring[self.time % len(ring)] = x
            if layer < len(self.residuals):
                x = x + self.residuals[layer](z)
            outputs.append(z)
        self.time += 1
        return self.output(torch.relu(self.head(torch.relu(self.skip(torch.cat(outputs, dim=1))))))


class OnnxRuntime:
    """One step as a graph for ONNX Runtime, its ring buffers in numpy."""

    streams: ClassVar[tuple[int, ...]] = (1,)
    library: ClassVar[Library | None] = Library("onnxruntime", "onnxruntime>=1.20", "numpy")

    def __init__(self, model: AudioModel, streams: int):
        import onnxruntime

        self.loop = TorchLoop(model, streams)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = _step_graph(self.loop)
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.rings = [ring.numpy() for ring in self.loop.rings]
        self.table = self.loop.table.numpy()
        self.random = np.random.default_rng(0)
        self.last = int(self.loop.last[0])

    @staticmethod
    def missing(model: AudioModel) -> str | None:
        absent = [name for name in ("onnxruntime", "onnx") if importlib.util.find_spec(name) is None]
        if absent:
            return f"{' and '.join(absent)} not installed"
        front = getattr(model.network, "front_kernel_size", 1)
        return _only_mu_law_wavenets(model) or (None if front == 1 else "its graph is for fronts of one step")

    def run(self, samples: int) -> None:
        for _ in range(samples):
            probabilities = np.cumsum(self.step(self.table[self.last : self.last + 1])[0])
            self.last = min(int(np.searchsorted(probabilities, self.random.random())), len(probabilities) - 1)

    def step(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities, (1, num_symbols), from the network's input of the sample before, (1, channels)."""
        time = self.loop.time
        feeds = {"row": row}
        for layer, (ages, ring) in enumerate(zip(self.loop.ages, self.rings, strict=True)):
            feeds |= {f"past_{layer}_{tap}": ring[(time - age) % len(ring)] for tap, age in enumerate(ages)}
        probabilities, *inputs = map(np.asarray, self.session.run(None, feeds))
        for ring, x in zip(self.rings, inputs, strict=True):
            ring[time % len(ring)] = x
        self.loop.time += 1
        return probabilities


class _Graph:
    """Nodes and weights of an ONNX model, as they are added; each method gives the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str | list[str], **attributes: int) -> str:
        from onnx import helper

        outputs = [output] if isinstance(output, str) else output
        made = helper.make_node(kind, inputs, outputs)
        made.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(made)
        return outputs[0]

    def linear(self, layer: nn.Linear, value: str, name: str) -> str:
        from onnx import numpy_helper

        for kind, weight in (("weight", layer.weight), ("bias", layer.bias)):
            self.weights.append(numpy_helper.from_array(weight.detach().numpy(), f"{name}_{kind}"))
        return self.node("Gemm", [value, f"{name}_weight", f"{name}_bias"], name, transB=1)

    def gated(self, layer: int, gate: nn.Linear, inputs: list[str]) -> str:
        """z of a layer, by its taps, oldest first."""
        taps = self.node("Concat", inputs, f"taps_{layer}", axis=1)
        gates = self.linear(gate, taps, f"gates_{layer}")
        self.node("Split", [gates], [f"a_{layer}", f"b_{layer}"], axis=1, num_outputs=2)
        a = self.node("Tanh", [f"a_{layer}"], f"tanh_{layer}")
        b = self.node("Sigmoid", [f"b_{layer}"], f"sigma_{layer}")
        return self.node("Mul", [a, b], f"z_{layer}")


def _step_graph(loop: TorchLoop) -> bytes:
    """A step of the loop's network as an ONNX model: row and past taps to probabilities and each layer's input."""
    from onnx import TensorProto, ValueInfoProto, helper

    graph = _Graph()
    streams, width = loop.rings[0].shape[1:]

    def given(name: str, columns: int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [streams, columns])

    x = graph.linear(loop.front, "row", "x_0")
    past = [[f"past_{layer}_{tap}" for tap in range(len(ages))] for layer, ages in enumerate(loop.ages)]
    gated: list[str] = []
    for layer, gate in enumerate(loop.gates):
        gated.append(graph.gated(layer, gate, [*past[layer], x]))
        if layer < len(loop.residuals):
            residual = graph.linear(loop.residuals[layer], gated[-1], f"r_{layer}")
            x = graph.node("Add", [x, residual], f"x_{layer + 1}")
    skip = graph.node("Relu", [graph.linear(loop.skip, graph.node("Concat", gated, "z", axis=1), "skip")], "skip_relu")
    hidden = graph.node("Relu", [graph.linear(loop.head, skip, "head")], "head_relu")
    graph.node("Softmax", [graph.linear(loop.output, hidden, "logits")], "probabilities", axis=1)
    inputs = [given("row", loop.window.shape[2]), *(given(name, width) for names in past for name in names)]
    outputs = [given("probabilities", loop.output.out_features), *(given(f"x_{i}", width) for i in range(len(past)))]
    made = helper.make_graph(graph.nodes, "step", inputs, outputs, graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


class WavenetVocoder:
    """`incremental_forward` of the package wavenet-vocoder, with a network of the same sizes."""

    streams: ClassVar[tuple[int, ...]] = (1,)
    library: ClassVar[Library | None] = Library("wavenet-vocoder", "wavenet-vocoder==0.1.1", "torch")

    def __init__(self, model: AudioModel, streams: int):
        from wavenet_vocoder import WaveNet as TheirWaveNet

        network = wavenet_of(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its use of old functions of PyTorch
            self.network = TheirWaveNet(
                model.codec.num_symbols,
                len(network.dilations),
                network.dilations.count(1),
                network.residual_channels,
                network.gate_channels,
                network.skip_channels,
                network.kernel_size,
                dropout=0,
                weight_normalization=False,
                legacy=False,
            ).eval()

    @staticmethod
    def missing(model: AudioModel) -> str | None:
        if importlib.util.find_spec("wavenet_vocoder") is None:
            return "wavenet-vocoder not installed"
        if (why := _only_mu_law_wavenets(model)) is not None:
            return why
        dilations = wavenet_of(model).dilations
        stacks = dilations.count(1)
        regular = stacks and dilations == tuple(2**i for i in range(len(dilations) // stacks)) * stacks
        return None if regular else "it has stacks of dilations 1, 2, 4, … only"

    @torch.inference_mode()
    def run(self, samples: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.network.incremental_forward(T=samples)


PEERS: dict[str, type[Peer]] = {
    "PyTorch loop": TorchLoop,
    "ONNX Runtime": OnnxRuntime,
    "wavenet-vocoder": WavenetVocoder,
}

#include "networks/recurrent.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace wavegen {

namespace {

// Concatenates the gates, each padded on its own.
Matrix gates(const float* weight, const float* bias, std::size_t number, std::size_t hidden, std::size_t inputs) {
    Matrix matrix(inputs, number * padded(hidden));
    for (std::size_t gate = 0; gate < number; ++gate)
        matrix.fill(gate * padded(hidden), hidden, weight + gate * hidden * inputs, inputs, bias + gate * hidden);
    return matrix;
}

}  // namespace

Recurrent::Recurrent(const RecurrentArrays& a, const Kernels& kernels, Precision precision)
    : kernels_(kernels),
      cell_(a.cell),
      channels_(a.channels),
      hidden_(a.hidden),
      num_params_(a.outputs),
      head_(packed(a.head_weight, a.head_bias, a.hidden, a.hidden)),
      output_(packed(a.output_weight, a.output_bias, a.outputs, a.hidden)) {
    const std::size_t number = gates_of(a.cell);
    for (const RecurrentArrays::Layer& layer : a.layers) {
        const std::size_t inputs = layers_.empty() ? a.channels : a.hidden;
        Layer made{gates(layer.input_weight, layer.input_bias, number, a.hidden, inputs),
                   gates(layer.hidden_weight, layer.hidden_bias, number, a.hidden, a.hidden)};
        if (!layers_.empty()) made.input.round_to(precision);
        made.hidden.round_to(precision);
        layers_.push_back(std::move(made));
    }
    for (std::size_t pad = a.outputs; pad < output_.outputs(); ++pad)  // cannot become the maximum
        output_.bias()[pad] = std::numeric_limits<float>::lowest();
    std::vector<Matrix*> order;
    for (Layer& layer : layers_) order.insert(order.end(), {&layer.input, &layer.hidden});
    order.insert(order.end(), {&head_, &output_});
    Matrix::set_prefetch_order(order);
}

class RecurrentRun final : public Run {
 public:
    RecurrentRun(const Recurrent& network, std::size_t streams)
        : net_(network),
          streams_(streams),
          width_(padded(network.hidden_)),
          gates_width_(network.layers_.front().hidden.outputs()),
          states_(network.layers_.size() * network.states(), Floats(streams * width_)),
          gates_(kMaxRows * gates_width_),
          hidden_gates_(streams * gates_width_),
          x_(kMaxRows * width_),
          head_(kMaxRows * width_),
          scratch_(kMaxRows, network.hidden_) {}

    void advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) override {
        const std::size_t count = streams_ * steps;
        for (std::size_t l = 0; l < net_.layers_.size(); ++l) {
            const Matrix& input = net_.layers_[l].input;
            if (l == 0) {
                input.apply(net_.kernels_, inputs, net_.channels_, count, gates_.data(), gates_width_);
                if (conditions != nullptr) net_.kernels_.add_vectors(conditions, 0, count, gates_width_, gates_.data());
            } else {
                Rows below(x_.data(), width_, count, width_, scratch_);
                input.apply(net_.kernels_, below, gates_.data(), gates_width_);
            }
            for (std::size_t step = 0; step < steps; ++step) advance_layer(l, step);
        }
        net_.head_.apply(net_.kernels_, x_.data(), width_, count, head_.data(), width_);
        relu(head_.data(), width_, count, width_);
        net_.output_.apply(net_.kernels_, head_.data(), width_, count, params, net_.output_.outputs());
    }

    void save(std::size_t stream, float* floats) const override {
        for (const Floats& state : states_) floats = std::copy_n(state.data() + stream * width_, net_.hidden_, floats);
    }

    void restore(std::size_t stream, const float* floats) override {
        for (Floats& state : states_) {
            fill_row(state.data() + stream * width_, floats, net_.hidden_, width_);
            floats += net_.hidden_;
        }
    }

 private:
    // Advances a layer by one step, from its inputs' gate contributions to h, which is copied for the next
    // layer.
    void advance_layer(std::size_t l, std::size_t step) {
        const Matrix& hidden = net_.layers_[l].hidden;
        float* h = states_[l * net_.states()].data();
        float* gates = gates_.data() + step * streams_ * gates_width_;
        Rows rows(h, width_, streams_, width_, scratch_);
        hidden.apply(net_.kernels_, rows, hidden_gates_.data(), gates_width_);
        for (std::size_t s = 0; s < streams_; ++s) {
            float *input = gates + s * gates_width_, *own = hidden_gates_.data() + s * gates_width_;
            if (net_.cell_ == Cell::gru) {
                net_.kernels_.gru(input, own, width_, h + s * width_);
            } else {
                for (std::size_t g = 0; g < gates_width_; ++g) input[g] += own[g];
                net_.kernels_.lstm(input, width_, states_[2 * l + 1].data() + s * width_, h + s * width_);
            }
        }
        std::copy_n(h, streams_ * width_, x_.data() + step * streams_ * width_);
    }

    const Recurrent& net_;
    std::size_t streams_, width_, gates_width_;
    std::vector<Floats> states_;  // per layer h and, for an LSTM, c
    Floats gates_, hidden_gates_, x_, head_;
    Rows::Scratch scratch_;
};

std::unique_ptr<Run> Recurrent::run(std::size_t streams, std::size_t) const {
    return std::make_unique<RecurrentRun>(*this, streams);
}

}  // namespace wavegen

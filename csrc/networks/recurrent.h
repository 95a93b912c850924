// GRU and LSTM networks with a perceptron on top, on a CPU.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

enum class Cell { gru, lstm };

constexpr std::size_t gates_of(Cell cell) { return cell == Cell::gru ? 3 : 4; }

// Arrays as PyTorch lays them out, (out, in) row-major. The first layer has `channels` inputs, the others `hidden`.
struct RecurrentArrays {
    Cell cell;
    std::size_t channels, hidden, outputs;
    struct Layer {
        const float *input_weight, *input_bias;    // (gates * hidden, channels or hidden)
        const float *hidden_weight, *hidden_bias;  // (gates * hidden, hidden)
    };
    std::vector<Layer> layers;
    const float *head_weight, *head_bias;      // (hidden, hidden)
    const float *output_weight, *output_bias;  // (outputs, hidden)
};

// params = V relu(U h + b) + c of the last layer's h; see Kernels::gru and Kernels::lstm for the cells. The inputs'
// and h's contributions to the gates are separate dot products, each starting from its own bias. A condition's vector
// is added to the inputs' contributions in the first layer. An LSTM adds the two.
class Recurrent final : public Network {
 public:
    // Rounds the weights of h and of all layers except the first to `precision`.
    Recurrent(const RecurrentArrays& arrays, const Kernels& kernels, Precision precision);

    std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const override;
    std::size_t channels() const override { return channels_; }
    std::size_t num_params() const override { return num_params_; }
    ConditionShape condition() const override { return {1, gates_of(cell_), hidden_}; }
    std::size_t state_floats() const override { return layers_.size() * states() * hidden_; }
    std::size_t stream_floats() const override { return layers_.size() * (2 + gates_of(cell_)) * padded(hidden_); }
    const Kernels& kernels() const override { return kernels_; }

 private:
    friend class RecurrentRun;
    struct Layer {
        Matrix input, hidden;
    };
    std::size_t states() const { return cell_ == Cell::gru ? 1 : 2; }

    const Kernels& kernels_;
    Cell cell_;
    std::size_t channels_, hidden_, num_params_;
    std::vector<Layer> layers_;
    Matrix head_, output_;
};

}  // namespace wavegen

// A multilayer perceptron over the last inputs, on a CPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

// Arrays as PyTorch lays them out, (out, in) row-major. The first layer's input is the last `order` inputs, oldest
// first.
struct MarkovArrays {
    std::size_t channels, order;
    struct Layer {
        const float *weight, *bias;  // (size, size of the previous layer)
        std::size_t size;
    };
    std::vector<Layer> layers;  // the last layer's output is the parameters
};

// params = W_n relu(… relu(W_1 inputs + b_1 + v) …) + b_n, v a condition's vector.
class Markov final : public Network {
 public:
    // Rounds the weights of all layers except the first and the last to `precision`.
    Markov(const MarkovArrays& arrays, const Kernels& kernels, Precision precision);

    std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const override;
    std::size_t channels() const override { return channels_; }
    std::size_t num_params() const override { return num_params_; }
    ConditionShape condition() const override { return {1, 1, first_}; }
    std::size_t state_floats() const override { return (order_ - 1) * channels_; }
    std::size_t stream_floats() const override { return (2 * order_ + kMaxRows + kLanes) * channels_; }
    const Kernels& kernels() const override { return kernels_; }

 private:
    friend class MarkovRun;
    std::size_t widest() const {
        std::size_t widest = 0;
        for (const Matrix& layer : layers_) widest = std::max(widest, layer.outputs());
        return widest;
    }

    const Kernels& kernels_;
    std::size_t channels_, order_, first_, num_params_;  // first_: the size of the first layer
    std::vector<Matrix> layers_;
};

}  // namespace wavegen

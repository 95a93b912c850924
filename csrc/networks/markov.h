// A perceptron over the last inputs, on a CPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "networks/matrix.h"
#include "networks/network.h"

namespace wavegen {

// Arrays as PyTorch lays them out, (out, in) row-major: the first layer hears the last `order` inputs, oldest first.
struct MarkovArrays {
    std::size_t channels, order;
    struct Layer {
        const float *weight, *bias;  // (size, size of the layer before)
        std::size_t size;
    };
    std::vector<Layer> layers;  // the last gives the parameters
};

// params = W_n relu(… relu(W_1 inputs + b_1) …) + b_n.
class Markov final : public Network {
 public:
    // The weights of all layers but the first and the last are rounded to `precision`.
    Markov(const MarkovArrays& arrays, const Kernels& kernels, Precision precision);

    std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const override;
    std::size_t channels() const override { return channels_; }
    std::size_t num_params() const override { return num_params_; }
    std::size_t state_floats() const override { return (order_ - 1) * channels_; }
    std::size_t stream_floats() const override { return (2 * order_ + kMostRows + kLanes) * channels_; }
    const Kernels& kernels() const override { return kernels_; }

 private:
    friend class MarkovRun;
    std::size_t widest() const {
        std::size_t most = 0;
        for (const Matrix& layer : layers_) most = std::max(most, layer.outputs());
        return most;
    }

    const Kernels& kernels_;
    std::size_t channels_, order_, num_params_;
    std::vector<Matrix> layers_;
};

}  // namespace wavegen

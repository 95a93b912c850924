// WaveNet on a CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "networks/matrix.h"
#include "networks/network.h"
#include "networks/wavenet_arrays.h"

namespace wavegen {

class WaveNet final : public Network {
 public:
    // Rounds the layers' weights to `precision`, but not those of the front and the head.
    WaveNet(const WaveNetArrays& arrays, const Kernels& kernels, Precision precision);

    std::unique_ptr<Run> run(std::size_t streams, std::size_t threads) const override;
    std::size_t channels() const override { return channels_; }
    std::size_t num_params() const override { return num_params_; }
    ConditionShape condition() const override { return {layers_.size(), 2, half_}; }
    std::size_t state_floats() const override;
    std::size_t stream_floats() const override;
    const Kernels& kernels() const override { return kernels_; }

 private:
    friend class WaveNetRun;
    friend class WaveNetTwoThreads;
    struct Layer {
        std::vector<Matrix> taps;  // oldest first, the current tap last; the first has the bias
        Matrix residual;           // empty in the last layer
        Matrix skip;               // the first layer's has the bias
        std::size_t dilation;
    };

    const Kernels& kernels_;
    std::size_t channels_, front_kernel_, residual_, half_, skip_, kernel_, num_params_;
    Matrix front_;  // all taps side by side
    std::vector<Layer> layers_;
    Matrix head_, output_;
};

}  // namespace wavegen

// A model in device memory, shared by all engines that run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/memory.h"
#include "cuda/model.h"
#include "distributions/tables.h"
#include "engine/inputs.h"
#include "networks/wavenet_arrays.h"

namespace wavegen::cuda {

// A categorical distribution, or a mixture of a component, with offsets of the log scales.
struct DistributionSettings {
    Quantizer quantizer;
    const Component* component;  // null: categorical
    std::vector<double> offsets;
    std::size_t num_params() const { return component == nullptr ? quantizer.num_symbols() : 3 * offsets.size(); }
};

// Columns of a row-major matrix, beginning at `weight`, and their bias, if any.
struct Block {
    const float* weight;
    std::size_t stride;
    const float* bias;
};

class Weights {
 public:
    // Rounds the layers' weights to bfloat16 if asked to, but not those of the front and the head.
    Weights(const WaveNetArrays& arrays, bool bfloat16, DistributionSettings distribution, Inputs inputs,
            std::size_t start_symbol);

    const DeviceModel& model() const { return model_; }
    const std::vector<DeviceLayer>& layers() const { return layers_; }
    const DistributionSettings& distribution() const { return distribution_; }
    const Inputs& inputs() const { return inputs_; }
    std::size_t start_symbol() const { return start_symbol_; }
    bool bfloat16() const { return bfloat16_; }
    std::size_t state_floats() const;  // per stream
    std::size_t condition_floats() const { return condition_offset(model_, model_.layers); }

 private:
    DeviceMatrix float32(std::size_t inputs, std::size_t outputs, const std::vector<Block>& blocks);
    DeviceMatrix rounded(std::size_t inputs, std::size_t outputs, const std::vector<Block>& blocks);
    void add_layers(const WaveNetArrays& arrays);
    void add_distribution();
    void add_inputs();

    bool bfloat16_;
    DistributionSettings distribution_;
    Inputs inputs_;
    std::size_t start_symbol_;
    DeviceModel model_{};
    std::vector<DeviceLayer> layers_;
    std::vector<DeviceArray<float>> floats_;
    std::vector<DeviceArray<std::uint16_t>> halves_;
    std::vector<DeviceArray<double>> doubles_;
    std::vector<DeviceArray<std::int32_t>> integers_;
    DeviceArray<std::uint32_t> below_;
    DeviceArray<Component::Node> nodes_;
    DeviceArray<DeviceLayer> device_layers_;
};

}  // namespace wavegen::cuda

// Mixtures of logistics or Gaussians over a codec's cells: three parameters a component.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "distributions/component.h"
#include "distributions/distribution.h"

namespace wavegen {

constexpr std::size_t kMostMixtures = 64;

// Parameters of K components: K logits of the weights, K means in scales from the location, K logarithms of the scale.
// `offsets` (K,) are added to these logarithms.
class Mixture final : public Head {
 public:
    Mixture(Grid grid, const Component& component, std::vector<double> offsets);
    std::unique_ptr<Law> law(const Kernels& kernels) const override;
    const Component& component() const { return component_; }
    const std::vector<double>& offsets() const { return offsets_; }

 private:
    const Component& component_;
    std::vector<double> offsets_;
};

}  // namespace wavegen

// Mixtures of logistics or Gaussians, integrated over a codec's cells: three parameters per component.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "distributions/component.h"
#include "distributions/distribution.h"

namespace wavegen {

constexpr std::size_t kMaxMixtures = 64;

// The parameters of K components: K logits of the weights; K means, relative to the location and in units of the
// scale; K log scales, to which `offsets` (K,) and then the location's log_unit are added.
class Mixture final : public Distribution {
 public:
    Mixture(Quantizer quantizer, const Component& component, std::vector<double> offsets);
    std::unique_ptr<Cumulative> cumulative(const Kernels& kernels) const override;
    const Component& component() const { return component_; }
    const std::vector<double>& offsets() const { return offsets_; }

 private:
    const Component& component_;
    std::vector<double> offsets_;
};

}  // namespace wavegen

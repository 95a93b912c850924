// A categorical distribution: one logit per symbol.
#pragma once

#include <cstddef>
#include <memory>

#include "distributions/distribution.h"

namespace wavegen {

constexpr std::size_t kMaxCategories = 4096;

class Categorical final : public Distribution {
 public:
    explicit Categorical(const Quantizer& quantizer);
    std::unique_ptr<Cumulative> cumulative(const Kernels& kernels) const override;
    bool takes_top_p() const override { return true; }
};

}  // namespace wavegen

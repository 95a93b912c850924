// One logit a symbol.
#pragma once

#include <cstddef>
#include <memory>

#include "distributions/distribution.h"

namespace wavegen {

constexpr std::size_t kMostCategories = 4096;

class Categorical final : public Head {
 public:
    explicit Categorical(const Grid& grid);
    std::unique_ptr<Law> law(const Kernels& kernels) const override;
    bool takes_top_p() const override { return true; }
};

}  // namespace wavegen

#include "distributions/component.h"

namespace wavegen {

// The densities are integers below 2^52, so every number here is exact.
Component::Component(const std::vector<double>& densities)
    : nodes_(densities.size()), last_(static_cast<double>(densities.size() - 1)) {
    constexpr double kUnit = 1.0 / 4503599627370496.0;  // 2^-52
    for (std::size_t i = densities.size(); i-- > 0;) {
        nodes_[i].density = densities[i] * kUnit;
        nodes_[i].tail =
            i + 1 < densities.size() ? nodes_[i + 1].tail + nodes_[i].density + nodes_[i + 1].density : 0.0;
    }
}

const Component& Component::logistic() {
    static const Component component({
#include "distributions/tables/logistic.inl"
    });
    return component;
}

const Component& Component::gaussian() {
    static const Component component({
#include "distributions/tables/gaussian.inl"
    });
    return component;
}

}  // namespace wavegen

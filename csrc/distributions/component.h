// Tabulated cumulative distribution functions of mixture components.
#pragma once

#include <cstddef>
#include <vector>

#include "common/host_device.h"

namespace wavegen {

// F(z) as computed: non-decreasing in z, F(-z) = 1 - F(z), within 2e-8 of the exact function, and within 1e-13 of it
// at multiples of 1/64. The density is linear between these nodes:
//
//     F(-a) = tail[i + 1] + t (2 d[i + 1] + t (d[i] - d[i + 1])),   i = floor(64 a),   t = i + 1 - 64 a
//
// with d[i] = density[i] / 128, which decreases with i, and tail[i] = tail[i + 1] + d[i] + d[i + 1], all multiples
// of 2^-52 not above 1/2. All terms are non-negative and rounding is monotone, so within an interval F(-a) does not
// decrease as t grows from 0 to 1, where it equals tail[i] exactly; t itself is exact. 1 - F(-a) is monotone for the
// same reason, and both are exactly 1/2 at zero. Beyond the last node F(-a) is 0, which is not above the tail there.
class Component {
 public:
    static const Component& logistic();
    static const Component& gaussian();

    struct Node {
        double tail, density;
    };
    static WAVEGEN_HOST_DEVICE double below(double z, const Node* nodes, double last) {
        const double position = (z < 0.0 ? -z : z) * 64.0;
        if (!(position < last)) return z < 0.0 ? 0.0 : 1.0;
        const std::size_t i = static_cast<std::size_t>(position);
        const double t = static_cast<double>(i + 1) - position;
        const Node &inner = nodes[i], &outer = nodes[i + 1];
        const double tail = outer.tail + t * (2.0 * outer.density + t * (inner.density - outer.density));
        return z < 0.0 ? tail : 1.0 - tail;
    }
    double operator()(double z) const { return below(z, nodes_.data(), last_); }
    const std::vector<Node>& nodes() const { return nodes_; }

 private:
    explicit Component(const std::vector<double>& densities);

    std::vector<Node> nodes_;
    double last_;
};

}  // namespace wavegen

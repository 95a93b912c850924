// The distribution functions of a mixture's components, by tables.
#pragma once

#include <cstddef>
#include <vector>

#include "common/host_device.h"

namespace wavegen {

// F(z), non-decreasing in z as it is computed, F(-z) = 1 - F(z), within 2e-8 of the exact one and within 1e-13 of it at
// multiples of 1/64. Its density is linear between these nodes:
//
//     F(-u) = tail[i + 1] + t (2 d[i + 1] + t (d[i] - d[i + 1])),   i = floor(64 u),   t = i + 1 - 64 u
//
// with d[i] = density[i] / 128, which falls with i, and tail[i] = tail[i + 1] + d[i] + d[i + 1], all multiples of
// 2^-52 not above 1/2. All terms are non-negative and rounding is monotone, so within an interval F(-u) does not fall
// as t grows from 0 to 1, where it is exactly tail[i]; t itself is exact. 1 - F(-u) is then as monotone, and both are
// exactly 1/2 at zero. Beyond the last node F(-u) is 0, which is not above tail there.
class Component {
 public:
    static const Component& logistic();
    static const Component& gaussian();

    struct Node {
        double tail, density;
    };
    static WAVEGEN_BOTH double below(double z, const Node* nodes, double last) {
        const double place = (z < 0.0 ? -z : z) * 64.0;
        if (!(place < last)) return z < 0.0 ? 0.0 : 1.0;
        const std::size_t i = static_cast<std::size_t>(place);
        const double t = static_cast<double>(i + 1) - place;
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

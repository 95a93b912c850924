// Bindings of the adaptive coder.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "adaptive/coder.h"
#include "bindings/module.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

constexpr std::size_t kMaxSamples = std::size_t{1} << 28;  // 2 GiB of log-probabilities
constexpr std::size_t kPiece = std::size_t{1} << 15;       // a second or two, after which interrupts are checked
constexpr int kLowestCode = -32768, kHighestCode = 32767;

// Copies the array: Python may modify it while the GIL is released.
std::vector<std::int16_t> checked(const Array<std::int16_t, 1>& pcm) {
    within(pcm.size(), 0, kMaxSamples, "the number of samples");
    return {pcm.data(), pcm.data() + pcm.size()};
}

Result<double> adaptive_log2_prob(const Array<std::int16_t, 1>& pcm) {
    const std::vector<std::int16_t> codes = checked(pcm);
    Owned<double> log2_prob({codes.size()});
    AdaptiveMixture mixture;
    for (std::size_t start = 0; start < codes.size(); start += kPiece) {
        {
            nb::gil_scoped_release released;
            const std::size_t end = std::min(start + kPiece, codes.size());
            for (std::size_t t = start; t < end; ++t) log2_prob.data()[t] = std::log2(mixture.learn(codes[t]));
        }
        if (PyErr_CheckSignals() != 0) throw nb::python_error();
    }
    return log2_prob.release();
}

Result<double> adaptive_next_log2_prob(const Array<std::int16_t, 1>& history) {
    const std::vector<std::int16_t> codes = checked(history);
    Owned<double> log2_prob({std::size_t(kHighestCode - kLowestCode + 1)});
    {
        nb::gil_scoped_release released;
        AdaptiveMixture mixture;
        for (const std::int16_t code : codes) mixture.learn(code);
        for (int code = kLowestCode; code <= kHighestCode; ++code)
            log2_prob.data()[code - kLowestCode] = std::log2(mixture.probability(code));
    }
    return log2_prob.release();
}

}  // namespace

void bind_adaptive(nb::module_& m) {
    m.def("adaptive_log2_prob", &adaptive_log2_prob, "pcm"_a.noconvert(),
          "log2 P of each code of a recording, (samples,) int16 to (samples,) float64, each from those before it.");
    m.def("adaptive_next_log2_prob", &adaptive_next_log2_prob, "history"_a.noconvert(),
          "log2 P of each code that may follow (samples,) int16, (65536,) float64, code -32768 first.");
}

}  // namespace wavegen

// Checks of a model's parts, before anything is allocated.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "distributions/distribution.h"
#include "distributions/tables.h"
#include "engine/inputs.h"

namespace wavegen {

constexpr std::size_t kMaxChannels = 4096;
constexpr std::size_t kMaxSamplesPerCall = std::size_t{1} << 28;  // 2 GiB of log-probabilities
constexpr std::size_t kMaxFloats = std::size_t{1} << 32;          // 16 GiB of weights, or of streams' state
constexpr std::size_t kMaxPredictorTaps = 1024, kMaxLag = 1 << 14;

inline Quantizer checked_quantizer(const Array<std::int32_t, 1>& codes, std::size_t max_symbols) {
    within(codes.shape(0), 2, max_symbols, "the number of symbols");
    std::int64_t total = 0;
    for (std::size_t k = 0; k < codes.shape(0); ++k) {
        if (codes.data()[k] < 1) throw std::invalid_argument("codes_per_symbol has a symbol that no PCM code has");
        total += codes.data()[k];
    }
    require(total == kPcmCodes, "codes_per_symbol sums to " + std::to_string(total) + ", must sum to 65536");
    return Quantizer({codes.data(), codes.data() + codes.shape(0)});
}

// Numbers of filters must be within float32, so that no location overflows in float64 and becomes a NaN.
inline void moderate(const std::vector<double>& numbers, const char* name) {
    for (const double x : numbers)
        if (!(std::abs(x) <= std::numeric_limits<float>::max()))
            throw std::invalid_argument(std::string(name) + " has values that are not finite or too large");
}

inline std::vector<double> checked_weights(const Array<float, 1>& weights) {
    within(weights.shape(0), 0, kMaxPredictorTaps, "the number of predictor_weights");
    finite(weights, "predictor_weights");
    return {weights.data(), weights.data() + weights.size()};
}

inline std::vector<double> checked_filter(const Array<double, 1>& filter, std::size_t pitch_columns) {
    if (filter.size() == 0) return {};
    const std::size_t columns = kUnitColumns + pitch_columns;
    within(filter.shape(0), 1 + columns, kMaxPredictorTaps + columns, "the length of predictor_filter");
    shaped(filter, {filter.shape(0)}, "predictor_filter");
    std::vector<double> numbers(filter.data(), filter.data() + filter.size());
    moderate(numbers, "predictor_filter");
    return numbers;
}

inline PredictorArrays checked_predictor(const Array<float, 1>& weights, const Array<double, 1>& filter,
                                         std::size_t max_lag) {
    within(max_lag, 0, kMaxLag, "predictor_max_lag");
    PredictorArrays predictor{checked_weights(weights), {}, max_lag};
    predictor.filter = checked_filter(filter, predictor.pitch_columns());
    require(predictor.filter.empty() || predictor.weights.empty(), "a predictor has weights or a filter, not both");
    require(max_lag == 0 || !predictor.filter.empty(), "a predictor_max_lag needs a predictor_filter");
    return predictor;
}

inline Inputs checked_inputs(const Array<float, 2>& table, const Array<float, 1>& error_table,
                             PredictorArrays predictor, const Array<std::int32_t, 1>& code_of_symbol,
                             std::size_t num_symbols) {
    within(table.shape(1), 1, kMaxChannels, "the number of columns of input_table");
    weight(table, {num_symbols, table.shape(1)}, "input_table");
    require(error_table.size() == 0 || error_table.size() == kPcmCodes, "error_table must have 65536 values or none");
    finite(error_table, "error_table");
    require(predictor.filter.empty() || error_table.size() != 0, "a predictor_filter needs an error_table");
    shaped(code_of_symbol, {num_symbols}, "code_of_symbol");
    for (std::size_t k = 0; k < num_symbols; ++k)
        if (code_of_symbol.data()[k] < -32768 || code_of_symbol.data()[k] > 32767)
            throw std::invalid_argument("code_of_symbol has values beyond 16 bits");
    return {{table.data(), table.data() + table.size()},
            {error_table.data(), error_table.data() + error_table.size()},
            std::move(predictor),
            {code_of_symbol.data(), code_of_symbol.data() + num_symbols}};
}

inline Sampling checked_sampling(bool takes_top_p, double temperature, double top_p, bool exact) {
    const float divisor = static_cast<float>(temperature);
    require(std::isnormal(divisor) && divisor > 0, "temperature must be a positive number");
    require(top_p > 0.0 && top_p <= 1.0, "top_p must be above 0 and at most 1");
    require(top_p == 1.0 || takes_top_p, "top_p must be 1 for a mixture");
    return {divisor, top_p, exact};
}

}  // namespace wavegen

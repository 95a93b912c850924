// What a network hears of the sample before, and where a linear predictor expects the next one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/host_device.h"

namespace wavegen {

// Where an error table has an error: that of the nearest of the 65536 codes, halves upwards.
WAVEGEN_BOTH inline std::uint32_t place_of_error(double error) {
    const double shifted = error + 0.5, raised = shifted < -32768.0 ? -32768.0 : shifted;
    const double code = 32767.0 < raised ? 32767.0 : raised;
    const std::int32_t truncated = static_cast<std::int32_t>(code);
    return static_cast<std::uint32_t>(truncated + 32768 - (static_cast<double>(truncated) > code ? 1 : 0));
}

// The codes of the last symbols, newest first, zeros before a file, and the location that was given after them.
struct Past {
    std::vector<std::int32_t> codes;
    double expected;
};

// A row of `table` for the symbol before and, if there is an `error_table`, its entry for how far that symbol's code
// fell from the location given for it: to the nearest of the 65536 codes, halves upwards.
//
//     location = Σ_i weights[i] codes[i], float64, in ascending i; without weights it is zero
class Inputs {
 public:
    Inputs(std::vector<float> table, std::vector<float> error_table, std::vector<double> weights,
           std::vector<std::int32_t> code_of_symbol)
        : table_(std::move(table)),
          error_table_(std::move(error_table)),
          weights_(std::move(weights)),
          code_of_symbol_(std::move(code_of_symbol)),
          columns_(table_.size() / code_of_symbol_.size()) {}

    std::size_t channels() const { return columns_ + (error_table_.empty() ? 0 : 1); }
    std::size_t taps() const { return weights_.size(); }
    const std::vector<float>& table() const { return table_; }
    const std::vector<float>& error_table() const { return error_table_; }
    const std::vector<double>& weights() const { return weights_; }
    const std::vector<std::int32_t>& code_of_symbol() const { return code_of_symbol_; }
    Past past_of(std::vector<std::int32_t> codes) const {
        const double expected = location(codes);
        return {std::move(codes), expected};
    }

    // Writes a row of channels() and gives the next sample's location; the past moves on.
    double hear(std::size_t symbol_before, Past& past, float* row) const {
        const float* heard = table_.data() + symbol_before * columns_;
        row = std::copy(heard, heard + columns_, row);
        const std::int32_t code = code_of_symbol_[symbol_before];
        if (!error_table_.empty()) *row = error_table_[place_of_error(static_cast<double>(code) - past.expected)];
        if (past.codes.empty()) return 0.0;
        std::copy_backward(past.codes.begin(), past.codes.end() - 1, past.codes.end());
        past.codes.front() = code;
        return past.expected = location(past.codes);
    }

 private:
    double location(const std::vector<std::int32_t>& codes) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < weights_.size(); ++i) sum += weights_[i] * static_cast<double>(codes[i]);
        return sum;
    }

    std::vector<float> table_, error_table_;
    std::vector<double> weights_;
    std::vector<std::int32_t> code_of_symbol_;
    std::size_t columns_;
};

}  // namespace wavegen

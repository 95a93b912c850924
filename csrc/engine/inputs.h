// The network's input for the previous sample, and the linear prediction of the next one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/host_device.h"

namespace wavegen {

// The index into an error table: the nearest of the 65536 codes, halves rounded up.
WAVEGEN_HOST_DEVICE inline std::uint32_t error_index(double error) {
    const double shifted = error + 0.5, raised = shifted < -32768.0 ? -32768.0 : shifted;
    const double code = 32767.0 < raised ? 32767.0 : raised;
    const std::int32_t truncated = static_cast<std::int32_t>(code);
    return static_cast<std::uint32_t>(truncated + 32768 - (static_cast<double>(truncated) > code ? 1 : 0));
}

// The codes of the last symbols, newest first (zeros before the start), and the location predicted from them.
struct CodeHistory {
    std::vector<std::int32_t> codes;
    double expected;
};

// The input is a row of `table` for the previous symbol. With an `error_table` it has one more channel: the table's
// entry for the prediction error of that symbol's code, rounded to the nearest of the 65536 codes, halves up.
//
//     location = Σ_i weights[i] codes[i], float64, in ascending i; zero without weights
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
    CodeHistory history_of(std::vector<std::int32_t> codes) const {
        const double expected = location(codes);
        return {std::move(codes), expected};
    }

    // Writes the input, a row of channels(), appends the symbol to the history and returns the next sample's
    // location.
    double write_input(std::size_t symbol_before, CodeHistory& history, float* row) const {
        const float* entry = table_.data() + symbol_before * columns_;
        row = std::copy(entry, entry + columns_, row);
        const std::int32_t code = code_of_symbol_[symbol_before];
        if (!error_table_.empty()) *row = error_table_[error_index(static_cast<double>(code) - history.expected)];
        if (history.codes.empty()) return 0.0;
        std::copy_backward(history.codes.begin(), history.codes.end() - 1, history.codes.end());
        history.codes.front() = code;
        return history.expected = location(history.codes);
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

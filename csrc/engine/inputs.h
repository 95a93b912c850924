// The network's input for the previous sample, and the linear prediction of the next one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/host_device.h"
#include "distributions/location.h"

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

// The last numbers of a filter: the gain that scales errors to inputs, and the location's log_unit.
constexpr std::size_t kUnitColumns = 2;
// The numbers between them and the taps, of filters with a pitch: the lag in samples, 0 where there is none, and what
// of the filter's error comes again after it.
constexpr std::size_t kPitchColumns = 2;

// How the last codes predict the next one, newest first: by `weights` that never change, by a filter for each sample,
// or, if both are empty, not at all. `filter` is for calls without conditions.
struct PredictorArrays {
    std::vector<double> weights;  // (taps,)
    std::vector<double> filter;   // (taps + pitch_columns() + kUnitColumns,)
    std::size_t max_lag = 0;      // samples; 0: filters have no pitch

    std::size_t pitch_columns() const { return max_lag == 0 ? 0 : kPitchColumns; }
    std::size_t taps() const {
        return filter.empty() ? weights.size() : filter.size() - kUnitColumns - pitch_columns();
    }
};

// The input is a row of `table` for the previous symbol. With an `error_table` it has one more channel: the table's
// entry for the prediction error of that symbol's code, rounded to the nearest of the 65536 codes, halves up. With
// filters it has two: of the last sample's error and of the location, both times the gain of the next sample's filter;
// with a pitch a third one, of the filter's error one lag before.
//
//     location = Σ_i weights[i] codes[i], float64, in ascending i; zero without weights
//     error one lag before = b_0 − Σ_i weights[i] b_{i + 1}, b_j between the two codes j + lag before the next sample
//
// With a pitch, the location has its gain times that error more.
class Inputs {
 public:
    Inputs(std::vector<float> table, std::vector<float> error_table, PredictorArrays predictor,
           std::vector<std::int32_t> code_of_symbol)
        : table_(std::move(table)),
          error_table_(std::move(error_table)),
          predictor_(std::move(predictor)),
          code_of_symbol_(std::move(code_of_symbol)),
          columns_(table_.size() / code_of_symbol_.size()),
          taps_(predictor_.taps()) {}

    std::size_t channels() const {
        if (error_table_.empty()) return columns_;
        return columns_ + 1 + (has_filters() ? 1 : 0) + (has_pitch() ? 1 : 0);
    }
    std::size_t taps() const { return taps_; }
    bool has_filters() const { return !predictor_.filter.empty(); }
    bool has_pitch() const { return predictor_.max_lag != 0; }
    // How many codes before the next one matter.
    std::size_t history_codes() const { return has_pitch() ? predictor_.max_lag + taps_ + 1 : taps_; }
    std::size_t filter_width() const { return predictor_.filter.size(); }
    const double* filter() const { return has_filters() ? predictor_.filter.data() : nullptr; }
    const std::vector<float>& table() const { return table_; }
    const std::vector<float>& error_table() const { return error_table_; }
    const std::vector<double>& weights() const { return predictor_.weights; }
    const std::vector<std::int32_t>& code_of_symbol() const { return code_of_symbol_; }

    // The history of these codes. With filters they do not tell the location: it is zero, as at the start.
    CodeHistory history_of(std::vector<std::int32_t> codes) const {
        const double expected = has_filters() ? 0.0 : predicted(codes, predictor_.weights.data());
        return {std::move(codes), expected};
    }

    // Writes the input, a row of channels(), appends the symbol to the history and returns the next sample's
    // location. `filter` is that of the next sample, filter_width() numbers, null without filters.
    Location write_input(std::size_t symbol_before, CodeHistory& history, const double* filter, float* row) const {
        const float* entry = table_.data() + symbol_before * columns_;
        row = std::copy(entry, entry + columns_, row);
        const std::int32_t code = code_of_symbol_[symbol_before];
        const double error = static_cast<double>(code) - history.expected;
        if (filter != nullptr) return write_filtered(code, error, history, filter, row);
        if (!error_table_.empty()) *row = error_table_[error_index(error)];
        if (history.codes.empty()) return {0.0, 0.0};
        append(code, history.codes);
        return {history.expected = predicted(history.codes, predictor_.weights.data()), 0.0};
    }

 private:
    Location write_filtered(std::int32_t code, double error, CodeHistory& history, const double* filter,
                            float* row) const {
        const double* pitch = filter + taps_;
        const double* unit = pitch + predictor_.pitch_columns();
        append(code, history.codes);
        history.expected = predicted(history.codes, filter);
        if (has_pitch()) {
            const double before = error_one_lag_before(history.codes, filter, pitch[0]);
            history.expected += pitch[1] * before;
            row[2] = error_table_[error_index(before * unit[0])];
        }
        row[0] = error_table_[error_index(error * unit[0])];
        row[1] = error_table_[error_index(history.expected * unit[0])];
        return {history.expected, unit[1]};
    }

    double error_one_lag_before(const std::vector<std::int32_t>& codes, const double* filter, double lag) const {
        if (!(lag >= 1.0)) return 0.0;
        const double longest = static_cast<double>(predictor_.max_lag), within = longest < lag ? longest : lag;
        const auto whole = static_cast<std::size_t>(within);
        const double part = within - static_cast<double>(whole);
        const std::int32_t* newest = codes.data() + whole - 1;
        const auto back = [&](std::size_t j) {
            return (1.0 - part) * static_cast<double>(newest[j]) + part * static_cast<double>(newest[j + 1]);
        };
        double error = back(0);
        for (std::size_t i = 0; i < taps_; ++i) error -= filter[i] * back(i + 1);
        return error;
    }

    static void append(std::int32_t code, std::vector<std::int32_t>& codes) {
        std::copy_backward(codes.begin(), codes.end() - 1, codes.end());
        codes.front() = code;
    }

    double predicted(const std::vector<std::int32_t>& codes, const double* weights) const {
        double sum = 0.0;
        for (std::size_t i = 0; i < taps_; ++i) sum += weights[i] * static_cast<double>(codes[i]);
        return sum;
    }

    std::vector<float> table_, error_table_;
    PredictorArrays predictor_;
    std::vector<std::int32_t> code_of_symbol_;
    std::size_t columns_, taps_;
};

}  // namespace wavegen

// Small networks, distributions and inputs of all kinds, with the same numbers on every machine, for programs that
// test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "distributions/categorical.h"
#include "distributions/mixture.h"
#include "engine/conditions.h"
#include "engine/inputs.h"
#include "networks/conditioner.h"
#include "networks/markov.h"
#include "networks/recurrent.h"
#include "networks/wavenet.h"

namespace wavegen {

constexpr std::size_t kChannels = 3, kWidth = 20;

inline std::mt19937& random_numbers() {
    static std::mt19937 random(1);
    return random;
}

// What is drawn from here on is what was drawn at first.
inline void start_over() { random_numbers().seed(1); }

inline const float* drawn(std::size_t count) {  // kept until the end
    static std::vector<std::unique_ptr<std::vector<float>>> all;
    all.push_back(std::make_unique<std::vector<float>>(count));
    for (float& x : *all.back()) x = static_cast<float>(random_numbers()() % 1000) / 2500.0f - 0.2f;
    return all.back()->data();
}

inline std::shared_ptr<Network> wavenet(std::size_t outputs, const Kernels& kernels, Precision precision) {
    static const std::int32_t dilations[] = {1, 2, 20};
    const std::size_t layers = 3, gates = 2 * kWidth;
    return std::make_shared<WaveNet>(WaveNetArrays{kChannels,
                                                   4,
                                                   kWidth,
                                                   kWidth,
                                                   kWidth,
                                                   layers,
                                                   2,
                                                   outputs,
                                                   dilations,
                                                   drawn(kWidth * 4 * kChannels),
                                                   drawn(kWidth),
                                                   drawn(layers * gates * 2 * kWidth),
                                                   drawn(layers * gates),
                                                   drawn((layers - 1) * kWidth * kWidth),
                                                   drawn((layers - 1) * kWidth),
                                                   drawn(kWidth * layers * kWidth),
                                                   drawn(kWidth),
                                                   drawn(kWidth * kWidth),
                                                   drawn(kWidth),
                                                   drawn(outputs * kWidth),
                                                   drawn(outputs)},
                                     kernels, precision);
}

inline std::shared_ptr<Network> recurrent(Cell cell, std::size_t outputs, const Kernels& kernels, Precision precision) {
    const std::size_t gates = gates_of(cell) * kWidth;
    return std::make_shared<Recurrent>(
        RecurrentArrays{cell,
                        kChannels,
                        kWidth,
                        outputs,
                        {{drawn(gates * kChannels), drawn(gates), drawn(gates * kWidth), drawn(gates)},
                         {drawn(gates * kWidth), drawn(gates), drawn(gates * kWidth), drawn(gates)}},
                        drawn(kWidth * kWidth),
                        drawn(kWidth),
                        drawn(outputs * kWidth),
                        drawn(outputs)},
        kernels, precision);
}

inline std::shared_ptr<Network> markov(std::size_t outputs, const Kernels& kernels, Precision precision) {
    return std::make_shared<Markov>(MarkovArrays{kChannels,
                                                 8,
                                                 {{drawn(kWidth * 8 * kChannels), drawn(kWidth), kWidth},
                                                  {drawn(kWidth * kWidth), drawn(kWidth), kWidth},
                                                  {drawn(outputs * kWidth), drawn(outputs), outputs}}},
                                    kernels, precision);
}

constexpr std::size_t kTaps = 5, kMaxLag = 9;  // of the predictor that goes with a mixture

enum class Kind { categorical, mixture, filtered };  // a distribution with its predictor
constexpr Kind kKinds[] = {Kind::categorical, Kind::mixture, Kind::filtered};
constexpr std::size_t kPredictorChannels[] = {0, 1, 3};
constexpr const char* kKindNames[] = {"categorical", "mixture", "filtered"};

// Filters do not meet a precision: one is enough.
inline bool is_tried(Kind kind, Precision precision) {
    return kind != Kind::filtered || precision == Precision::float32;
}

// Without a predictor for a categorical distribution; with filters, which have a pitch, there are two more channels.
inline Inputs inputs(std::size_t symbols, Kind kind) {
    std::vector<std::int32_t> codes(symbols);
    for (std::size_t k = 0; k < symbols; ++k) codes[k] = static_cast<std::int32_t>(k * (65536 / symbols)) - 32768;
    const std::size_t columns = kChannels - kPredictorChannels[static_cast<std::size_t>(kind)];
    const float* table = drawn(symbols * columns);
    const float* errors = drawn(65536);
    PredictorArrays predictor;
    if (kind == Kind::mixture) predictor.weights.assign(kTaps, 0.01);
    if (kind == Kind::filtered) {
        predictor.filter.assign(kTaps + kPitchColumns + kUnitColumns, 0.01);
        predictor.max_lag = kMaxLag;
    }
    return {{table, table + symbols * columns},
            kind == Kind::categorical ? std::vector<float>() : std::vector<float>(errors, errors + 65536),
            predictor,
            codes};
}

inline std::shared_ptr<Distribution> distribution(Kind kind) {
    const bool mixed = kind != Kind::categorical;
    const std::size_t symbols = mixed ? 65536 : 256;
    const Quantizer quantizer(std::vector<std::int32_t>(symbols, static_cast<std::int32_t>(65536 / symbols)));
    if (mixed) return std::make_shared<Mixture>(quantizer, Component::logistic(), std::vector<double>(4));
    return std::make_shared<Categorical>(quantizer);
}

// Frames of `hop` samples for every stream, encoded for a network: a stream begins within its first frame. Each has a
// filter of `filter_width` numbers.
class Conditioned {
 public:
    Conditioned(const Network& network, std::size_t streams, std::size_t samples, std::size_t filter_width = 0)
        : frames_(static_cast<std::uint32_t>((samples + 2 * kHop - 2) / kHop)) {
        const ConditionShape shape = network.condition();
        const std::size_t outputs = shape.layers * shape.parts * shape.width, count = streams * frames_;
        const ConditionerArrays arrays = {kWindow,
                                          kWidth,
                                          kSpeakers,
                                          shape,
                                          drawn(kWidth * kWindow),
                                          drawn(kWidth),
                                          drawn(kSpeakers * kWidth),
                                          drawn(kWidth * kWidth),
                                          drawn(kWidth),
                                          drawn(outputs * kWidth)};
        const Conditioner conditioner(arrays, network.kernels());
        std::vector<std::uint32_t> speakers;
        for (std::size_t i = 0; i < count; ++i) {
            rows_.push_back(static_cast<std::uint32_t>(count - 1 - i));
            speakers.push_back(static_cast<std::uint32_t>(i % kSpeakers));
        }
        for (std::size_t s = 0; s < streams; ++s) phases_.push_back(static_cast<std::uint32_t>(s % kHop));
        vectors_.resize(count * shape.floats());
        conditioner.encode(drawn(count * kWindow), speakers.data(), count, vectors_.data());
        if (filter_width != 0) {
            const float* numbers = drawn(count * filter_width);
            filters_.assign(numbers, numbers + count * filter_width);
            for (std::size_t i = 0; i < count; ++i)
                filters_[i * filter_width + kTaps] =
                    0.625 * static_cast<double>(i % 16);  // some below one, one too long
        }
        all_ = {vectors_.data(), rows_.data(), phases_.data(), count,
                shape.floats(),  frames_,      kHop,           filters_.empty() ? nullptr : filters_.data(),
                filter_width};
    }
    const Conditions* all() const { return &all_; }
    const std::vector<float>& vectors() const { return vectors_; }

 private:
    static constexpr std::uint32_t kHop = 7, kWindow = 15, kSpeakers = 3;
    std::uint32_t frames_;
    std::vector<float> vectors_;
    std::vector<std::uint32_t> rows_, phases_;
    std::vector<double> filters_;
    Conditions all_;
};

inline std::vector<std::shared_ptr<Network>> networks(std::size_t outputs, const Kernels& kernels,
                                                      Precision precision) {
    return {wavenet(outputs, kernels, precision), recurrent(Cell::gru, outputs, kernels, precision),
            recurrent(Cell::lstm, outputs, kernels, precision), markov(outputs, kernels, precision)};
}

}  // namespace wavegen

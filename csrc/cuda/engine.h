// Streams of one WaveNet on a GPU, with the interface of the CPU's Engine except for coding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cuda/kernels.h"
#include "cuda/weights.h"
#include "distributions/distribution.h"
#include "engine/conditions.h"

namespace wavegen::cuda {

enum class Kernel { automatic, throughput, latency };

class Engine {
 public:
    Engine(std::shared_ptr<const Weights> weights, std::size_t streams, Kernel kernel);

    // See engine/engine.h. Each call is one launch and cannot be interrupted.
    void generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling, const Conditions* conditions,
                  std::uint16_t* symbols, double* log2_prob);
    void feed(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions, double* log2_prob);
    std::uint64_t save(float* network, std::int16_t* codes, double* locations, std::uint16_t* last);
    void restore(const float* network, const std::int16_t* codes, const double* locations, const std::uint16_t* last,
                 std::uint64_t time);

    std::size_t streams() const { return streams_; }
    std::size_t num_symbols() const { return weights_->model().distribution.symbols; }
    std::size_t state_floats() const { return weights_->state_floats(); }
    std::size_t state_codes() const { return weights_->model().inputs.taps; }
    std::size_t state_locations() const { return 0; }  // it runs no model with filters
    std::size_t filter_width() const { return 0; }
    std::size_t condition_floats() const { return weights_->condition_floats(); }
    const char* kernel() const {
        if (!plan_) return "throughput";
        return plan_->cluster ? "latency-cluster" : "latency-grid";
    }
    bool fell_back() const {
        return fell_back_;
    }  // the layers' weights do not fit on chip, or there are too many streams
    bool takes_top_p() const { return weights_->distribution().component == nullptr; }

 private:
    struct Ring {  // of one signal
        std::size_t width, slots, start;
    };
    Launch launch(std::size_t count, const Conditions* conditions);
    Conditions upload(const Conditions& conditions);
    void run(const Launch& launch);
    void check_broken() const;
    void start_streams();
    std::vector<Ring> rings() const;
    template <class Move>
    void move_rows(std::size_t stream, const Move& move) const;
    std::size_t group_floats() const { return weights_->model().ring_floats * width_; }

    std::shared_ptr<const Weights> weights_;
    std::size_t streams_;
    bool fell_back_ = false;
    std::optional<LatencyPlan> plan_;  // of the latency kernel; if none, shape_ of the throughput kernel
    ThroughputShape shape_{};
    std::size_t width_, groups_;  // how streams are grouped in memory
    DeviceArray<float> rings_;
    DeviceArray<std::int32_t> codes_;
    DeviceArray<double> expected_, log2_prob_;
    DeviceArray<std::uint32_t> last_, not_finite_, next_;
    DeviceArray<std::uint64_t> seeds_;
    DeviceArray<std::uint16_t> symbols_;
    DeviceArray<float> condition_vectors_;
    DeviceArray<std::uint32_t> condition_rows_, condition_phases_;
    DeviceArray<char> spilled_, messages_;
    std::uint64_t time_ = 0, pushed_ = 0;  // steps since the start of the file, and since the rings were filled
    const char* broken_ = nullptr;         // the error of every call except `restore`
    std::mutex busy_;
};

}  // namespace wavegen::cuda

// One WaveNet stream on two cores.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "common/wakeup.h"
#include "engine/autotune.h"
#include "networks/wavenet_run.h"

namespace wavegen {

// The leading thread adds conditions and computes current taps, gates and residuals, layer by layer. The following
// thread adds the skip connections and computes the past taps of the next steps. Both share the head. The bits are
// those of one thread, since the order within each dot product is unchanged. Waiting threads spin; on busy cores two
// threads are slower than one, and Autotune then selects one.
class WaveNetTwoThreads final : public WaveNetRun {
 public:
    explicit WaveNetTwoThreads(const WaveNet& network);
    ~WaveNetTwoThreads() override;
    void advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) override;
    std::size_t threads() const override { return partner_.joinable() ? 2 : 1; }

 private:
    using Count = std::atomic<std::uint64_t>;

    void advance_together(const float* inputs, float* params, const float* const* conditions);
    void lead(const float* const* conditions);
    void follow();
    void finish_head(bool leading, float* params);
    void serve();

    // The progress of one thread, in a cache line of its own: layers finished, counted over all steps, and steps
    // whose skip sums, half of the hidden layer, and half of the outputs are finished. publish() is a release
    // store to these counters and wait_for() an acquire load, so data written before a counter is read safely
    // after it.
    struct alignas(64) Progress {
        Count layers{0}, skip{0}, hidden{0}, outputs{0};
    };
    Progress leader_, follower_;
    Wakeup wakeup_;  // one notification per step, and one at the end
    bool ends_ = false;

    std::uint64_t step_ = 0;
    float* params_ = nullptr;
    Floats xs_, zs_;  // of all layers: the follower may still read a layer that the leader has left
    Rows::Scratch follower_scratch_;
    Autotune autotune_;
    std::thread partner_;
};

}  // namespace wavegen

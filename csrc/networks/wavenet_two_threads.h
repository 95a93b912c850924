// One stream of a WaveNet on two cores.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "common/wakeup.h"
#include "engine/autotune.h"
#include "networks/wavenet_run.h"

namespace wavegen {

// While one thread computes current taps, gates and residuals, layer by layer, its partner follows with skip
// connections and the next steps' past taps; both share the head. The same bits as one thread's: each sum is still one
// chain. Waiting threads spin, so that on busy cores two are slower than one, and it goes on alone.
class WaveNetDuet final : public WaveNetRun {
 public:
    explicit WaveNetDuet(const WaveNet& network);
    ~WaveNetDuet() override;
    void advance(const float* heard, std::size_t steps, float* params) override;
    std::size_t threads() const override { return partner_.joinable() ? 2 : 1; }

 private:
    using Count = std::atomic<std::uint64_t>;

    void advance_together(const float* heard, float* params);
    void lead();
    void follow();
    void finish_head(bool leading, float* params);
    void serve();

    // What the two tell each other, on cache lines of their own: how many layers, of all steps so far, each is done
    // with, and how many steps' skip sums, and halves of the hidden layer and of the outputs.
    struct alignas(64) Said {
        Count layers{0}, skip{0}, hidden{0}, outputs{0};
    };
    Said leader_, follower_;
    Bell bell_;  // rings for each step, and at the end
    bool ends_ = false;

    std::uint64_t step_ = 0;
    float* params_ = nullptr;
    Floats xs_, zs_;  // of every layer: the partner may still read them when the leader is further
    Rows::Room follower_room_;
    Trial trial_;
    std::thread partner_;
};

}  // namespace wavegen

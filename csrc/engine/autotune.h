// Which of two ways to take a step is faster on this machine just now.
#pragma once

#include <algorithm>
#include <cstddef>

namespace wavegen {

// The two take turns in short bursts at the start and now and then, and the second is settled on if it wins most
// pairs: what interrupts a burst on a busy machine costs one vote. While it is settled on it is watched, and given up
// until the next trial when it takes longer than the first way did, in a window here and there or once by far.
class Trial {
 public:
    // Whether the next step is to be taken the second way.
    bool second() const { return trying() ? burst_ % 2 == 1 : second_; }

    // Whether took() wants to know how long that step takes.
    bool counts() const { return trying() || second_; }

    // The step is done, and took so long where that counts.
    void took(double seconds) { trying() ? tried(seconds) : watched(seconds); }

 private:
    static constexpr std::size_t kPairs = 5, kBurst = 16, kWarm = 4, kWindow = 64, kSettled = 16384;

    bool trying() const { return burst_ < 2 * kPairs; }

    void tried(double seconds) {
        if (++step_ > kWarm) time_ += seconds;
        const bool lost = burst_ % 2 == 1 && time_ > 4.0 * alone_;  // no need to see it through
        if (step_ < kBurst && !lost) return;
        if (burst_ % 2 == 0) {
            alone_ = time_;
            reference_ = burst_ == 0 ? time_ : std::min(reference_, time_);
        } else if (time_ < alone_) {
            ++wins_;
        }
        step_ = 0;
        time_ = 0.0;
        if (++burst_ == 2 * kPairs) second_ = 2 * wins_ > kPairs;
    }

    void watched(double seconds) {
        time_ += seconds;
        if (++step_ % kWindow == 0) {
            const double alone = reference_ * (static_cast<double>(kWindow) / (kBurst - kWarm));
            strikes_ = time_ > alone ? strikes_ + 2 : strikes_ - (strikes_ > 0);
            if (strikes_ >= 4 || time_ > 100.0 * alone) second_ = false;
            time_ = 0.0;
        }
        if (step_ == kSettled) *this = Trial();
    }

    std::size_t burst_ = 0, step_ = 0, wins_ = 0, strikes_ = 0;
    double time_ = 0.0, alone_ = 0.0, reference_ = 0.0;  // of a burst; the least of the first way's
    bool second_ = false;
};

}  // namespace wavegen

// Chooses at run time the faster of two implementations of a step.
#pragma once

#include <algorithm>
#include <cstddef>

namespace wavegen {

// Alternates the two implementations in short bursts, at the start and again after kSettled steps. The second is
// selected if it is faster in most pairs of bursts, so that one interrupted burst costs one vote only. While the second
// is selected its time is monitored. It is dropped until the next tuning phase if it takes longer than the first did,
// either in several windows or once by a factor of 100.
class Autotune {
 public:
    // Whether to run the next step with the second implementation.
    bool use_second() const { return tuning() ? burst_ % 2 == 1 : second_; }

    // Whether record() needs the time of the next step.
    bool needs_time() const { return tuning() || second_; }

    // Records a finished step and its time; `seconds` is ignored unless needs_time().
    void record(double seconds) { tuning() ? tune(seconds) : monitor(seconds); }

 private:
    static constexpr std::size_t kPairs = 5, kBurst = 16, kWarm = 4, kWindow = 64, kSettled = 16384;

    bool tuning() const { return burst_ < 2 * kPairs; }

    void tune(double seconds) {
        if (++step_ > kWarm) time_ += seconds;
        const bool lost = burst_ % 2 == 1 && time_ > 4.0 * first_time_;  // ends the burst early
        if (step_ < kBurst && !lost) return;
        if (burst_ % 2 == 0) {
            first_time_ = time_;
            reference_ = burst_ == 0 ? time_ : std::min(reference_, time_);
        } else if (time_ < first_time_) {
            ++wins_;
        }
        step_ = 0;
        time_ = 0.0;
        if (++burst_ == 2 * kPairs) second_ = 2 * wins_ > kPairs;
    }

    void monitor(double seconds) {
        time_ += seconds;
        if (++step_ % kWindow == 0) {
            const double first = reference_ * (static_cast<double>(kWindow) / (kBurst - kWarm));
            strikes_ = time_ > first ? strikes_ + 2 : strikes_ - (strikes_ > 0);
            if (strikes_ >= 4 || time_ > 100.0 * first) second_ = false;
            time_ = 0.0;
        }
        if (step_ == kSettled) *this = Autotune();
    }

    std::size_t burst_ = 0, step_ = 0, wins_ = 0, strikes_ = 0;
    double time_ = 0.0;                          // of this burst or window
    double first_time_ = 0.0, reference_ = 0.0;  // of the first implementation: its last burst, and its fastest
    bool second_ = false;
};

}  // namespace wavegen

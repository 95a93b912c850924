// Wakes one waiting thread from another.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace wavegen {

// Tells the CPU that this thread is in a spin loop.
inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// A counter of notifications. The waiting thread spins first, which has the lowest latency, then sleeps on a condition
// variable. `asleep_` is read and written under the mutex. Two sequentially consistent atomics would be enough in the
// C++ memory model, but QEMU's ARM emulation reorders a store and a later load, and then a notification was lost and
// both threads waited for ever.
class Wakeup {
 public:
    explicit Wakeup(int spins) : spins_(spins) {}

    void notify() {
        bool asleep;
        {
            const std::lock_guard<std::mutex> held(mutex_);
            count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
            asleep = asleep_;
        }
        if (asleep) condition_.notify_one();
    }

    // Returns when there have been more than `seen` notifications. Writes before notify() happen before the return.
    void wait(std::uint64_t seen) {
        const auto notified = [&] { return count_.load(std::memory_order_acquire) > seen; };
        for (int spins = 0; spins < spins_; ++spins) {
            if (notified()) return;
            relax();
        }
        std::unique_lock<std::mutex> held(mutex_);
        asleep_ = true;
        condition_.wait(held, notified);
        asleep_ = false;
    }

 private:
    const int spins_;
    alignas(64) std::atomic<std::uint64_t> count_{0};  // polled: shares its cache line with no other written data
    alignas(64) std::mutex mutex_;
    std::condition_variable condition_;
    bool asleep_ = false;
};

}  // namespace wavegen

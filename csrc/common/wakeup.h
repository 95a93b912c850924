// One thread rings when there is something for another to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace wavegen {

// What a thread that waits in a loop does with each turn of it.
inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Who waits spins first, for that is the fastest, and then sleeps. Whether somebody sleeps is looked up under a lock.
// Two atomics in sequentially consistent order would do, but not everywhere: QEMU's ARM takes a load before the store
// that precedes it, so that a ring now and then woke nobody, and both waited for ever.
class Bell {
 public:
    explicit Bell(int spins) : spins_(spins) {}

    void ring() {
        bool asleep;
        {
            const std::lock_guard<std::mutex> held(mutex_);
            rings_.store(rings_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
            asleep = asleep_;
        }
        if (asleep) wake_.notify_one();
    }

    // Returns once there were more rings than `heard`.
    void wait(std::uint64_t heard) {
        const auto rung = [&] { return rings_.load(std::memory_order_acquire) > heard; };
        for (int spins = 0; spins < spins_; ++spins) {
            if (rung()) return;
            relax();
        }
        std::unique_lock<std::mutex> held(mutex_);
        asleep_ = true;
        wake_.wait(held, rung);
        asleep_ = false;
    }

 private:
    const int spins_;
    alignas(64) std::atomic<std::uint64_t> rings_{0};  // read in a loop: no other thread writes to its cache line
    alignas(64) std::mutex mutex_;
    std::condition_variable wake_;
    bool asleep_ = false;
};

}  // namespace wavegen

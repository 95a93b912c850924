// Rings a bell for a thread that soon falls asleep, and says how often it was heard; or which ring was not, after ten
// seconds. Pauses end about when it falls asleep: the short ones under an emulator, the long ones here.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "common/wakeup.h"

int main(int, char** arguments) {
    const std::uint64_t rings = std::strtoull(arguments[1], nullptr, 10);
    wavegen::Bell bell(64);
    std::atomic<std::uint64_t> heard{0};
    std::uint64_t told = 0;  // by who rings to who hears: a race, if a bell did not order them
    std::thread listener([&] {
        for (std::uint64_t last = 0; last < rings; heard = ++last) {
            bell.wait(last);
            if (told != last + 1) std::printf("ring %llu told of %llu\n", last + 1ull, told + 0ull);
        }
    });
    std::uint64_t random = 1;
    for (std::uint64_t ring = 1; ring <= rings; ++ring) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (volatile std::uint64_t pause = (random >> 33) % (ring % 2 == 1 ? 400 : 6000); pause > 0;)
            pause = pause - 1;
        told = ring;
        bell.ring();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (heard < ring) {
            std::this_thread::yield();
            if (std::chrono::steady_clock::now() < until) continue;
            std::printf("ring %llu was not heard\n", ring + 0ull);
            std::fflush(stdout);
            std::_Exit(1);
        }
    }
    listener.join();
    std::printf("%llu rings were heard\n", heard.load() + 0ull);
}

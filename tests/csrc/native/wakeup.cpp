// Notifies a thread that soon falls asleep, and prints how many notifications arrived, or after ten seconds which one
// did not. Pauses end about when the thread falls asleep: the short ones under an emulator, the long ones on hardware.
#include "common/wakeup.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

int main(int, char** arguments) {
    const std::uint64_t count = std::strtoull(arguments[1], nullptr, 10);
    wavegen::Wakeup wakeup(64);
    std::atomic<std::uint64_t> received{0};
    std::uint64_t payload = 0;  // not atomic: a data race unless notify() synchronises with wait()
    std::thread waiter([&] {
        for (std::uint64_t last = 0; last < count; received = ++last) {
            wakeup.wait(last);
            if (payload != last + 1) std::printf("notification %llu carried %llu\n", last + 1ull, payload + 0ull);
        }
    });
    std::uint64_t random = 1;
    for (std::uint64_t sent = 1; sent <= count; ++sent) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (volatile std::uint64_t pause = (random >> 33) % (sent % 2 == 1 ? 400 : 6000); pause > 0;)
            pause = pause - 1;
        payload = sent;
        wakeup.notify();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (received < sent) {
            std::this_thread::yield();
            if (std::chrono::steady_clock::now() < until) continue;
            std::printf("notification %llu was lost\n", sent + 0ull);
            std::fflush(stdout);
            std::_Exit(1);
        }
    }
    waiter.join();
    std::printf("%llu notifications received\n", received.load() + 0ull);
}

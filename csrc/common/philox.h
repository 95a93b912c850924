// Counter-based random numbers: a pure function of the seed and the counter, independent of the batch.
#pragma once

#include <cstdint>

#include "common/host_device.h"

namespace wavegen {

struct Words {
    std::uint32_t word[4];
    WAVEGEN_HOST_DEVICE std::uint32_t operator[](int i) const { return word[i]; }
};

// Philox4x32 with ten rounds. Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.4.
WAVEGEN_HOST_DEVICE inline Words philox(Words counter, std::uint32_t key_low, std::uint32_t key_high) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
        const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {{static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key_low, static_cast<std::uint32_t>(second),
                    static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key_high,
                    static_cast<std::uint32_t>(first)}};
        key_low += 0x9E3779B9;
        key_high += 0xBB67AE85;
    }
    return counter;
}

// The random word of one sample of one stream: key = seed, counter = (time low, time high, draw, channel).
WAVEGEN_HOST_DEVICE inline std::uint32_t random_word(std::uint64_t seed, std::uint64_t time, std::uint32_t draw,
                                                     std::uint32_t channel) {
    const Words counter = {{static_cast<std::uint32_t>(time), static_cast<std::uint32_t>(time >> 32), draw, channel}};
    return philox(counter, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32))[0];
}

}  // namespace wavegen

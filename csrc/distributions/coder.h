// Lossless coding with the integer distribution C(k): range asymmetric numeral systems (Duda 2013, arXiv:1311.2540,
// section 3.3) with a 64-bit state and 32-bit words.
//
// An interval [start, start + count) has probability count / 2^30. Encoding it multiplies the state by about 2^30 /
// count. The low 30 bits of the new state, u, lie in the interval and identify it. A decoder reads u, looks it up in
// C as sampling does with a random u, and then consumes the interval found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "distributions/tables.h"

namespace wavegen {

constexpr std::uint64_t kMinState = std::uint64_t{1} << 32;  // the lower bound of the state between two intervals

struct Interval {
    std::uint32_t start, count;  // start + count <= kTotal, 0 < count < kTotal
};

// Collects intervals until finish(): rANS decodes in the reverse order of encoding.
class Encoder {
 public:
    void put(Interval interval) { intervals_.push_back(interval); }

    // The words from which a Decoder reads the intervals since the last call, in the order of put().
    std::vector<std::uint32_t> finish() {
        std::vector<std::uint32_t> words;
        std::uint64_t state = kMinState;
        for (auto interval = intervals_.rbegin(); interval != intervals_.rend(); ++interval) {
            const std::uint64_t count = interval->count;
            if (state >= count << 34) {  // the state would exceed 64 bits
                words.push_back(static_cast<std::uint32_t>(state));
                state >>= 32;
            }
            state = (state / count << 30) + state % count + interval->start;
        }
        words.push_back(static_cast<std::uint32_t>(state));
        words.push_back(static_cast<std::uint32_t>(state >> 32));
        intervals_.clear();
        return {words.rbegin(), words.rend()};
    }

 private:
    std::vector<Interval> intervals_;
};

// Decodes any words; finished() tells whether they were an encoder's.
class Decoder {
 public:
    explicit Decoder(std::vector<std::uint32_t> words) : words_(std::move(words)) {
        state_ = std::uint64_t{word()} << 32;
        state_ |= word();
    }

    std::uint32_t u() const { return static_cast<std::uint32_t>(state_ & (kTotal - 1)); }

    // Removes the interval that contains u() from the state.
    void consume(Interval interval) {
        state_ = interval.count * (state_ >> 30) + (u() - interval.start);
        if (state_ < kMinState) state_ = state_ << 32 | word();
    }

    // Whether all words have been read, none was missing, and the state is the encoder's initial one.
    bool finished() const { return !starved_ && next_ == words_.size() && state_ == kMinState; }

 private:
    std::uint32_t word() {
        if (next_ < words_.size()) return words_[next_++];
        starved_ = true;
        return 0;
    }

    std::vector<std::uint32_t> words_;
    std::size_t next_ = 0;
    bool starved_ = false;
    std::uint64_t state_;
};

// Interval i of n equally likely ones, n <= 2^16: [ceil(i 2^30 / n), ceil((i + 1) 2^30 / n)).
inline Interval even_interval(std::uint32_t i, std::uint32_t n) {
    const auto edge = [n](std::uint64_t j) { return static_cast<std::uint32_t>(((j << 30) + n - 1) / n); };
    return {edge(i), edge(i + 1) - edge(i)};
}

// The index i whose even_interval contains u.
inline std::uint32_t even_index(std::uint32_t u, std::uint32_t n) {
    return static_cast<std::uint32_t>(std::uint64_t{u} * n >> 30);
}

}  // namespace wavegen

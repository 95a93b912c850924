// Lossless coding of what C(k) says: range asymmetric numeral systems (Duda 2013, arXiv:1311.2540, section 3.3) with a
// state of 64 bits that gives and takes words of 32.
//
// Of the total 2^30 an interval [start, start + count) has the share count / 2^30, and coding it multiplies the state
// by about 2^30 / count: its place in the state's low 30 bits says afterwards which interval it was. A decoder is asked
// for that place, as sampling asks for a random one, and told the interval it was found in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "distributions/tables.h"

namespace wavegen {

constexpr std::uint64_t kLeastState = std::uint64_t{1} << 32;  // between two intervals the state is there or above

struct Interval {
    std::uint32_t start, count;  // start + count <= kTotal, 0 < count < kTotal
};

// Keeps intervals until finish(), because what is coded last is decoded first.
class Encoder {
 public:
    void put(Interval interval) { intervals_.push_back(interval); }

    // The words from which a Decoder gives what was put since the last call, in the same order.
    std::vector<std::uint32_t> finish() {
        std::vector<std::uint32_t> words;
        std::uint64_t state = kLeastState;
        for (auto interval = intervals_.rbegin(); interval != intervals_.rend(); ++interval) {
            const std::uint64_t count = interval->count;
            if (state >= count << 34) {  // it would leave 64 bits
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

// Any words give some intervals; finished() tells whether those were an encoder's.
class Decoder {
 public:
    explicit Decoder(std::vector<std::uint32_t> words) : words_(std::move(words)) {
        state_ = std::uint64_t{word()} << 32;
        state_ |= word();
    }

    std::uint32_t place() const { return static_cast<std::uint32_t>(state_ & (kTotal - 1)); }

    // The interval in which place() lies.
    void took(Interval interval) {
        state_ = interval.count * (state_ >> 30) + (place() - interval.start);
        if (state_ < kLeastState) state_ = state_ << 32 | word();
    }

    // Whether all words have been read, none was missing, and the state is an encoder's first.
    bool finished() const { return !starved_ && next_ == words_.size() && state_ == kLeastState; }

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

// Place i of n that are equally likely, n <= 2^16: [ceil(i 2^30 / n), ceil((i + 1) 2^30 / n)).
inline Interval even_interval(std::uint32_t i, std::uint32_t n) {
    const auto edge = [n](std::uint64_t j) { return static_cast<std::uint32_t>(((j << 30) + n - 1) / n); };
    return {edge(i), edge(i + 1) - edge(i)};
}

// The i whose even_interval holds the place.
inline std::uint32_t even_place(std::uint32_t place, std::uint32_t n) {
    return static_cast<std::uint32_t>(std::uint64_t{place} * n >> 30);
}

}  // namespace wavegen

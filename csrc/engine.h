// Streams that run through one WaveNet: sampling, feeding, saving. Streams know nothing of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "wavenet.h"

namespace wavegen {

class Engine {
 public:
    // `codes` says how many PCM codes share each symbol; `start_symbol` is what every file is taken to be preceded by.
    Engine(WaveNet network, std::vector<std::int32_t> codes, std::size_t start_symbol, std::size_t streams,
           std::size_t threads);

    // Draws `count` symbols for each stream and reports log2 p of their codes at temperature one; row-major
    // (streams, count). Stream s depends on seeds[s] and on what was fed or drawn before, on nothing else.
    // Both throw std::runtime_error if the network's outputs are not finite; only `restore` helps after that.
    void generate(const std::uint64_t* seeds, std::size_t count, float temperature, std::uint16_t* symbols,
                  double* log2_prob);

    // Runs given symbols, each below num_symbols(), through the streams, and reports log2 p of their codes.
    void feed(const std::uint16_t* symbols, std::size_t count, double* log2_prob);

    // The queues of each stream, layer by layer, oldest row first, (streams, state_floats()); and its last symbol.
    void save(float* queues, std::uint16_t* last);
    void restore(const float* queues, const std::uint16_t* last, std::uint64_t time);

    std::size_t streams() const { return streams_.size(); }
    std::size_t threads() const { return desks_.size(); }
    std::size_t num_symbols() const { return network_.symbols(); }
    std::size_t state_floats() const { return network_.state_floats(); }
    std::uint64_t time() const { return time_; }
    const char* isa() const { return network_.kernels().name; }

 private:
    struct Stream {
        std::vector<Queue> queues;
        std::uint16_t last;
    };
    struct Desk {  // what a thread works with
        Workspace workspace;
        Floats exponentials, tempered;
        std::vector<std::uint32_t> cumulative;
        float maximum, sum;
    };
    template <class Work>
    void for_each_stream(std::size_t count, const Work& work);
    void step(Stream& stream, Desk& desk) const;
    std::uint16_t draw(Desk& desk, float temperature, std::uint32_t word) const;
    double log2_prob(const Desk& desk, std::uint16_t symbol) const;

    WaveNet network_;
    std::vector<std::int32_t> codes_;
    std::vector<Stream> streams_;
    std::vector<Desk> desks_;
    std::uint64_t time_ = 0;
    bool spoilt_ = false;
    std::mutex busy_;
};

}  // namespace wavegen

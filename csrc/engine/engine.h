// Streams that run through one network: sampling, feeding, coding, saving. Streams know nothing of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "common/floats.h"
#include "common/thread_pool.h"
#include "distributions/coder.h"
#include "distributions/distribution.h"
#include "engine/inputs.h"
#include "networks/network.h"

namespace wavegen {

class Engine {
 public:
    // `start_symbol` is what every file is taken to be preceded by.
    Engine(std::shared_ptr<const Network> network, std::shared_ptr<const Head> head, Inputs inputs,
           std::size_t start_symbol, std::size_t streams, std::size_t threads);

    // Draws `count` symbols for each stream and reports log2 p of their codes as the model has it; row-major
    // (streams, count). Stream s depends on seeds[s] and on what was fed or drawn before, on nothing else.
    // All of these throw std::runtime_error if the network's outputs are not finite; only `restore` helps after that.
    // Neither this nor feed allocates.
    void generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling, std::uint16_t* symbols,
                  double* log2_prob);

    // Runs given symbols, each below num_symbols(), through the streams, and reports log2 p of their codes.
    void feed(const std::uint16_t* symbols, std::size_t count, double* log2_prob);

    // Feeds symbols, whose codes are the places-th of their cells, and puts the intervals of both into encoders[s].
    void encode(const std::uint16_t* symbols, const std::uint16_t* places, std::size_t count, Encoder* const* encoders,
                double* log2_prob);

    // Draws what such an encoder was given, which then is what the stream has heard.
    void decode(Decoder* const* decoders, std::size_t count, std::uint16_t* symbols, std::uint16_t* places);

    // Of each stream: the network's state, (streams, state_floats()), the codes its predictor remembers, newest first,
    // (streams, state_codes()), and its last symbol.
    // Both give or take the time, which counts from a stream's first sample.
    std::uint64_t save(float* network, std::int16_t* codes, std::uint16_t* last);
    void restore(const float* network, const std::int16_t* codes, const std::uint16_t* last, std::uint64_t time);

    std::size_t streams() const { return streams_.size(); }
    std::size_t threads() const { return pool_.size() * groups_.front().run->threads(); }
    const Head& head() const { return *head_; }
    bool takes_top_p() const { return head_->takes_top_p(); }
    std::size_t num_symbols() const { return head_->grid().num_symbols(); }
    std::size_t state_floats() const { return network_->state_floats(); }
    std::size_t state_codes() const { return inputs_.taps(); }
    const char* isa() const { return network_->kernels().name; }

 private:
    struct Stream {
        Past past;
        std::uint16_t last;
    };
    struct Group {  // streams in lock-step, which one thread works on at a time
        std::size_t first, size;
        std::unique_ptr<Run> run;
    };
    struct Desk {  // what a thread works with
        std::vector<float> heard;
        Floats params;
        std::unique_ptr<Law> law;
        std::vector<double> locations;
    };
    void check_spoilt() const;
    template <class Work>
    void for_each_group(std::size_t count, const Work& work);
    template <class Draw>
    void draw_each(std::size_t count, const Sampling& sampling, const Draw& draw);
    template <class Look>
    void feed_each(const std::uint16_t* symbols, std::size_t count, const Look& look);
    void hear(std::size_t stream, std::size_t row, Desk& desk);
    Law& read(std::size_t row, Desk& desk) const;

    std::shared_ptr<const Network> network_;
    std::shared_ptr<const Head> head_;
    Inputs inputs_;
    std::vector<Stream> streams_;
    std::vector<Group> groups_;
    Pool pool_;
    std::vector<Desk> desks_;
    std::uint64_t time_ = 0;
    bool spoilt_ = false;
    std::mutex busy_;
};

}  // namespace wavegen

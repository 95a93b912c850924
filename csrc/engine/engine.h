// Independent streams through one network: sampling, scoring, coding, and saving of their state.
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
#include "engine/conditions.h"
#include "engine/inputs.h"
#include "networks/network.h"

namespace wavegen {

class Engine {
 public:
    // `start_symbol` is the network's input at the first sample of a stream, before which there is no symbol.
    Engine(std::shared_ptr<const Network> network, std::shared_ptr<const Distribution> distribution, Inputs inputs,
           std::size_t start_symbol, std::size_t streams, std::size_t threads);

    // Draws `count` symbols for each stream and writes log2 p of their codes under the model; both are (streams,
    // count), row-major. The result for stream s depends only on seeds[s] and on the symbols fed to it or drawn
    // from it before.
    // `conditions`, if not null, has the frames of `count` samples, and filters if filter_width() is not zero.
    // These functions throw std::runtime_error if the network's outputs are not finite; after that only
    // `restore` is allowed. Neither generate nor feed allocates.
    void generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling, const Conditions* conditions,
                  std::uint16_t* symbols, double* log2_prob);

    // Feeds given symbols, each below num_symbols(), to the streams and writes log2 p of their codes.
    void feed(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions, double* log2_prob);

    // Feeds symbols and appends their intervals to encoders[s]. `offsets` select each sample's code within its
    // symbol's cell.
    void encode(const std::uint16_t* symbols, const std::uint16_t* offsets, std::size_t count,
                const Conditions* conditions, Encoder* const* encoders, double* log2_prob);

    // Draws the symbols and offsets that `encode` wrote, and feeds them to the streams.
    void decode(Decoder* const* decoders, std::size_t count, const Conditions* conditions, std::uint16_t* symbols,
                std::uint16_t* offsets);

    // The state of every stream: the network's, (streams, state_floats()); the predictor's last codes, newest
    // first, (streams, state_codes()); what it predicted from them where its filter changes, so that the codes do not
    // tell, (streams, state_locations()); and the last symbol, (streams,). The time, returned or given, counts from
    // a stream's first sample.
    std::uint64_t save(float* network, std::int16_t* codes, double* locations, std::uint16_t* last);
    void restore(const float* network, const std::int16_t* codes, const double* locations, const std::uint16_t* last,
                 std::uint64_t time);

    std::size_t streams() const { return streams_.size(); }
    std::size_t threads() const { return pool_.size() * groups_.front().run->threads(); }
    const Distribution& distribution() const { return *distribution_; }
    bool takes_top_p() const { return distribution_->takes_top_p(); }
    std::size_t num_symbols() const { return distribution_->quantizer().num_symbols(); }
    std::size_t state_floats() const { return network_->state_floats(); }
    std::size_t state_codes() const { return inputs_.history_codes(); }
    std::size_t state_locations() const { return inputs_.has_filters() ? 1 : 0; }
    std::size_t filter_width() const { return inputs_.filter_width(); }
    std::size_t condition_floats() const { return network_->condition().floats(); }
    const char* isa() const { return network_->kernels().name; }

 private:
    struct Stream {
        CodeHistory history;
        std::uint16_t last;
    };
    struct Group {  // streams in lock-step, processed by one thread at a time
        std::size_t first, size;
        std::unique_ptr<Run> run;
    };
    struct Scratch {  // of one thread
        std::vector<float> inputs;
        Floats params;
        std::unique_ptr<Cumulative> cumulative;
        std::vector<Location> locations;
        std::vector<const float*> conditions;
    };
    void check_broken() const;
    template <class Work>
    void for_each_group(std::size_t count, const Work& work);
    template <class Draw>
    void draw_each(std::size_t count, const Sampling& sampling, const Conditions* conditions, const Draw& draw);
    template <class Visit>
    void feed_each(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions, const Visit& visit);
    static void advance(Group& group, std::size_t start, std::size_t steps, const Conditions* conditions,
                        Scratch& scratch);
    void write_input(std::size_t stream, std::size_t t, const Conditions* conditions, std::size_t row,
                     Scratch& scratch);
    Cumulative& read(std::size_t row, Scratch& scratch) const;

    std::shared_ptr<const Network> network_;
    std::shared_ptr<const Distribution> distribution_;
    Inputs inputs_;
    std::vector<Stream> streams_;
    std::vector<Group> groups_;
    Pool pool_;
    std::vector<Scratch> scratch_;
    std::uint64_t time_ = 0;
    bool broken_ = false;
    std::mutex busy_;
};

}  // namespace wavegen

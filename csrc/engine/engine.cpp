#include "engine/engine.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/philox.h"
#include "cpu/rounding.h"

namespace wavegen {

namespace {

std::unique_lock<std::mutex> lock(std::mutex& busy) {
    std::unique_lock<std::mutex> held(busy, std::try_to_lock);
    if (!held) throw std::runtime_error("the engine is in use by another thread");
    return held;
}

constexpr Sampling kAsScored = {1.0f, 1.0, true};

Interval interval_of(const Cumulative& cumulative, std::size_t symbol) {
    const std::uint32_t start = cumulative.at(symbol);
    return {start, cumulative.at(symbol + 1) - start};
}

}  // namespace

Engine::Engine(std::shared_ptr<const Network> network, std::shared_ptr<const Distribution> distribution, Inputs inputs,
               std::size_t start_symbol, std::size_t streams, std::size_t threads)
    : network_(std::move(network)),
      distribution_(std::move(distribution)),
      inputs_(std::move(inputs)),
      pool_(std::min(threads, streams)) {
    const StandardRounding rounding;
    for (std::size_t s = 0; s < streams; ++s)
        streams_.push_back({inputs_.history_of(std::vector<std::int32_t>(inputs_.history_codes())),
                            static_cast<std::uint16_t>(start_symbol)});
    // Every thread gets the same number of groups, and group sizes differ by at most one.
    const std::size_t rounds = (streams + pool_.size() * kMaxBatch - 1) / (pool_.size() * kMaxBatch);
    const std::size_t groups = rounds * pool_.size();
    for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t first = streams * g / groups, size = streams * (g + 1) / groups - first;
        groups_.push_back({first, size, network_->run(size, threads / pool_.size())});
    }
    for (std::size_t t = 0; t < pool_.size(); ++t)
        scratch_.push_back({std::vector<float>(kMaxRows * inputs_.channels()),
                            Floats(kMaxRows * padded(network_->num_params())),
                            distribution_->cumulative(network_->kernels()), std::vector<Location>(kMaxRows),
                            std::vector<const float*>(kMaxRows)});
}

void Engine::check_broken() const {
    if (broken_) throw std::runtime_error("the engine stopped at outputs that are not finite");
}

// Distributes the groups over the threads and calls work(group, scratch) for each.
template <class Work>
void Engine::for_each_group(std::size_t count, const Work& work) {
    check_broken();
    broken_ = true;  // cleared when all streams have finished
    pool_.run([&](std::size_t thread) {
        const StandardRounding rounding;
        for (std::size_t g = thread; g < groups_.size(); g += pool_.size()) work(groups_[g], scratch_[thread]);
    });
    time_ += count;
    broken_ = false;
}

// Writes the network's input for the stream's last symbol to row `row` of the scratch, and predicts the next sample,
// `t` of the call.
void Engine::write_input(std::size_t stream, std::size_t t, const Conditions* conditions, std::size_t row,
                         Scratch& scratch) {
    Stream& here = streams_[stream];
    const double* filter = conditions == nullptr ? inputs_.filter() : conditions->filter(stream, t);
    scratch.locations[row] =
        inputs_.write_input(here.last, here.history, filter, scratch.inputs.data() + row * inputs_.channels());
}

Cumulative& Engine::read(std::size_t row, Scratch& scratch) const {
    scratch.cumulative->read(scratch.params.data() + row * padded(network_->num_params()), scratch.locations[row]);
    return *scratch.cumulative;
}

// Advances a group by `steps` steps, the first of them step `start` of the call, from the inputs to the parameters in
// the scratch.
void Engine::advance(Group& group, std::size_t start, std::size_t steps, const Conditions* conditions,
                     Scratch& scratch) {
    const float** row = scratch.conditions.data();
    for (std::size_t t = 0; t < steps && conditions != nullptr; ++t)
        for (std::size_t i = 0; i < group.size; ++i) *row++ = conditions->at(group.first + i, start + t);
    group.run->advance(scratch.inputs.data(), steps, scratch.params.data(),
                       conditions == nullptr ? nullptr : scratch.conditions.data());
}

// Advances all streams by `count` steps; draw(stream, t, cumulative) returns the stream's next symbol.
template <class Draw>
void Engine::draw_each(std::size_t count, const Sampling& sampling, const Conditions* conditions, const Draw& draw) {
    const auto held = lock(busy_);
    for_each_group(count, [&](Group& group, Scratch& scratch) {
        for (std::size_t t = 0; t < count; ++t) {
            for (std::size_t i = 0; i < group.size; ++i) write_input(group.first + i, t, conditions, i, scratch);
            advance(group, t, 1, conditions, scratch);
            for (std::size_t i = 0; i < group.size; ++i) {
                Cumulative& cumulative = read(i, scratch);
                cumulative.apply_sampling(sampling);
                streams_[group.first + i].last = static_cast<std::uint16_t>(draw(group.first + i, t, cumulative));
            }
        }
    });
}

// Feeds given symbols to all streams and calls visit(stream, t, cumulative) for each.
template <class Visit>
void Engine::feed_each(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions,
                       const Visit& visit) {
    const auto held = lock(busy_);
    for_each_group(count, [&](Group& group, Scratch& scratch) {
        const std::size_t max_steps = kMaxRows / group.size;
        for (std::size_t start = 0; start < count; start += max_steps) {
            const std::size_t steps = std::min(max_steps, count - start);
            for (std::size_t t = 0; t < steps; ++t)
                for (std::size_t i = 0; i < group.size; ++i) {
                    write_input(group.first + i, start + t, conditions, t * group.size + i, scratch);
                    streams_[group.first + i].last = symbols[(group.first + i) * count + start + t];
                }
            advance(group, start, steps, conditions, scratch);
            for (std::size_t t = 0; t < steps; ++t)
                for (std::size_t i = 0; i < group.size; ++i)
                    visit(group.first + i, start + t, read(t * group.size + i, scratch));
        }
    });
}

void Engine::generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling,
                      const Conditions* conditions, std::uint16_t* symbols, double* log2_prob) {
    draw_each(count, sampling, conditions, [&](std::size_t s, std::size_t t, const Cumulative& cumulative) {
        const std::size_t drawn = cumulative.find(u_of(random_word(seeds[s], time_ + t, 0, 0), sampling.exact));
        log2_prob[s * count + t] = cumulative.log2_prob(drawn);
        return symbols[s * count + t] = static_cast<std::uint16_t>(drawn);
    });
}

void Engine::feed(const std::uint16_t* symbols, std::size_t count, const Conditions* conditions, double* log2_prob) {
    feed_each(symbols, count, conditions, [&](std::size_t s, std::size_t t, const Cumulative& cumulative) {
        log2_prob[s * count + t] = cumulative.log2_prob(symbols[s * count + t]);
    });
}

void Engine::encode(const std::uint16_t* symbols, const std::uint16_t* offsets, std::size_t count,
                    const Conditions* conditions, Encoder* const* encoders, double* log2_prob) {
    feed_each(symbols, count, conditions, [&](std::size_t s, std::size_t t, Cumulative& cumulative) {
        const std::size_t here = s * count + t, symbol = symbols[here];
        const auto codes = static_cast<std::uint32_t>(distribution_->quantizer().codes(symbol));
        log2_prob[here] = cumulative.log2_prob(symbol);
        cumulative.apply_sampling(kAsScored);
        encoders[s]->put(interval_of(cumulative, symbol));
        if (codes > 1) encoders[s]->put(even_interval(offsets[here], codes));
    });
}

void Engine::decode(Decoder* const* decoders, std::size_t count, const Conditions* conditions, std::uint16_t* symbols,
                    std::uint16_t* offsets) {
    draw_each(count, kAsScored, conditions, [&](std::size_t s, std::size_t t, const Cumulative& cumulative) {
        Decoder& decoder = *decoders[s];
        const std::size_t here = s * count + t, symbol = cumulative.find(decoder.u());
        const auto codes = static_cast<std::uint32_t>(distribution_->quantizer().codes(symbol));
        decoder.consume(interval_of(cumulative, symbol));
        offsets[here] = 0;
        if (codes > 1) {
            offsets[here] = static_cast<std::uint16_t>(even_index(decoder.u(), codes));
            decoder.consume(even_interval(offsets[here], codes));
        }
        return symbols[here] = static_cast<std::uint16_t>(symbol);
    });
}

std::uint64_t Engine::save(float* network, std::int16_t* codes, double* locations, std::uint16_t* last) {
    const auto held = lock(busy_);
    check_broken();
    for (const Group& group : groups_)
        for (std::size_t i = 0; i < group.size; ++i, network += state_floats()) group.run->save(i, network);
    for (const Stream& stream : streams_) {
        for (const std::int32_t code : stream.history.codes) *codes++ = static_cast<std::int16_t>(code);
        if (inputs_.has_filters()) *locations++ = stream.history.expected;
        *last++ = stream.last;
    }
    return time_;
}

void Engine::restore(const float* network, const std::int16_t* codes, const double* locations,
                     const std::uint16_t* last, std::uint64_t time) {
    const auto held = lock(busy_);
    const StandardRounding rounding;
    for (const Group& group : groups_)
        for (std::size_t i = 0; i < group.size; ++i, network += state_floats()) group.run->restore(i, network);
    for (Stream& stream : streams_) {
        stream.history = inputs_.history_of({codes, codes + state_codes()});
        codes += state_codes();
        if (inputs_.has_filters()) stream.history.expected = *locations++;
        stream.last = *last++;
    }
    time_ = time;
    broken_ = false;
}

}  // namespace wavegen

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

Interval interval_of(const Law& law, std::size_t symbol) {
    const std::uint32_t start = law.cumulative(symbol);
    return {start, law.cumulative(symbol + 1) - start};
}

}  // namespace

Engine::Engine(std::shared_ptr<const Network> network, std::shared_ptr<const Head> head, Inputs inputs,
               std::size_t start_symbol, std::size_t streams, std::size_t threads)
    : network_(std::move(network)),
      head_(std::move(head)),
      inputs_(std::move(inputs)),
      pool_(std::min(threads, streams)) {
    const StandardRounding rounding;
    for (std::size_t s = 0; s < streams; ++s)
        streams_.push_back(
            {inputs_.past_of(std::vector<std::int32_t>(inputs_.taps())), static_cast<std::uint16_t>(start_symbol)});
    // As many groups for each thread, of sizes as even as can be.
    const std::size_t rounds = (streams + pool_.size() * kMostTogether - 1) / (pool_.size() * kMostTogether);
    const std::size_t groups = rounds * pool_.size();
    for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t first = streams * g / groups, size = streams * (g + 1) / groups - first;
        groups_.push_back({first, size, network_->run(size, threads / pool_.size())});
    }
    for (std::size_t t = 0; t < pool_.size(); ++t)
        desks_.push_back({std::vector<float>(kMostRows * inputs_.channels()),
                          Floats(kMostRows * padded(network_->num_params())), head_->law(network_->kernels()),
                          std::vector<double>(kMostRows)});
}

void Engine::check_spoilt() const {
    if (spoilt_) throw std::runtime_error("the engine stopped at outputs that are not finite");
}

// Calls work(group, desk) for every group, which are spread over the threads.
template <class Work>
void Engine::for_each_group(std::size_t count, const Work& work) {
    check_spoilt();
    spoilt_ = true;  // until every stream has got to the end
    pool_.run([&](std::size_t thread) {
        const StandardRounding rounding;
        for (std::size_t g = thread; g < groups_.size(); g += pool_.size()) work(groups_[g], desks_[thread]);
    });
    time_ += count;
    spoilt_ = false;
}

// What the network hears of the stream's last symbol, and where its next one is expected.
void Engine::hear(std::size_t stream, std::size_t row, Desk& desk) {
    Stream& here = streams_[stream];
    desk.locations[row] = inputs_.hear(here.last, here.past, desk.heard.data() + row * inputs_.channels());
}

Law& Engine::read(std::size_t row, Desk& desk) const {
    desk.law->read(desk.params.data() + row * padded(network_->num_params()), desk.locations[row]);
    return *desk.law;
}

// Steps all streams; each one's next symbol is what draw(stream, t, law) gives.
template <class Draw>
void Engine::draw_each(std::size_t count, const Sampling& sampling, const Draw& draw) {
    const auto held = lock(busy_);
    for_each_group(count, [&](Group& group, Desk& desk) {
        for (std::size_t t = 0; t < count; ++t) {
            for (std::size_t i = 0; i < group.size; ++i) hear(group.first + i, i, desk);
            group.run->advance(desk.heard.data(), 1, desk.params.data());
            for (std::size_t i = 0; i < group.size; ++i) {
                Law& law = read(i, desk);
                law.temper(sampling);
                streams_[group.first + i].last = static_cast<std::uint16_t>(draw(group.first + i, t, law));
            }
        }
    });
}

// Runs given symbols through all streams and calls look(stream, t, law) at each.
template <class Look>
void Engine::feed_each(const std::uint16_t* symbols, std::size_t count, const Look& look) {
    const auto held = lock(busy_);
    for_each_group(count, [&](Group& group, Desk& desk) {
        const std::size_t most = kMostRows / group.size;
        for (std::size_t start = 0; start < count; start += most) {
            const std::size_t steps = std::min(most, count - start);
            for (std::size_t t = 0; t < steps; ++t)
                for (std::size_t i = 0; i < group.size; ++i) {
                    hear(group.first + i, t * group.size + i, desk);
                    streams_[group.first + i].last = symbols[(group.first + i) * count + start + t];
                }
            group.run->advance(desk.heard.data(), steps, desk.params.data());
            for (std::size_t t = 0; t < steps; ++t)
                for (std::size_t i = 0; i < group.size; ++i)
                    look(group.first + i, start + t, read(t * group.size + i, desk));
        }
    });
}

void Engine::generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling, std::uint16_t* symbols,
                      double* log2_prob) {
    draw_each(count, sampling, [&](std::size_t s, std::size_t t, const Law& law) {
        const std::size_t drawn = law.find(place_of(random_word(seeds[s], time_ + t, 0, 0), sampling.exact));
        log2_prob[s * count + t] = law.log2_prob(drawn);
        return symbols[s * count + t] = static_cast<std::uint16_t>(drawn);
    });
}

void Engine::feed(const std::uint16_t* symbols, std::size_t count, double* log2_prob) {
    feed_each(symbols, count, [&](std::size_t s, std::size_t t, const Law& law) {
        log2_prob[s * count + t] = law.log2_prob(symbols[s * count + t]);
    });
}

void Engine::encode(const std::uint16_t* symbols, const std::uint16_t* places, std::size_t count,
                    Encoder* const* encoders, double* log2_prob) {
    feed_each(symbols, count, [&](std::size_t s, std::size_t t, Law& law) {
        const std::size_t here = s * count + t, symbol = symbols[here];
        const auto codes = static_cast<std::uint32_t>(head_->grid().codes(symbol));
        log2_prob[here] = law.log2_prob(symbol);
        law.temper(kAsScored);
        encoders[s]->put(interval_of(law, symbol));
        if (codes > 1) encoders[s]->put(even_interval(places[here], codes));
    });
}

void Engine::decode(Decoder* const* decoders, std::size_t count, std::uint16_t* symbols, std::uint16_t* places) {
    draw_each(count, kAsScored, [&](std::size_t s, std::size_t t, const Law& law) {
        Decoder& decoder = *decoders[s];
        const std::size_t here = s * count + t, symbol = law.find(decoder.place());
        const auto codes = static_cast<std::uint32_t>(head_->grid().codes(symbol));
        decoder.took(interval_of(law, symbol));
        places[here] = 0;
        if (codes > 1) {
            places[here] = static_cast<std::uint16_t>(even_place(decoder.place(), codes));
            decoder.took(even_interval(places[here], codes));
        }
        return symbols[here] = static_cast<std::uint16_t>(symbol);
    });
}

std::uint64_t Engine::save(float* network, std::int16_t* codes, std::uint16_t* last) {
    const auto held = lock(busy_);
    check_spoilt();
    for (const Group& group : groups_)
        for (std::size_t i = 0; i < group.size; ++i, network += state_floats()) group.run->save(i, network);
    for (const Stream& stream : streams_) {
        for (const std::int32_t code : stream.past.codes) *codes++ = static_cast<std::int16_t>(code);
        *last++ = stream.last;
    }
    return time_;
}

void Engine::restore(const float* network, const std::int16_t* codes, const std::uint16_t* last, std::uint64_t time) {
    const auto held = lock(busy_);
    const StandardRounding rounding;
    for (const Group& group : groups_)
        for (std::size_t i = 0; i < group.size; ++i, network += state_floats()) group.run->restore(i, network);
    for (Stream& stream : streams_) {
        stream.past = inputs_.past_of({codes, codes + state_codes()});
        codes += state_codes();
        stream.last = *last++;
    }
    time_ = time;
    spoilt_ = false;
}

}  // namespace wavegen

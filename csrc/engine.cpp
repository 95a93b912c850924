#include "engine.h"

#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "cpu/rounding.h"
#include "philox.h"

namespace wavegen {

namespace {

std::unique_lock<std::mutex> lock(std::mutex& busy) {
    std::unique_lock<std::mutex> held(busy, std::try_to_lock);
    if (!held) throw std::runtime_error("the engine is in use by another thread");
    return held;
}

}  // namespace

Engine::Engine(WaveNet network, std::shared_ptr<const Head> head, Inputs inputs, std::size_t start_symbol,
               std::size_t streams, std::size_t threads)
    : network_(std::move(network)), head_(std::move(head)), inputs_(std::move(inputs)) {
    for (std::size_t s = 0; s < streams; ++s)
        streams_.push_back({network_.empty_state(), inputs_.past_of(std::vector<std::int32_t>(inputs_.taps())),
                            static_cast<std::uint16_t>(start_symbol)});
    for (std::size_t t = 0; t < std::min(threads, streams); ++t)
        desks_.push_back(
            {network_.workspace(), std::vector<float>(inputs_.channels()), head_->law(network_.kernels())});
}

// Calls work(s, desk) for every stream s, streams spread over the threads, the caller's among them.
template <class Work>
void Engine::for_each_stream(std::size_t count, const Work& work) {
    if (spoilt_) throw std::runtime_error("the engine stopped at outputs that are not finite");
    std::vector<std::exception_ptr> errors(desks_.size());
    const auto run = [&](std::size_t thread) noexcept {
        const StandardRounding rounding;
        try {
            for (std::size_t s = thread; s < streams_.size(); s += desks_.size()) work(s, desks_[thread]);
        } catch (...) {
            errors[thread] = std::current_exception();
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(desks_.size());
    spoilt_ = true;  // until every stream has got to the end
    std::size_t started = 1;
    try {
        for (; started < desks_.size(); ++started) threads.emplace_back(run, started);
    } catch (const std::system_error&) {  // no more threads to be had: this one does their work
    }
    run(0);
    for (std::size_t thread = started; thread < desks_.size(); ++thread) run(thread);
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors)
        if (error) std::rethrow_exception(error);
    time_ += count;
    spoilt_ = false;
}

void Engine::step(Stream& stream, Desk& desk) const {
    const double location = inputs_.hear(stream.last, stream.past, desk.row.data());
    network_.step(desk.row.data(), stream.network, desk.workspace);
    desk.law->read(desk.workspace.outputs.data(), location);
}

void Engine::generate(const std::uint64_t* seeds, std::size_t count, const Sampling& sampling, std::uint16_t* symbols,
                      double* log2_prob) {
    const auto held = lock(busy_);
    for_each_stream(count, [&](std::size_t s, Desk& desk) {
        Stream& stream = streams_[s];
        for (std::size_t t = 0; t < count; ++t) {
            step(stream, desk);
            desk.law->temper(sampling);
            stream.last = static_cast<std::uint16_t>(desk.law->find(random_word(seeds[s], time_ + t, 0, 0) >> 2));
            symbols[s * count + t] = stream.last;
            log2_prob[s * count + t] = desk.law->log2_prob(stream.last);
        }
    });
}

void Engine::feed(const std::uint16_t* symbols, std::size_t count, double* log2_prob) {
    const auto held = lock(busy_);
    for_each_stream(count, [&](std::size_t s, Desk& desk) {
        Stream& stream = streams_[s];
        for (std::size_t t = 0; t < count; ++t) {
            step(stream, desk);
            stream.last = symbols[s * count + t];
            log2_prob[s * count + t] = desk.law->log2_prob(stream.last);
        }
    });
}

void Engine::save(float* network, std::int16_t* codes, std::uint16_t* last) {
    const auto held = lock(busy_);
    for (const Stream& stream : streams_) {
        network_.save(stream.network, network);
        network += state_floats();
        for (const std::int32_t code : stream.past.codes) *codes++ = static_cast<std::int16_t>(code);
        *last++ = stream.last;
    }
}

void Engine::restore(const float* network, const std::int16_t* codes, const std::uint16_t* last, std::uint64_t time) {
    const auto held = lock(busy_);
    for (Stream& stream : streams_) {
        network_.restore(network, stream.network);
        network += state_floats();
        stream.past = inputs_.past_of({codes, codes + state_codes()});
        codes += state_codes();
        stream.last = *last++;
    }
    time_ = time;
    spoilt_ = false;
}

}  // namespace wavegen

#include "engine.h"

#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "cpu/rounding.h"
#include "philox.h"
#include "tables.h"

namespace wavegen {

namespace {

std::unique_lock<std::mutex> lock(std::mutex& busy) {
    std::unique_lock<std::mutex> held(busy, std::try_to_lock);
    if (!held) throw std::runtime_error("the engine is in use by another thread");
    return held;
}

}  // namespace

Engine::Engine(WaveNet network, std::vector<std::int32_t> codes, std::size_t start_symbol, std::size_t streams,
               std::size_t threads)
    : network_(std::move(network)), codes_(std::move(codes)) {
    for (std::size_t s = 0; s < streams; ++s)
        streams_.push_back({network_.empty_queues(), static_cast<std::uint16_t>(start_symbol)});
    const std::size_t symbols = network_.symbols();
    for (std::size_t t = 0; t < std::min(threads, streams); ++t)
        desks_.push_back(
            {network_.workspace(), Floats(symbols), Floats(symbols), std::vector<std::uint32_t>(symbols + 1), 0, 0});
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
    const Kernels& kernels = network_.kernels();
    network_.step(stream.last, stream.queues, desk.workspace);
    const float* logits = desk.workspace.logits.data();
    desk.maximum = kernels.maximum(logits, padded(network_.symbols()));
    if (desk.maximum != desk.maximum) throw std::runtime_error("the network's outputs are not finite");
    desk.sum = kernels.exponentials(logits, desk.maximum, 1.0f, network_.symbols(), desk.exponentials.data());
}

std::uint16_t Engine::draw(Desk& desk, float temperature, std::uint32_t word) const {
    const std::size_t symbols = network_.symbols();
    const float* logits = desk.workspace.logits.data();
    const float* e = desk.exponentials.data();
    float sum = desk.sum;
    if (temperature != 1.0f) {
        e = desk.tempered.data();
        sum = network_.kernels().exponentials(logits, desk.maximum, temperature, symbols, desk.tempered.data());
    }
    const std::size_t first = static_cast<std::size_t>(std::find(logits, logits + symbols, desk.maximum) - logits);
    cumulative(e, sum, codes_.data(), symbols, first, desk.cumulative.data());
    return static_cast<std::uint16_t>(find_symbol(desk.cumulative.data(), symbols, word >> 2));
}

double Engine::log2_prob(const Desk& desk, std::uint16_t symbol) const {
    return log2_prob_of_code(desk.exponentials.data()[symbol], desk.sum, codes_[symbol]);
}

void Engine::generate(const std::uint64_t* seeds, std::size_t count, float temperature, std::uint16_t* symbols,
                      double* log2_prob) {
    const auto held = lock(busy_);
    for_each_stream(count, [&](std::size_t s, Desk& desk) {
        Stream& stream = streams_[s];
        for (std::size_t t = 0; t < count; ++t) {
            step(stream, desk);
            stream.last = draw(desk, temperature, random_word(seeds[s], time_ + t, 0, 0));
            symbols[s * count + t] = stream.last;
            log2_prob[s * count + t] = this->log2_prob(desk, stream.last);
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
            log2_prob[s * count + t] = this->log2_prob(desk, stream.last);
        }
    });
}

void Engine::save(float* queues, std::uint16_t* last) {
    const auto held = lock(busy_);
    const std::size_t width = network_.residual();
    for (const Stream& stream : streams_) {
        for (const Queue& queue : stream.queues)
            for (std::size_t age = queue.span(); age >= 1; --age, queues += width)
                std::copy(queue.row(age), queue.row(age) + width, queues);
        *last++ = stream.last;
    }
}

void Engine::restore(const float* queues, const std::uint16_t* last, std::uint64_t time) {
    const auto held = lock(busy_);
    const std::size_t width = network_.residual();
    Floats row(width);
    for (Stream& stream : streams_) {
        for (Queue& queue : stream.queues)
            for (std::size_t pushed = 0; pushed < queue.span(); ++pushed, queues += width) {
                std::copy(queues, queues + width, row.data());
                queue.push(row.data());
            }
        stream.last = *last++;
    }
    time_ = time;
    spoilt_ = false;
}

}  // namespace wavegen

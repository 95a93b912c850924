// Opens engines, lets them run, and says how often memory was allocated meanwhile: it must not be.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include "categorical.h"
#include "engine.h"
#include "markov.h"
#include "mixture.h"
#include "recurrent.h"
#include "wavenet.h"

namespace {

std::atomic<long> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
    ++allocations;
    void* place = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (place == nullptr) throw std::bad_alloc();
    return place;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }
void operator delete(void* place, std::align_val_t) noexcept { std::free(place); }
void operator delete(void* place, std::size_t, std::align_val_t) noexcept { std::free(place); }

namespace {

using namespace wavegen;

constexpr std::size_t kChannels = 3, kWidth = 20;

const float* drawn(std::size_t count) {  // kept until the end
    static std::vector<std::unique_ptr<std::vector<float>>> all;
    static std::mt19937 random(1);
    all.push_back(std::make_unique<std::vector<float>>(count));
    for (float& x : *all.back()) x = static_cast<float>(random() % 1000) / 2500.0f - 0.2f;
    return all.back()->data();
}

std::shared_ptr<Network> wavenet(std::size_t outputs, const Kernels& kernels, Precision precision) {
    static const std::int32_t dilations[] = {1, 2, 20};
    const std::size_t layers = 3, gates = 2 * kWidth;
    return std::make_shared<WaveNet>(WaveNetArrays{kChannels,
                                                   4,
                                                   kWidth,
                                                   kWidth,
                                                   kWidth,
                                                   layers,
                                                   2,
                                                   outputs,
                                                   dilations,
                                                   drawn(kWidth * 4 * kChannels),
                                                   drawn(kWidth),
                                                   drawn(layers * gates * 2 * kWidth),
                                                   drawn(layers * gates),
                                                   drawn((layers - 1) * kWidth * kWidth),
                                                   drawn((layers - 1) * kWidth),
                                                   drawn(kWidth * layers * kWidth),
                                                   drawn(kWidth),
                                                   drawn(kWidth * kWidth),
                                                   drawn(kWidth),
                                                   drawn(outputs * kWidth),
                                                   drawn(outputs)},
                                     kernels, precision);
}

std::shared_ptr<Network> recurrent(Cell cell, std::size_t outputs, const Kernels& kernels, Precision precision) {
    const std::size_t gates = gates_of(cell) * kWidth;
    return std::make_shared<Recurrent>(
        RecurrentArrays{cell,
                        kChannels,
                        kWidth,
                        outputs,
                        {{drawn(gates * kChannels), drawn(gates), drawn(gates * kWidth), drawn(gates)},
                         {drawn(gates * kWidth), drawn(gates), drawn(gates * kWidth), drawn(gates)}},
                        drawn(kWidth * kWidth),
                        drawn(kWidth),
                        drawn(outputs * kWidth),
                        drawn(outputs)},
        kernels, precision);
}

std::shared_ptr<Network> markov(std::size_t outputs, const Kernels& kernels, Precision precision) {
    return std::make_shared<Markov>(MarkovArrays{kChannels,
                                                 8,
                                                 {{drawn(kWidth * 8 * kChannels), drawn(kWidth), kWidth},
                                                  {drawn(kWidth * kWidth), drawn(kWidth), kWidth},
                                                  {drawn(outputs * kWidth), drawn(outputs), outputs}}},
                                    kernels, precision);
}

Inputs inputs(std::size_t symbols, std::size_t taps) {
    std::vector<std::int32_t> codes(symbols);
    for (std::size_t k = 0; k < symbols; ++k) codes[k] = static_cast<std::int32_t>(k * (65536 / symbols)) - 32768;
    const std::size_t columns = kChannels - (taps ? 1 : 0);
    const float* table = drawn(symbols * columns);
    const float* errors = drawn(65536);
    return {{table, table + symbols * columns},
            taps ? std::vector<float>(errors, errors + 65536) : std::vector<float>(),
            std::vector<double>(taps, 0.01),
            codes};
}

// How often memory was allocated in two rounds of feeding and drawing; the first of all may have to warm up.
long allocated(const std::shared_ptr<Network>& network, const std::shared_ptr<Head>& head, std::size_t taps,
               std::size_t streams, std::size_t threads, const Sampling& sampling) {
    const std::size_t symbols = head->grid().num_symbols(), count = 150;
    Engine engine(network, head, inputs(symbols, taps), symbols / 2, streams, threads);
    const std::vector<std::uint64_t> seeds(streams, 5);
    std::vector<std::uint16_t> drawn_symbols(streams * count);
    std::vector<double> log2_prob(streams * count);
    const long before = allocations;
    for (int round = 0; round < 2; ++round) {
        engine.generate(seeds.data(), count, sampling, drawn_symbols.data(), log2_prob.data());
        engine.feed(drawn_symbols.data(), count, log2_prob.data());
    }
    return allocations - before;
}

}  // namespace

int main() {
    long runs = 0, found = 0;
    for (const char* isa : {"avx512vnni", "avx512", "avx2", "neon", "portable"}) {
        const Kernels* kernels = find_kernels(isa);
        if (kernels == nullptr) continue;
        for (const Precision precision : {Precision::float32, Precision::bfloat16, Precision::int8})
            for (const bool mixed : {false, true}) {
                const std::size_t symbols = mixed ? 65536 : 256, taps = mixed ? 5 : 0;
                const Grid grid(std::vector<std::int32_t>(symbols, static_cast<std::int32_t>(65536 / symbols)));
                std::shared_ptr<Head> head;
                if (mixed)
                    head = std::make_shared<Mixture>(grid, Component::logistic(), std::vector<double>(4));
                else
                    head = std::make_shared<Categorical>(grid);
                const std::size_t outputs = head->num_params();
                for (const auto& network :
                     {wavenet(outputs, *kernels, precision), recurrent(Cell::gru, outputs, *kernels, precision),
                      recurrent(Cell::lstm, outputs, *kernels, precision), markov(outputs, *kernels, precision)})
                    for (const auto& [streams, threads] : {std::pair<std::size_t, std::size_t>{1, 1}, {1, 2}, {5, 2}}) {
                        found += allocated(network, head, taps, streams, threads, {0.9f, mixed ? 1.0 : 0.9});
                        ++runs;
                    }
            }
    }
    std::printf("%ld runs, %ld allocations\n", runs, found);
    return found == 0 && runs > 0 ? 0 : 1;
}

// Opens engines, lets them run, and says how often memory was allocated meanwhile: it must not be.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "networks.h"

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

// How often memory was allocated in two rounds of feeding and drawing, the second with conditions; the first of all may
// have to warm up.
long allocated(const std::shared_ptr<Network>& network, const std::shared_ptr<Distribution>& distribution, Kind kind,
               std::size_t streams, std::size_t threads, const Sampling& sampling) {
    const std::size_t symbols = distribution->quantizer().num_symbols(), count = 40;
    Engine engine(network, distribution, inputs(symbols, kind), symbols / 2, streams, threads);
    const std::vector<std::uint64_t> seeds(streams, 5);
    std::vector<std::uint16_t> drawn_symbols(streams * count);
    std::vector<double> log2_prob(streams * count);
    const Conditioned conditioned(*network, streams, count, engine.filter_width());
    const long before = allocations;
    for (int round = 0; round < 2; ++round) {
        const Conditions* conditions = round == 0 ? nullptr : conditioned.all();
        engine.generate(seeds.data(), count, sampling, conditions, drawn_symbols.data(), log2_prob.data());
        engine.feed(drawn_symbols.data(), count, conditions, log2_prob.data());
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
            for (const Kind kind : kKinds) {
                if (!is_tried(kind, precision)) continue;
                const auto made = distribution(kind);
                for (const auto& network : networks(made->num_params(), *kernels, precision))
                    for (const auto& [streams, threads] :
                         {std::pair<std::size_t, std::size_t>{1, 1}, {1, 2}, {5, 2}, {17, 1}}) {
                        const Sampling sampling = {0.9f, kind == Kind::categorical ? 0.9 : 1.0, false};
                        found += allocated(network, made, kind, streams, threads, sampling);
                        ++runs;
                    }
            }
    }
    std::printf("%ld runs, %ld allocations\n", runs, found);
    return found == 0 && runs > 0 ? 0 : 1;
}

// A line for each instruction set, precision, head, network and number of streams and threads: a hash of all symbols
// and log-probabilities of a run. The lines of one machine must be those of any other, whatever the instruction set.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "engine.h"
#include "networks.h"

namespace {

using namespace wavegen;

// Fowler, Noll and Vo's hash of 64 bits, version 1a.
class Hash {
 public:
    template <class Number>
    void add(const std::vector<Number>& numbers) {
        for (const Number& number : numbers) {
            unsigned char bytes[sizeof(Number)];
            std::memcpy(bytes, &number, sizeof number);
            for (const unsigned char byte : bytes) value_ = (value_ ^ byte) * 1099511628211u;
        }
    }
    unsigned long long value() const { return value_; }

 private:
    std::uint64_t value_ = 14695981039346656037u;
};

unsigned long long hash_of(const std::shared_ptr<Network>& network, const std::shared_ptr<Head>& head, const Inputs& inputs,
                           std::size_t streams, std::size_t threads) {
    const std::size_t symbols = head->grid().num_symbols(), count = 100;
    Engine engine(network, head, inputs, symbols / 2, streams, threads);
    const std::vector<std::uint64_t> seeds = {1, 2, 3};
    std::vector<std::uint16_t> drawn(streams * count);
    std::vector<double> log2_prob(streams * count);
    Hash hash;
    for (const float temperature : {1.0f, 0.7f}) {
        engine.generate(seeds.data(), count, {temperature, 1.0}, drawn.data(), log2_prob.data());
        hash.add(drawn);
        hash.add(log2_prob);
        engine.feed(drawn.data(), count, log2_prob.data());
        hash.add(log2_prob);
    }
    return hash.value();
}

}  // namespace

int main() {
    const char* const names[] = {"wavenet", "gru", "lstm", "markov"};
    const char* const precisions[] = {"float32", "bfloat16", "int8"};
    for (const char* isa : {"avx512vnni", "avx512", "avx2", "neon", "portable"}) {
        const Kernels* kernels = find_kernels(isa);
        if (kernels == nullptr) continue;
        start_over();
        for (int precision = 0; precision < 3; ++precision)
            for (const bool mixed : {false, true}) {
                const auto made = head(mixed);
                const Inputs heard = inputs(made->grid().num_symbols(), mixed ? kTaps : 0);
                const auto all = networks(made->num_params(), *kernels, static_cast<Precision>(precision));
                for (std::size_t i = 0; i < all.size(); ++i)
                    for (const auto& [streams, threads] : {std::pair<std::size_t, std::size_t>{3, 1}, {3, 2}, {1, 2}})
                        std::printf("%s %s %s %s %zu %zu %016llx\n", isa, precisions[precision],
                                    mixed ? "mixture" : "categorical", names[i], streams, threads,
                                    hash_of(all[i], made, heard, streams, threads));
            }
    }
    return 0;
}

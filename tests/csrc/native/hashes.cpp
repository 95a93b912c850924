// A line for each instruction set, precision, distribution, network and number of streams and threads: a hash of all
// symbols, log-probabilities and words of code of a run, and of what damaged words decode to. The lines of one machine
// must be those of any other, whatever the instruction set.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "distributions/coder.h"
#include "engine/engine.h"
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

// Codes what was drawn, decodes it, which must give it again, and then decodes damaged words.
void add_code(Engine& engine, const std::vector<std::uint16_t>& symbols, const Conditions* conditions, Hash& hash) {
    const std::size_t streams = engine.streams(), count = symbols.size() / streams;
    std::vector<float> network(streams * engine.state_floats());
    std::vector<std::int16_t> codes(streams * engine.state_codes());
    std::vector<double> locations(streams * engine.state_locations());
    std::vector<std::uint16_t> last(streams), offsets, found(symbols.size()), found_offsets(symbols.size());
    for (const std::uint16_t symbol : symbols)
        offsets.push_back(static_cast<std::uint16_t>(offsets.size() % engine.distribution().quantizer().codes(symbol)));
    std::vector<double> log2_prob(symbols.size());
    std::vector<Encoder> encoders(streams);
    std::vector<Encoder*> into;
    for (Encoder& encoder : encoders) into.push_back(&encoder);
    engine.save(network.data(), codes.data(), locations.data(), last.data());
    hash.add(locations);
    engine.encode(symbols.data(), offsets.data(), count, conditions, into.data(), log2_prob.data());
    hash.add(log2_prob);
    std::vector<std::vector<std::uint32_t>> words;
    for (Encoder& encoder : encoders) hash.add(words.emplace_back(encoder.finish()));
    for (const std::size_t lost : {std::size_t{0}, std::size_t{5}, words[0].size()})
        for (const std::uint32_t flipped : {0u, 0x80000001u}) {
            if (lost > 0 && flipped != 0) continue;  // one damage at a time
            std::vector<Decoder> decoders;
            std::vector<Decoder*> from;
            for (auto stream : words) {
                stream.resize(stream.size() > lost ? stream.size() - lost : 0);
                if (!stream.empty()) stream[stream.size() / 3] ^= flipped;
                decoders.emplace_back(stream);
            }
            for (Decoder& decoder : decoders) from.push_back(&decoder);
            engine.restore(network.data(), codes.data(), locations.data(), last.data(), 0);
            engine.decode(from.data(), count, conditions, found.data(), found_offsets.data());
            hash.add(found);
            hash.add(found_offsets);
            const bool whole = lost == 0 && flipped == 0;
            const bool same = found == symbols && found_offsets == offsets;
            for (const Decoder& decoder : decoders)
                if (decoder.finished() != whole || same != whole) {
                    std::fprintf(stderr, "lost %zu, flipped %x: finished %d, the same %d\n", lost, flipped,
                                 decoder.finished(), same);
                    std::exit(1);
                }
        }
}

struct Shape {
    std::size_t streams, min_threads, max_threads, count, conditioned;  // samples without conditions, and with them
};
constexpr Shape kShapes[] = {{3, 1, 2, 24, 14}, {1, 2, 2, 24, 14}, {17, 1, 1, 6, 4}};

// A run without conditions, or with them.
void add_run(const std::shared_ptr<Network>& network, const std::shared_ptr<Distribution>& distribution,
             const Inputs& inputs, std::size_t streams, std::size_t threads, std::size_t count,
             const Conditions* conditions, Hash& hash) {
    Engine engine(network, distribution, inputs, distribution->quantizer().num_symbols() / 2, streams, threads);
    std::vector<std::uint64_t> seeds(streams);
    std::iota(seeds.begin(), seeds.end(), 1);
    std::vector<std::uint16_t> drawn(streams * count);
    std::vector<double> log2_prob(streams * count);
    for (const Sampling& sampling : {Sampling{1.0f, 1.0, false}, {0.7f, 1.0, false}, {0.7f, 1.0, true}}) {
        engine.generate(seeds.data(), count, sampling, conditions, drawn.data(), log2_prob.data());
        hash.add(drawn);
        hash.add(log2_prob);
    }
    engine.feed(drawn.data(), count, conditions, log2_prob.data());
    hash.add(log2_prob);
    add_code(engine, drawn, conditions, hash);
}

unsigned long long hash_of(const std::shared_ptr<Network>& network, const std::shared_ptr<Distribution>& distribution,
                           const Inputs& inputs, const Conditioned& conditioned, const Shape& shape,
                           std::size_t threads) {
    Hash hash;
    add_run(network, distribution, inputs, shape.streams, threads, shape.count, nullptr, hash);
    hash.add(conditioned.vectors());
    add_run(network, distribution, inputs, shape.streams, threads, shape.conditioned, conditioned.all(), hash);
    return hash.value();
}

}  // namespace

// The argument is the least number of threads of the runs, 1 unless given.
int main(int argc, char** argv) {
    const std::size_t least_threads = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    const char* const names[] = {"wavenet", "gru", "lstm", "markov"};
    const char* const precisions[] = {"float32", "bfloat16", "int8"};
    for (const char* isa : {"avx512vnni", "avx512", "avx2", "neon", "portable"}) {
        const Kernels* kernels = find_kernels(isa);
        if (kernels == nullptr) continue;
        start_over();
        for (int precision = 0; precision < 3; ++precision)
            for (const Kind kind : kKinds) {
                if (!is_tried(kind, static_cast<Precision>(precision))) continue;
                const auto made = distribution(kind);
                const Inputs network_inputs = inputs(made->quantizer().num_symbols(), kind);
                const auto all = networks(made->num_params(), *kernels, static_cast<Precision>(precision));
                for (std::size_t i = 0; i < all.size(); ++i)
                    for (const Shape& shape : kShapes) {
                        const Conditioned conditioned(*all[i], shape.streams, shape.conditioned,
                                                      network_inputs.filter_width());
                        const std::size_t first = std::max(shape.min_threads, least_threads);
                        for (std::size_t threads = first; threads <= shape.max_threads; ++threads)
                            std::printf("%s %s %s %s %zu %zu %016llx\n", isa, precisions[precision],
                                        kKindNames[static_cast<int>(kind)], names[i], shape.streams, threads,
                                        hash_of(all[i], made, network_inputs, conditioned, shape, threads));
                    }
            }
    }
    return 0;
}

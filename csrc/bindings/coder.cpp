// Bindings of lossless coding.
#include "distributions/coder.h"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bindings/module.h"
#include "bindings/streams.h"
#include "engine/engine.h"

using namespace nanobind::literals;

namespace wavegen {
namespace {

// A coder as Python holds it. `busy` is set while it is used without the GIL.
template <class Coder>
struct Shared {
    Coder coder;
    bool busy = false;
};

// Claims one coder per stream; throws if any of them is null, busy or given twice.
template <class Coder>
class Claim {
 public:
    Claim(const std::vector<Shared<Coder>*>& wanted, std::size_t streams) {
        require(wanted.size() == streams,
                "there are " + std::to_string(wanted.size()) + " coders for " + std::to_string(streams) + " streams");
        taken_.reserve(wanted.size());
        for (Shared<Coder>* shared : wanted) {
            if (shared == nullptr || shared->busy) {
                release();
                throw std::invalid_argument("a coder serves one stream at a time");
            }
            kept_.push_back(nb::find(shared));
            coders_.push_back(&shared->coder);
            shared->busy = true;
            taken_.push_back(shared);
        }
    }
    ~Claim() { release(); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    Coder* const* coders() const { return coders_.data(); }

 private:
    void release() {
        for (Shared<Coder>* shared : taken_) shared->busy = false;
    }

    std::vector<nb::object> kept_;  // keeps the coders alive if their list changes
    std::vector<Shared<Coder>*> taken_;
    std::vector<Coder*> coders_;
};

using SharedEncoder = Shared<Encoder>;
using SharedDecoder = Shared<Decoder>;

Result<std::uint32_t> finish(SharedEncoder& encoder) {
    const Claim<Encoder> claim({&encoder}, 1);
    const std::vector<std::uint32_t> words = encoder.coder.finish();
    Owned<std::uint32_t> result({words.size()});
    std::copy(words.begin(), words.end(), result.data());
    return result.release();
}

void put(SharedEncoder& encoder, std::uint32_t start, std::uint32_t count) {
    const Claim<Encoder> claim({&encoder}, 1);
    require(0 < count && count < kTotal && start <= kTotal - count, "the interval is empty or not inside 2^30");
    encoder.coder.put({start, count});
}

void take_words(SharedDecoder* self, const Array<std::uint32_t, 1>& words) {
    new (self) SharedDecoder{Decoder({words.data(), words.data() + words.size()})};
}

std::uint32_t next_u(SharedDecoder& decoder) {
    const Claim<Decoder> claim({&decoder}, 1);
    return decoder.coder.u();
}

bool finished(SharedDecoder& decoder) {
    const Claim<Decoder> claim({&decoder}, 1);
    return decoder.coder.finished();
}

void consume(SharedDecoder& decoder, std::uint32_t start, std::uint32_t count) {
    const Claim<Decoder> claim({&decoder}, 1);
    const std::uint32_t u = decoder.coder.u();
    require(count < kTotal && start <= u && u - start < count, "the interval does not hold u");
    decoder.coder.consume({start, count});
}

Result<double> encode(Engine& engine, const Array<std::uint16_t, 2>& symbols, const Array<std::uint16_t, 2>& offsets,
                      const std::vector<SharedEncoder*>& encoders, const GivenConditions& conditions) {
    const std::size_t count = symbols.shape(1);
    shaped(symbols, {engine.streams(), count}, "symbols");
    shaped(offsets, {engine.streams(), count}, "offsets");
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
    const std::vector<std::uint16_t> known(symbols.data(), symbols.data() + symbols.size());
    const std::vector<std::uint16_t> inside(offsets.data(), offsets.data() + offsets.size());
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i] >= engine.num_symbols() || inside[i] >= engine.distribution().quantizer().codes(known[i]))
            throw std::invalid_argument("symbol " + std::to_string(known[i]) + " or its offset is out of range");
    const CheckedConditions checked(engine, conditions, count);
    const Claim<Encoder> claim(encoders, engine.streams());
    Owned<double> log2_prob({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.encode(known.data(), inside.data(), count, checked.get(), claim.coders(), log2_prob.data());
    }
    return log2_prob.release();
}

nb::tuple decode(Engine& engine, std::size_t count, const std::vector<SharedDecoder*>& decoders,
                 const GivenConditions& conditions) {
    require(product(engine.streams(), count) <= kMaxSamplesPerCall, "too many samples for one call");
    const CheckedConditions checked(engine, conditions, count);
    const Claim<Decoder> claim(decoders, engine.streams());
    Owned<std::uint16_t> symbols({engine.streams(), count}), offsets({engine.streams(), count});
    {
        nb::gil_scoped_release released;
        engine.decode(claim.coders(), count, checked.get(), symbols.data(), offsets.data());
    }
    return nb::make_tuple(symbols.release(), offsets.release());
}

}  // namespace

void bind_coder(nb::module_& m) {
    nb::class_<SharedEncoder>(m, "Encoder", "Encodes intervals of the total 2^30 as 32-bit words.")
        .def(nb::init<>())
        .def("put", &put, "start"_a, "count"_a)
        .def("finish", &finish, "The words of all intervals since the last call, uint32.");
    nb::class_<SharedDecoder>(m, "Decoder", "Decodes an Encoder's words to the intervals, in the same order.")
        .def("__init__", &take_words, "words"_a.noconvert())
        .def("u", &next_u, "u, an integer below 2^30 in the next interval.")
        .def("consume", &consume, "start"_a, "count"_a)
        .def("finished", &finished, "Whether the words were an encoder's and all have been read.");
    m.def("encode", &encode, "engine"_a, "symbols"_a.noconvert(), "offsets"_a.noconvert(), "encoders"_a,
          "conditions"_a.noconvert() = nb::none(),
          "Feeds the codes of symbols at offsets in their cells to the engine and to one encoder per stream: log2 p of "
          "the codes, (streams, count).");
    m.def("decode", &decode, "engine"_a, "count"_a, "decoders"_a, "conditions"_a.noconvert() = nb::none(),
          "Symbols and offsets in their cells, uint16, each (streams, count), from one decoder per stream.");
}

}  // namespace wavegen

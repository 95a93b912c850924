// Records the weight reads of an engine, so that a benchmark can repeat them without the arithmetic.
#pragma once

#include <cstddef>
#include <vector>

#include "common/floats.h"
#include "cpu/kernels.h"

namespace wavegen {

// The sequence of a network's float32 products, recorded while it ran.
class Replay {
 public:
    // The widest kernels of this CPU; each product is recorded by the Replay that is recording in its thread, if
    // any.
    static const Kernels* kernels();

    template <class Run>
    void record(const Run& run) {
        const Recording until_the_end(this);
        run();
    }

    // The number of floats per read(). A weight read by several tiles of one product counts once.
    std::size_t floats() const;

    // Reads the recorded weights `times` times: the same addresses in the same order, with additions only.
    void read(std::size_t times);

 private:
    struct Product {
        const float* weight;
        std::size_t stride, inputs, outputs, count;
    };
    struct Recording {
        explicit Recording(Replay* replay);
        ~Recording();
    };
    static Replay*& recorder();
    static void record_product(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
                               const float* rows, std::size_t row_stride, std::size_t count, const Start& start,
                               float* sums, std::size_t sum_stride);

    std::vector<Product> products_;
    Floats sink_ = Floats(512);
};

}  // namespace wavegen

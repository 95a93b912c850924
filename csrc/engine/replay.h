// What a benchmark needs to know how fast an engine could be: its reads of weights, without the work.
#pragma once

#include <cstddef>
#include <vector>

#include "common/floats.h"
#include "cpu/kernels.h"

namespace wavegen {

// The products of a network's float32 weights, in order, as noted while it ran; they can be read again.
class Replay {
 public:
    // The widest kernels of this CPU, which tell the Replay that is `listening` in their thread of each product.
    static const Kernels* kernels();

    template <class Run>
    void listen(const Run& run) {
        const Listening until_the_end(this);
        run();
    }

    // How many floats a reading is, those that several tiles read counted once for each product.
    std::size_t floats() const;

    // Reads what was noted so many times: the same addresses in the same order, with additions only.
    void read(std::size_t times);

 private:
    struct Product {
        const float* weight;
        std::size_t stride, inputs, outputs, count;
    };
    struct Listening {
        explicit Listening(Replay* replay);
        ~Listening();
    };
    static Replay*& listening();
    static void note(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
                     const float* rows, std::size_t row_stride, std::size_t count, const Start& start, float* sums,
                     std::size_t sum_stride);

    std::vector<Product> products_;
    Floats sink_ = Floats(512);
};

}  // namespace wavegen

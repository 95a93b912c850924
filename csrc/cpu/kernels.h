// What the engine asks of an instruction set. No function here has external linkage and a body, so that no code
// compiled for a wide instruction set can take the place of another's when the linker merges equal functions.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "common/host_device.h"

namespace wavegen {

constexpr std::size_t kLanes = 16;  // every row is padded to a multiple of this, whatever the instruction set

static constexpr std::size_t padded(std::size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// Weights of int8 in quads of inputs: bytes[(i / 4 * outputs + o) * 4 + i % 4], zeros where i is beyond the inputs.
struct Int8Weights {
    const std::int8_t* bytes;
    const float* scale;          // (outputs,)
    const std::int32_t* offset;  // (outputs,) 128 Σ_i weight[i, o], for arithmetic that takes one side unsigned
};

struct Int8Rows {
    const std::int8_t* q;
    std::size_t stride;
    const float* scale;  // one a row
};

// What sums start from: a row of each, `stride` floats apart, or with a stride of zero one row for all; to each of them
// a row is added first, if there is one. And the weights that are read after these, or none: a product of many rows
// with float32 or bfloat16 fetches them while it computes.
struct Start {
    const float* row;
    std::size_t stride;
    const float* added = nullptr;
    const void* next = nullptr;
};

// For training: `count` rows of gates side by side, each `width` signals and then as many openings.
template <class Scalar>
struct GateRows {
    Scalar* values;
    std::size_t count, width;
};

template <class Scalar>
struct Strided {
    Scalar* values;
    std::size_t stride;
};

// The instruction sets give the same bits. All counts except `inputs` and `num_symbols` are multiples of kLanes.
struct Kernels {
    const char* name;

    // For each of `count` rows, sums[o] = start[o] + Σ_i weight[i * stride + o] * row[i], o < outputs: one chain of
    // fused multiply-adds over ascending i for each o, whatever `count` is. Rows begin `row_stride` floats apart, which
    // may be less than their length, and sums `sum_stride`; sums may start from themselves.
    void (*product)(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs, const float* rows,
                    std::size_t row_stride, std::size_t count, const Start& start, float* sums, std::size_t sum_stride);

    // The same with weights of bfloat16, exactly expanded: in each 32 outputs word i has that of output i in its lower
    // half and that of output i + 16 in its upper half. A row of them is `stride` words.
    void (*product_bfloat16)(const std::uint32_t* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
                             const float* rows, std::size_t row_stride, std::size_t count, const Start& start,
                             float* sums, std::size_t sum_stride);

    // For each of `count` rows, scale = max |row| / 127 and q[i] = round(row[i] (127 / max |row|)), i < width; the
    // scale is NaN if any of the row is not finite. Rows of q start `width` apart.
    void (*quantize)(const float* rows, std::size_t row_stride, std::size_t count, std::size_t width, std::int8_t* q,
                     float* scale);

    // `product` with weights and rows of int8, whose products are summed exactly:
    //
    //     sums[o] = start[o] + float(Σ_i weight[i, o] q[i]) * (scale[o] * s)
    //
    // with the last addition fused; q and s are a row and its scale from `quantize`, a whole quad of inputs at least.
    void (*product_int8)(const Int8Weights& weights, std::size_t inputs, std::size_t outputs, const Int8Rows& rows,
                         std::size_t count, const Start& start, float* sums, std::size_t sum_stride);

    // z = tanh(signal) σ(opening), within 2e-7.
    void (*gate)(const float* signal, const float* opening, std::size_t count, float* z);

    // A gated recurrent unit's h from what inputs and h say of its gates, each three rows of `count`: r, u and n.
    //
    //     r = σ(a_r + b_r), u = σ(a_u + b_u), n = tanh(a_n + r b_n), h = u (h - n) + n
    void (*gru)(const float* a, const float* b, std::size_t count, float* h);

    // A long short-term memory's c and h from sums of four rows of `count`: i, f, g and o.
    //
    //     c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c)
    void (*lstm)(const float* sums, std::size_t count, float* c, float* h);

    // The largest of x, or NaN if any is not finite.
    float (*maximum)(const float* x, std::size_t count);

    // e[k] = exp(max((x[k] - maximum) / temperature, -87)) for k < num_symbols and zero for the rest of the row;
    // returns their sum: sixteen partial sums over k mod 16 in ascending k, then these in ascending order.
    float (*exponentials)(const float* x, float maximum, float temperature, std::size_t num_symbols, float* e);

    // For training, each for float32 and for bfloat16 that is computed in float32: z = tanh(signal) σ(opening) for rows
    // of any width, and the gradient of gates by that of z, which takes the gates' place.
    void (*open_gates)(const GateRows<const float>& gates, const Strided<float>& z);
    void (*open_gates_bfloat16)(const GateRows<const std::uint16_t>& gates, const Strided<std::uint16_t>& z);
    void (*gates_gradient)(const GateRows<float>& gates, const Strided<const float>& dz);
    void (*gates_gradient_bfloat16)(const GateRows<std::uint16_t>& gates, const Strided<const std::uint16_t>& dz);

    // For benchmarks: reads the weights that `product` reads for so many rows, in its order, and only adds them up; and
    // fused multiply-adds that stay in registers, of which it returns the number. `sink` takes 512 floats that keep
    // compilers from leaving the work out.
    void (*read)(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs, std::size_t count,
                 float* sink);
    std::size_t (*spin)(std::size_t rounds, float* sink);

    // out = a b + c with one rounding; for tests.
    void (*multiply_add)(const float* a, const float* b, const float* c, std::size_t count, float* out);
};

namespace portable {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
namespace avx512vnni {
extern const Kernels kernels;
}
namespace neon {
extern const Kernels kernels;
}

// The kernels of that name, or for "auto" the widest this CPU runs; nullptr if unknown or the CPU lacks them.
const Kernels* find_kernels(const char* name);

}  // namespace wavegen

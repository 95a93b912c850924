// The kernels that an instruction set implements. No function here has both external linkage and a body: otherwise
// the linker, which merges equal functions, could keep a copy compiled for a wider instruction set.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "common/host_device.h"

namespace wavegen {

constexpr std::size_t kLanes = 16;  // every row is padded to a multiple of this, for any instruction set

static constexpr std::size_t padded(std::size_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// int8 weights in quads of inputs: bytes[(i / 4 * outputs + o) * 4 + i % 4], zero for i beyond the inputs.
struct Int8Weights {
    const std::int8_t* bytes;
    const float* scale;          // (outputs,)
    const std::int32_t* offset;  // (outputs,) 128 Σ_i weight[i, o], for dot products with one unsigned side
};

struct Int8Rows {
    const std::int8_t* q;
    std::size_t stride;
    const float* scale;  // one per row
};

// The initial values of sums: row r begins at row + r * stride; with a stride of zero all rows start from the same
// one. `added`, if not null, is added to each row first. `next`, if not null, are the weights read after these; a
// float32 or bfloat16 product of several rows prefetches them.
struct Start {
    const float* row;
    std::size_t stride;
    const float* added = nullptr;
    const void* next = nullptr;
};

// For training: `count` rows of gates, each `width` filter values followed by `width` gate values.
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

using Int8Product = void (*)(const Int8Weights& weights, std::size_t inputs, std::size_t outputs, const Int8Rows& rows,
                             std::size_t count, const Start& start, float* sums, std::size_t sum_stride);

// All instruction sets give the same bits. All counts except `inputs` and `num_symbols` are multiples of kLanes.
struct Kernels {
    const char* name;

    // For each of `count` rows, sums[o] = start[o] + Σ_i weight[i * stride + o] * row[i], o < outputs. Each
    // output is one dot product: fused multiply-adds in ascending i, for any `count`. Rows begin `row_stride`
    // floats apart, which may be less than their length; sums begin `sum_stride` apart and may be their own
    // start.
    void (*product)(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs, const float* rows,
                    std::size_t row_stride, std::size_t count, const Start& start, float* sums, std::size_t sum_stride);

    // The same with bfloat16 weights, which float32 represents exactly. In each 32 outputs, word i holds output
    // i in its lower half and output i + 16 in its upper half. A row has `stride` words.
    void (*product_bfloat16)(const std::uint32_t* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
                             const float* rows, std::size_t row_stride, std::size_t count, const Start& start,
                             float* sums, std::size_t sum_stride);

    // For each of `count` rows, scale = max |row| / 127 and q[i] = round(row[i] (127 / max |row|)), i < width.
    // The scale is NaN if the row has a value that is not finite. Rows of q are `width` apart.
    void (*quantize)(const float* rows, std::size_t row_stride, std::size_t count, std::size_t width, std::int8_t* q,
                     float* scale);

    // `product` with int8 weights and rows, whose products are summed exactly:
    //
    //     sums[o] = start[o] + float(Σ_i weight[i, o] q[i]) * (scale[o] * s)
    //
    // with a fused last addition; q and s are a row and its scale from `quantize`, padded to whole quads of
    // inputs.
    Int8Product product_int8;

    // Adds to each of `count` rows `width` floats of its own vector, from `first` on; rows are `width` apart.
    void (*add_vectors)(const float* const* vectors, std::size_t first, std::size_t count, std::size_t width,
                        float* rows);

    // z = tanh(filter) σ(gate), within 2e-7.
    void (*gated_activation)(const float* filter, const float* gate, std::size_t count, float* z);

    // h of a gated recurrent unit, from the gate contributions of the inputs, a, and of h, b, each three rows of
    // `count`: r, u, n.
    //
    //     r = σ(a_r + b_r), u = σ(a_u + b_u), n = tanh(a_n + r b_n), h = u (h - n) + n
    void (*gru)(const float* a, const float* b, std::size_t count, float* h);

    // c and h of a long short-term memory, from four rows of `count` sums: i, f, g, o.
    //
    //     c = σ(f) c + σ(i) tanh(g), h = σ(o) tanh(c)
    void (*lstm)(const float* sums, std::size_t count, float* c, float* h);

    // The maximum of x, or NaN if any value is not finite.
    float (*maximum)(const float* x, std::size_t count);

    // e[k] = exp(max((x[k] - maximum) / temperature, -87)) for k < num_symbols, and zero for the rest of the
    // row. Returns their sum: sixteen partial sums over k mod 16 in ascending k, then these in ascending order.
    float (*exponentials)(const float* x, float maximum, float temperature, std::size_t num_symbols, float* e);

    // For training, in float32, and in bfloat16 computed in float32: z = tanh(filter) σ(gate) for rows of any
    // width, and the gradient of `gates` from that of z, written in place.
    void (*gated_activation_rows)(const GateRows<const float>& gates, const Strided<float>& z);
    void (*gated_activation_rows_bfloat16)(const GateRows<const std::uint16_t>& gates, const Strided<std::uint16_t>& z);
    void (*gates_gradient)(const GateRows<float>& gates, const Strided<const float>& dz);
    void (*gates_gradient_bfloat16)(const GateRows<std::uint16_t>& gates, const Strided<const std::uint16_t>& dz);

    // For benchmarks: read() reads the weights that `product` reads, in its order, and only adds them up; spin()
    // does fused multiply-adds in registers and returns their number. `sink` holds 512 floats and keeps the
    // compiler from removing the work.
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
extern const Int8Product int8_product;  // the other kernels are those of avx512
}
namespace neon {
extern const Kernels kernels;
}

// The kernels of this name, or for "auto" the widest that this CPU supports; nullptr if unknown or not supported.
const Kernels* find_kernels(const char* name);

}  // namespace wavegen

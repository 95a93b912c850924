// The kernels, written once over `Vector`. Each instruction set's file includes this in a namespace of its own and
// defines
//
//     Vector, kWidth         a vector of kWidth float32 lanes
//     kAccumulators          vectors that stay in registers in a product (kWidth * kAccumulators >= 32)
//     kTileRows              rows of a product side by side
//     load store broadcast add subtract multiply divide
//     multiply_add(a, b, c)  a b + c with one rounding
//     larger smaller(a, b)   a > b ? a : b and a < b ? a : b, so b if either is NaN
//     power_of_two(t)        2^n of t = n + kRounding
//     lower upper(words)     float32 whose upper 16 bits are the lower or upper halves of kWidth words
//     store_bytes(p, t)      n of t = n + kRounding, as kWidth int8
//     largest_bits(row, n)   the bits of the largest |x|, ordered as integers, so that NaN is the largest
//
// and for int8 products
//
//     Integers               kWidth int32, of which kIntegers stay in registers, in kIntegerRows rows at most
//     Quad, quad(p)          four int8 for all lanes
//     zero() load_quads(p)   kWidth quads of weights
//     dot(sum, w, x)         sum + Σ of the four products, exactly
//     floats(sum, offset)    sum as float32, less the excess that `dot` adds where it shifts x by 128
//
// The order of operations is the numeric contract (numerics = 1): do not change it without raising that number.

#include "cpu/activations.inl"
#include "cpu/loops.inl"
#include "cpu/products.inl"
#include "cpu/products_int8.inl"

// A row whose largest value is so small that 127 / it overflows becomes zero.
void quantize(const float* rows, std::size_t row_stride, std::size_t count, std::size_t width, std::int8_t* q,
              float* scale) {
    for (std::size_t r = 0; r < count; ++r, rows += row_stride, q += width) {
        const std::uint32_t bits = largest_bits(rows, width);
        float largest;
        std::memcpy(&largest, &bits, sizeof largest);
        const float inverse = 127.0f / largest;
        const Vector factor = broadcast(inverse <= FLT_MAX ? inverse : 0.0f);
        for (std::size_t i = 0; i < width; i += kWidth)
            store_bytes(q + i, add(multiply(load(rows + i), factor), broadcast(kRounding)));
        scale[r] = bits < 0x7F800000 ? largest / 127.0f : largest - largest;  // NaN
    }
}

void add_vectors(const float* const* vectors, std::size_t first, std::size_t count, std::size_t width, float* rows) {
    for (std::size_t r = 0; r < count; ++r, rows += width)
        for (std::size_t i = 0; i < width; i += kWidth)
            store(rows + i, add(load(rows + i), load(vectors[r] + first + i)));
}

void gated_activation(const float* filter, const float* gate, std::size_t count, float* z) {
    for (std::size_t i = 0; i < count; i += kWidth)
        store(z + i, gated(filter_term(load(filter + i)), gate_term(load(gate + i))));
}

// σ(y) = 1 / (v + 2) with v = exp(-y) - 1, and tanh(y) = -u / (u + 2) with u = exp(-2y) - 1.
inline Vector sigmoid(Vector y) {
    const Vector v = gate_term(y);
    return divide(broadcast(1.0f), add(v, broadcast(2.0f)));
}

inline Vector hyperbolic_tangent(Vector y) {
    const Vector u = filter_term(y);
    return divide(subtract(broadcast(0.0f), u), add(u, broadcast(2.0f)));
}

void gru(const float* a, const float* b, std::size_t count, float* h) {
    for (std::size_t i = 0; i < count; i += kWidth) {
        const float *a_i = a + i, *b_i = b + i;
        const Vector reset = sigmoid(add(load(a_i), load(b_i)));
        const Vector update = sigmoid(add(load(a_i + count), load(b_i + count)));
        const Vector fresh = hyperbolic_tangent(multiply_add(reset, load(b_i + 2 * count), load(a_i + 2 * count)));
        store(h + i, multiply_add(update, subtract(load(h + i), fresh), fresh));
    }
}

void lstm(const float* sums, std::size_t count, float* c, float* h) {
    for (std::size_t i = 0; i < count; i += kWidth) {
        const float* sum = sums + i;
        const Vector input = multiply(sigmoid(load(sum)), hyperbolic_tangent(load(sum + 2 * count)));
        const Vector cell = multiply_add(sigmoid(load(sum + count)), load(c + i), input);
        store(c + i, cell);
        store(h + i, multiply(sigmoid(load(sum + 3 * count)), hyperbolic_tangent(cell)));
    }
}

float maximum(const float* x, std::size_t count) {
    Vector largest = load(x), not_finite = broadcast(0.0f);
    for (std::size_t i = 0; i < count; i += kWidth) {
        const Vector here = load(x + i);
        largest = larger(here, largest);
        not_finite = add(not_finite, subtract(here, here));  // zero, or NaN from the first non-finite value on
    }
    float lanes[kWidth], not_finite_lanes[kWidth];
    store(lanes, largest);
    store(not_finite_lanes, not_finite);
    float result = lanes[0], nan = 0.0f;
    for (std::size_t lane = 0; lane < kWidth; ++lane) {
        result = lanes[lane] > result ? lanes[lane] : result;
        nan += not_finite_lanes[lane];
    }
    return result + nan;
}

float exponentials(const float* x, float maximum, float temperature, std::size_t num_symbols, float* e) {
    const std::size_t count = padded(num_symbols);
    for (std::size_t i = 0; i < count; i += kWidth) {
        Vector y = subtract(load(x + i), broadcast(maximum));
        if (temperature != 1.0f) y = divide(y, broadcast(temperature));
        store(e + i, exponential_of_negative(y));
    }
    for (std::size_t k = num_symbols; k < count; ++k) e[k] = 0.0f;
    float partial[kLanes] = {};
    for (std::size_t lane = 0; lane < kLanes; lane += kWidth) {
        Vector sum = broadcast(0.0f);
        for (std::size_t i = lane; i < count; i += kLanes) sum = add(sum, load(e + i));
        store(partial + lane, sum);
    }
    float total = partial[0];
    for (std::size_t lane = 1; lane < kLanes; ++lane) total += partial[lane];
    return total;
}

void multiply_add_all(const float* a, const float* b, const float* c, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; i += kWidth) store(out + i, multiply_add(load(a + i), load(b + i), load(c + i)));
}

#include "cpu/kernels_training.inl"

// The table of this instruction set, in the order of Kernels.
constexpr Kernels listed(const char* name) {
    return {name,
            product<Float32>,
            product<Bfloat16>,
            quantize,
            product_int8,
            add_vectors,
            gated_activation,
            gru,
            lstm,
            maximum,
            exponentials,
            gated_activation_rows<float>,
            gated_activation_rows<std::uint16_t>,
            gates_gradient<float>,
            gates_gradient<std::uint16_t>,
            read,
            spin,
            multiply_add_all};
}

// The kernels, written once over `Vector`. Each instruction set's file includes this inside a namespace of its own,
// with
//
//     Vector, kWidth         so many float32 lanes
//     kMostVectors           accumulators that fit into registers (a power of two, kWidth * kMostVectors >= 16)
//     load store broadcast add subtract multiply divide
//     multiply_add(a, b, c)  a b + c with one rounding
//     larger smaller(a, b)   a > b ? a : b and a < b ? a : b, so b if either is NaN
//     power_of_two(t)        2^n of t = n + kRounding
//
// The order of operations is the numeric contract (numerics = 1): do not change it without raising that number.

constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer that stands in the low bits

// exp(y) = scale * (1 + rest) for |y| <= 87: y = n ln 2 + r with |r| <= ln 2 / 2, rest = r + r^2 (1/2! + r/3! + … +
// r^5/7!), whose truncation is 5e-9.
struct Exponential {
    Vector scale, rest;
};

inline Exponential exponential(Vector y) {
    const Vector t = multiply_add(y, broadcast(1.44269504f), broadcast(kRounding));
    const Vector n = subtract(t, broadcast(kRounding));
    Vector r = multiply_add(n, broadcast(-0.693359375f), y);  // ln 2 in two parts, the first exact in a few bits
    r = multiply_add(n, broadcast(2.12194440e-4f), r);
    Vector p = broadcast(1.0f / 5040);
    p = multiply_add(p, r, broadcast(1.0f / 720));
    p = multiply_add(p, r, broadcast(1.0f / 120));
    p = multiply_add(p, r, broadcast(1.0f / 24));
    p = multiply_add(p, r, broadcast(1.0f / 6));
    p = multiply_add(p, r, broadcast(0.5f));
    return {power_of_two(t), multiply_add(p, multiply(r, r), r)};
}

// exp(y) - 1, accurate near zero too; y is taken into [-limit, limit], and NaN stays NaN.
inline Vector exponential_minus_one(Vector y, float limit) {
    const Exponential e = exponential(smaller(broadcast(limit), larger(broadcast(-limit), y)));
    return multiply_add(e.scale, e.rest, subtract(e.scale, broadcast(1.0f)));
}

template <std::size_t kVectors>
inline void accumulate_columns(const float* weight, const float* input, std::size_t inputs, std::size_t stride,
                               float* sums) {
    Vector sum[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) sum[v] = load(sums + v * kWidth);
    for (std::size_t i = 0; i < inputs; ++i) {
        const Vector x = broadcast(input[i]);
        const float* row = weight + i * stride;
        for (std::size_t v = 0; v < kVectors; ++v) sum[v] = multiply_add(load(row + v * kWidth), x, sum[v]);
    }
    for (std::size_t v = 0; v < kVectors; ++v) store(sums + v * kWidth, sum[v]);
}

template <std::size_t kVectors>
inline void accumulate_from(const float* weight, const float* input, std::size_t inputs, std::size_t outputs,
                            std::size_t column, float* sums) {
    for (; column + kVectors * kWidth <= outputs; column += kVectors * kWidth)
        accumulate_columns<kVectors>(weight + column, input, inputs, outputs, sums + column);
    if constexpr (kVectors * kWidth > kLanes)
        accumulate_from<kVectors / 2>(weight, input, inputs, outputs, column, sums);
}

void accumulate(const float* weight, const float* input, std::size_t inputs, std::size_t outputs, float* sums) {
    accumulate_from<kMostVectors>(weight, input, inputs, outputs, 0, sums);
}

// tanh(a) σ(b) = -u / ((u + 2) (v + 2)) with u = exp(-2a) - 1 and v = exp(-b) - 1. Beyond the limits tanh is ±1 in
// float32 and σ below 1e-26; within them nothing overflows.
void gate(const float* signal, const float* opening, std::size_t count, float* z) {
    const Vector two = broadcast(2.0f);
    for (std::size_t i = 0; i < count; i += kWidth) {
        const Vector u = exponential_minus_one(multiply(load(signal + i), broadcast(-2.0f)), 20.0f);
        const Vector v = exponential_minus_one(multiply(load(opening + i), broadcast(-1.0f)), 60.0f);
        store(z + i, divide(subtract(broadcast(0.0f), u), multiply(add(u, two), add(v, two))));
    }
}

float maximum(const float* x, std::size_t count) {
    Vector largest = load(x), spoilt = broadcast(0.0f);
    for (std::size_t i = 0; i < count; i += kWidth) {
        const Vector here = load(x + i);
        largest = larger(here, largest);
        spoilt = add(spoilt, subtract(here, here));  // zero, or NaN for good
    }
    float lanes[kWidth], spoilt_lanes[kWidth];
    store(lanes, largest);
    store(spoilt_lanes, spoilt);
    float result = lanes[0], nan = 0.0f;
    for (std::size_t lane = 0; lane < kWidth; ++lane) {
        result = lanes[lane] > result ? lanes[lane] : result;
        nan += spoilt_lanes[lane];
    }
    return result + nan;
}

float exponentials(const float* x, float maximum, float temperature, std::size_t num_symbols, float* e) {
    const std::size_t count = padded(num_symbols);
    for (std::size_t i = 0; i < count; i += kWidth) {
        const Vector y = divide(subtract(load(x + i), broadcast(maximum)), broadcast(temperature));
        const Exponential power = exponential(larger(y, broadcast(-87.0f)));
        store(e + i, multiply_add(power.scale, power.rest, power.scale));
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

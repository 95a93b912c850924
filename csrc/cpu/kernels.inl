// The kernels, written once over `Vector`. Each instruction set's file includes this inside a namespace of its own,
// with
//
//     Vector, kWidth         so many float32 lanes
//     kAccumulators          so many of them stay in registers in a product
//     kMostRows              rows of a product side by side
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

// kRows rows by kVectors vectors of outputs: so many chains run side by side.
template <std::size_t kRows, std::size_t kVectors>
void tile(const float* weight, std::size_t stride, std::size_t inputs, const float* rows, std::size_t row_stride,
          float* sums, std::size_t sum_stride) {
    Vector sum[kRows][kVectors];
    for (std::size_t r = 0; r < kRows; ++r)
        for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = load(sums + r * sum_stride + v * kWidth);
    for (std::size_t i = 0; i < inputs; ++i, weight += stride) {
        Vector column[kVectors];
        for (std::size_t v = 0; v < kVectors; ++v) column[v] = load(weight + v * kWidth);
        for (std::size_t r = 0; r < kRows; ++r) {
            const Vector x = broadcast(rows[r * row_stride + i]);
            for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = multiply_add(column[v], x, sum[r][v]);
        }
    }
    for (std::size_t r = 0; r < kRows; ++r)
        for (std::size_t v = 0; v < kVectors; ++v) store(sums + r * sum_stride + v * kWidth, sum[r][v]);
}

using Tile = void (*)(const float*, std::size_t, std::size_t, const float*, std::size_t, float*, std::size_t);

// The tile of kRows rows and `vectors` <= kVectors vectors.
template <std::size_t kRows, std::size_t kVectors>
Tile tile_of(std::size_t vectors) {
    if constexpr (kVectors > 1)
        if (vectors < kVectors) return tile_of<kRows, kVectors - 1>(vectors);
    return tile<kRows, kVectors>;
}

template <std::size_t kRows>
Tile tile_for(std::size_t rows, std::size_t vectors) {
    if constexpr (kRows > 1)
        if (rows < kRows) return tile_for<kRows - 1>(rows, vectors);
    return tile_of<kRows, kAccumulators / kRows>(vectors);
}

// Rows and vectors are shared out evenly among as few tiles as there must be, the larger first; the weights of a strip
// of vectors are read again for each tile of rows, while they are near.
void product(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs, const float* rows,
             std::size_t row_stride, std::size_t count, float* sums, std::size_t sum_stride) {
    if (count == 0) return;
    const std::size_t tiles = (count + kMostRows - 1) / kMostRows, height = (count + tiles - 1) / tiles;
    const std::size_t vectors = outputs / kWidth, most = kAccumulators / height;
    const std::size_t strips = (vectors + most - 1) / most;
    for (std::size_t strip = 0, first = 0; strip < strips; ++strip) {
        const std::size_t width = (vectors - first + strips - strip - 1) / (strips - strip);
        const float* column = weight + first * kWidth;
        const Tile tall = tile_for<kMostRows>(height, width);
        for (std::size_t t = 0, row = 0; t < tiles; ++t) {
            const std::size_t here = (count - row + tiles - t - 1) / (tiles - t);
            const Tile tile = here == height ? tall : tile_for<kMostRows>(here, width);
            tile(column, stride, inputs, rows + row * row_stride, row_stride, sums + row * sum_stride + first * kWidth,
                 sum_stride);
            row += here;
        }
        first += width;
    }
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

// σ(y) = 1 / (v + 2) with v = exp(-y) - 1, and tanh(y) = -u / (u + 2) with u = exp(-2y) - 1.
inline Vector sigmoid(Vector y) {
    const Vector v = exponential_minus_one(multiply(y, broadcast(-1.0f)), 60.0f);
    return divide(broadcast(1.0f), add(v, broadcast(2.0f)));
}

inline Vector hyperbolic_tangent(Vector y) {
    const Vector u = exponential_minus_one(multiply(y, broadcast(-2.0f)), 20.0f);
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

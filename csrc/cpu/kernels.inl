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

struct Float32 {
    using Word = float;
    static constexpr std::size_t kBlock = 1;  // a strip of outputs begins at a multiple of this many vectors
    static std::size_t words(std::size_t outputs) { return outputs; }
    static Vector column(const Word* row, std::size_t vector) { return load(row + vector * kWidth); }
};

struct Bfloat16 {
    using Word = std::uint32_t;
    static constexpr std::size_t kBlock = 2 * kLanes / kWidth;
    static std::size_t words(std::size_t outputs) { return outputs / 2; }
    static Vector column(const Word* row, std::size_t vector) {
        const std::size_t output = vector * kWidth;
        const Word* words = row + output / (2 * kLanes) * kLanes + output % kLanes;
        return output % (2 * kLanes) < kLanes ? lower(words) : upper(words);
    }
};

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

template <class With, std::size_t... kIndices>
[[gnu::always_inline]] inline void unroll(const With& with, std::index_sequence<kIndices...>) {
    (with(kIndices), ...);
}

// Calls with(0), with(1), … with(kCount - 1), unrolled: compilers keep arrays indexed by a loop variable in memory
// instead of registers. (Not unrolled for a single lane, which has no vector registers, nor under a sanitizer, where
// it takes minutes to compile.)
template <std::size_t kCount, class With>
[[gnu::always_inline]] inline void each(const With& with) {
    if constexpr (kWidth > 1 && !kSanitized)
        unroll(with, std::make_index_sequence<kCount>());
    else
        for (std::size_t index = 0; index < kCount; ++index) with(index);
}

constexpr std::size_t kLine = 64;  // bytes of a cache line

// kRows rows by kVectors vectors of outputs: as many independent dot products side by side. A tile of several rows
// computes long enough to prefetch one cache line of the next weights per input.
template <class Weights, std::size_t kRows, std::size_t kVectors>
[[gnu::flatten]] void tile(const typename Weights::Word* weight, std::size_t stride, std::size_t inputs,
                           const float* rows, std::size_t row_stride, const Start& start, float* sums,
                           std::size_t sum_stride) {
    Vector sum[kRows][kVectors];
    each<kRows>([&](std::size_t r) {
        each<kVectors>([&](std::size_t v) { sum[r][v] = load(start.row + r * start.stride + v * kWidth); });
    });
    if (start.added != nullptr)
        each<kRows>([&](std::size_t r) {
            each<kVectors>([&](std::size_t v) { sum[r][v] = add(sum[r][v], load(start.added + v * kWidth)); });
        });
    for (std::size_t i = 0; i < inputs; ++i, weight += stride) {
        Vector column[kVectors];
        each<kVectors>([&](std::size_t v) { column[v] = Weights::column(weight, v); });
        if constexpr (kRows > 1)  // a hint; may be past the end
            __builtin_prefetch(static_cast<const char*>(start.next) + i * kLine, 0, 2);
        each<kRows>([&](std::size_t r) {
            const Vector x = broadcast(rows[r * row_stride + i]);
            each<kVectors>([&](std::size_t v) { sum[r][v] = multiply_add(column[v], x, sum[r][v]); });
        });
    }
    each<kRows>([&](std::size_t r) {
        each<kVectors>([&](std::size_t v) { store(sums + r * sum_stride + v * kWidth, sum[r][v]); });
    });
}

template <class Weights>
using Tile = void (*)(const typename Weights::Word*, std::size_t, std::size_t, const float*, std::size_t, const Start&,
                      float*, std::size_t);

template <class Weights, std::size_t kRows, std::size_t... kFewer>
Tile<Weights> tile_of(std::size_t vectors, std::index_sequence<kFewer...>) {
    static constexpr Tile<Weights> kTiles[] = {tile<Weights, kRows, kFewer + 1>...};
    return kTiles[vectors - 1];
}

// The tile function for `rows` <= kRows rows and `vectors` vectors.
template <class Weights, std::size_t kRows>
Tile<Weights> tile_for(std::size_t rows, std::size_t vectors) {
    if constexpr (kRows > 1)
        if (rows < kRows) return tile_for<Weights, kRows - 1>(rows, vectors);
    return tile_of<Weights, kRows>(vectors, std::make_index_sequence<kAccumulators / kRows>());
}

// Splits `total` into `parts` as evenly as possible, the larger parts first, and returns the end of part `index`.
inline std::size_t share(std::size_t total, std::size_t parts, std::size_t index) {
    const std::size_t fewer = total / parts, more = total % parts;
    return (index + 1) * fewer + (index < more ? index + 1 : more);
}

// Splits a product into as few tiles as possible, of even sizes. The weights of a strip of vectors are read again
// for each tile of rows, while they are cached. Calls with(first vector, its end, first row, its end) for each tile.
template <class Weights, class With>
inline void each_tile(std::size_t outputs, std::size_t count, const With& with) {
    constexpr std::size_t kFit = kAccumulators / Weights::kBlock, kRows = kFit < kTileRows ? kFit : kTileRows;
    const std::size_t vectors = outputs / kWidth;
    if (count == 0 || vectors == 0) return;  // half of a narrow row may be empty
    const std::size_t tiles = (count + kRows - 1) / kRows, height = share(count, tiles, 0);
    const std::size_t blocks = (vectors + Weights::kBlock - 1) / Weights::kBlock;
    const std::size_t max_blocks = kAccumulators / height / Weights::kBlock,
                      strips = (blocks + max_blocks - 1) / max_blocks;
    for (std::size_t strip = 0, first = 0; strip < strips; ++strip) {
        const std::size_t whole = share(blocks, strips, strip) * Weights::kBlock;
        const std::size_t end = whole < vectors ? whole : vectors;
        for (std::size_t t = 0, row = 0; t < tiles; ++t) {
            const std::size_t after = share(count, tiles, t);
            with(first, end, row, after);
            row = after;
        }
        first = end;
    }
}

// Whether the product of a single row is a single tile. It skips the splitting, whose divisions alone take longer
// than a small tile.
template <class Weights>
bool is_one_tile(std::size_t outputs, std::size_t count) {
    return count == 1 && outputs >= kWidth && outputs / kWidth <= kAccumulators / Weights::kBlock * Weights::kBlock;
}

template <class Weights>
[[gnu::noinline]] void cut_product(const typename Weights::Word* weight, std::size_t stride, std::size_t inputs,
                                   std::size_t outputs, const float* rows, std::size_t row_stride, std::size_t count,
                                   const Start& start, float* sums, std::size_t sum_stride) {
    const char* next = static_cast<const char*>(start.next == nullptr ? weight : start.next);
    each_tile<Weights>(outputs, count, [&](std::size_t first, std::size_t end, std::size_t row, std::size_t after) {
        tile_for<Weights, kTileRows>(after - row, end - first)(
            weight + Weights::words(first * kWidth), stride, inputs, rows + row * row_stride, row_stride,
            {start.row + row * start.stride + first * kWidth, start.stride,
             start.added == nullptr ? nullptr : start.added + first * kWidth, next},
            sums + row * sum_stride + first * kWidth, sum_stride);
        next += inputs * kLine;
    });
}

template <class Weights>
void product(const typename Weights::Word* weight, std::size_t stride, std::size_t inputs, std::size_t outputs,
             const float* rows, std::size_t row_stride, std::size_t count, const Start& start, float* sums,
             std::size_t sum_stride) {
    if (is_one_tile<Weights>(outputs, count))
        tile_for<Weights, 1>(1, outputs / kWidth)(weight, stride, inputs, rows, row_stride, start, sums, sum_stride);
    else
        cut_product<Weights>(weight, stride, inputs, outputs, rows, row_stride, count, start, sums, sum_stride);
}

template <std::size_t kVectors>
[[gnu::flatten]] void read_tile(const float* weight, std::size_t stride, std::size_t inputs, float* sink) {
    Vector sum[kVectors];
    each<kVectors>([&](std::size_t v) { sum[v] = load(sink + v * kWidth); });
    for (std::size_t i = 0; i < inputs; ++i, weight += stride)
        each<kVectors>([&](std::size_t v) { sum[v] = add(sum[v], load(weight + v * kWidth)); });
    each<kVectors>([&](std::size_t v) { store(sink + v * kWidth, sum[v]); });
}

template <std::size_t... kFewer>
void read_vectors(const float* weight, std::size_t stride, std::size_t inputs, std::size_t vectors, float* sink,
                  std::index_sequence<kFewer...>) {
    static constexpr void (*kTiles[])(const float*, std::size_t, std::size_t, float*) = {read_tile<kFewer + 1>...};
    kTiles[vectors - 1](weight, stride, inputs, sink);
}

void read(const float* weight, std::size_t stride, std::size_t inputs, std::size_t outputs, std::size_t count,
          float* sink) {
    if (is_one_tile<Float32>(outputs, count))
        return read_vectors(weight, stride, inputs, outputs / kWidth, sink, std::make_index_sequence<kAccumulators>());
    each_tile<Float32>(outputs, count, [&](std::size_t first, std::size_t end, std::size_t, std::size_t) {
        read_vectors(weight + first * kWidth, stride, inputs, end - first, sink,
                     std::make_index_sequence<kAccumulators>());
    });
}

[[gnu::flatten]] std::size_t spin(std::size_t rounds, float* sink) {
    Vector sum[kAccumulators];
    const Vector x = load(sink), y = load(sink + kWidth);
    each<kAccumulators>([&](std::size_t v) { sum[v] = broadcast(static_cast<float>(v)); });
    for (std::size_t round = 0; round < rounds; ++round)
        each<kAccumulators>([&](std::size_t v) { sum[v] = multiply_add(sum[v], x, y); });
    each<kAccumulators>([&](std::size_t v) { store(sink + v * kWidth, sum[v]); });
    return rounds * kAccumulators * kWidth;
}

#include "cpu/kernels_int8.inl"

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

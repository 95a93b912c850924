// Products with float32 and bfloat16 weights; included by kernels.inl, see there.

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

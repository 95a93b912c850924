// Products with int8 weights; included by kernels.inl, see there, and by avx512vnni.cpp.

template <std::size_t kRows, std::size_t kVectors>
[[gnu::flatten]] void int8_tile(const Int8Weights& weights, std::size_t quads, std::size_t outputs, std::size_t first,
                                const Int8Rows& rows, const Start& start, float* sums, std::size_t sum_stride) {
    Integers sum[kRows][kVectors];
    each<kRows>([&](std::size_t r) { each<kVectors>([&](std::size_t v) { sum[r][v] = zero(); }); });
    const std::int8_t* bytes = weights.bytes + first * 4;
    for (std::size_t i = 0; i < quads; ++i, bytes += outputs * 4)
        each<kRows>([&](std::size_t r) {
            const Quad x = quad(rows.q + r * rows.stride + i * 4);
            each<kVectors>([&](std::size_t v) { sum[r][v] = dot(sum[r][v], load_quads(bytes + v * kWidth * 4), x); });
        });
    each<kRows>([&](std::size_t r) {
        each<kVectors>([&](std::size_t v) {
            const std::size_t o = first + v * kWidth;
            const Vector scale = multiply(load(weights.scale + o), broadcast(rows.scale[r]));
            Vector from = load(start.row + r * start.stride + o);
            if (start.added != nullptr) from = add(from, load(start.added + o));
            store(sums + r * sum_stride + o, multiply_add(floats(sum[r][v], weights.offset + o), scale, from));
        });
    });
}

using Int8Tile = void (*)(const Int8Weights&, std::size_t, std::size_t, std::size_t, const Int8Rows&, const Start&,
                          float*, std::size_t);

template <std::size_t kRows, std::size_t... kFewer>
Int8Tile int8_tile_of(std::size_t vectors, std::index_sequence<kFewer...>) {
    static constexpr Int8Tile kTiles[] = {int8_tile<kRows, kFewer + 1>...};
    return kTiles[vectors - 1];
}

template <std::size_t kRows>
Int8Tile int8_tile_for(std::size_t rows, std::size_t vectors) {
    if constexpr (kRows > 1)
        if (rows < kRows) return int8_tile_for<kRows - 1>(rows, vectors);
    return int8_tile_of<kRows>(vectors, std::make_index_sequence<kIntegers / kRows>());
}

void product_int8(const Int8Weights& weights, std::size_t inputs, std::size_t outputs, const Int8Rows& rows,
                  std::size_t count, const Start& start, float* sums, std::size_t sum_stride) {
    if (count == 0 || outputs == 0) return;
    if (count == 1 && outputs / kWidth <= kIntegers)
        return int8_tile_for<1>(1, outputs / kWidth)(weights, (inputs + 3) / 4, outputs, 0, rows, start, sums,
                                                     sum_stride);
    const std::size_t tiles = (count + kIntegerRows - 1) / kIntegerRows,
                      max_vectors = kIntegers / share(count, tiles, 0);
    const std::size_t vectors = outputs / kWidth, strips = (vectors + max_vectors - 1) / max_vectors;
    for (std::size_t strip = 0, first = 0; strip < strips; ++strip) {
        const std::size_t end = share(vectors, strips, strip);
        for (std::size_t t = 0, row = 0; t < tiles; ++t) {
            const std::size_t after = share(count, tiles, t);
            int8_tile_for<kIntegerRows>(after - row, end - first)(
                weights, (inputs + 3) / 4, outputs, first * kWidth,
                {rows.q + row * rows.stride, rows.stride, rows.scale + row},
                {start.row + row * start.stride, start.stride, start.added}, sums + row * sum_stride, sum_stride);
            row = after;
        }
        first = end;
    }
}

// Training kernels other than matrix products: the gated activation of many rows and its gradient, in float32, and
// in bfloat16 computed in float32. Rows may have any width; the end of a row is computed in padded lanes. Not part
// of the numeric contract.

inline void load_lanes(const float* values, std::size_t count, float* lanes) {
    for (std::size_t i = 0; i < count; ++i) lanes[i] = values[i];
}

inline void load_lanes(const std::uint16_t* values, std::size_t count, float* lanes) {
    std::uint32_t bits[kLanes];
    for (std::size_t i = 0; i < count; ++i) bits[i] = static_cast<std::uint32_t>(values[i]) << 16;
    std::memcpy(lanes, bits, count * sizeof *lanes);
}

inline void store_lanes(const float* lanes, std::size_t count, float* values) {
    for (std::size_t i = 0; i < count; ++i) values[i] = lanes[i];
}

// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
inline void store_lanes(const float* lanes, std::size_t count, std::uint16_t* values) {
    std::uint32_t bits[kLanes];
    std::memcpy(bits, lanes, count * sizeof *lanes);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t rounded = (bits[i] + 0x7FFFu + (bits[i] >> 16 & 1u)) >> 16;
        values[i] = static_cast<std::uint16_t>((bits[i] & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded);
    }
}

// Calls with(first, count) for each kLanes of a row; the count of whole ones is a compile-time constant.
template <class With>
[[gnu::always_inline]] inline void each_lanes(std::size_t width, const With& with) {
    std::size_t first = 0;
    for (; first + kLanes <= width; first += kLanes) with(first, std::integral_constant<std::size_t, kLanes>());
    if (first < width) with(first, width - first);
}

template <class Scalar>
[[gnu::flatten]] void gated_activation_rows(const GateRows<const Scalar>& gates, const Strided<Scalar>& z) {
    for (std::size_t row = 0; row < gates.count; ++row) {
        const Scalar *filter = gates.values + row * 2 * gates.width, *gate = filter + gates.width;
        Scalar* out = z.values + row * z.stride;
        each_lanes(gates.width, [&](std::size_t first, auto count) {
            float a[kLanes] = {}, b[kLanes] = {}, activated[kLanes];
            load_lanes(filter + first, count, a);
            load_lanes(gate + first, count, b);
            gated_activation(a, b, kLanes, activated);
            store_lanes(activated, count, out + first);
        });
    }
}

// With t = tanh(filter) and s = σ(gate): ∂/∂filter = dz s (1 − t²), ∂/∂gate = dz t s (1 − s).
inline void gate_gradient(const float* filter, const float* gate, const float* dz, float* dfilter, float* dgate) {
    const Vector one = broadcast(1.0f);
    for (std::size_t i = 0; i < kLanes; i += kWidth) {
        const Vector t = hyperbolic_tangent(load(filter + i)), s = sigmoid(load(gate + i));
        const Vector through = multiply(load(dz + i), s);
        store(dfilter + i, multiply(through, multiply(subtract(one, t), add(one, t))));
        store(dgate + i, multiply(multiply(through, t), subtract(one, s)));
    }
}

template <class Scalar>
[[gnu::flatten]] void gates_gradient(const GateRows<Scalar>& gates, const Strided<const Scalar>& dz) {
    for (std::size_t row = 0; row < gates.count; ++row) {
        Scalar *filter = gates.values + row * 2 * gates.width, *gate = filter + gates.width;
        const Scalar* given = dz.values + row * dz.stride;
        each_lanes(gates.width, [&](std::size_t first, auto count) {
            float a[kLanes] = {}, b[kLanes] = {}, d[kLanes] = {}, da[kLanes], db[kLanes];
            load_lanes(filter + first, count, a);
            load_lanes(gate + first, count, b);
            load_lanes(given + first, count, d);
            gate_gradient(a, b, d, da, db);
            store_lanes(da, count, filter + first);
            store_lanes(db, count, gate + first);
        });
    }
}

// What training asks of an instruction set beside matrix products: the gates of many rows and their gradient, with
// values kept as float32 or bfloat16 and computed in float32. Rows may be of any width, and a row's end is computed in
// lanes of its own. Nothing here belongs to the numeric contract.

inline void take(const float* values, std::size_t count, float* lanes) {
    for (std::size_t i = 0; i < count; ++i) lanes[i] = values[i];
}

inline void take(const std::uint16_t* values, std::size_t count, float* lanes) {
    std::uint32_t bits[kLanes];
    for (std::size_t i = 0; i < count; ++i) bits[i] = static_cast<std::uint32_t>(values[i]) << 16;
    std::memcpy(lanes, bits, count * sizeof *lanes);
}

inline void give(const float* lanes, std::size_t count, float* values) {
    for (std::size_t i = 0; i < count; ++i) values[i] = lanes[i];
}

// To the nearest bfloat16, ties to even; NaN stays NaN.
inline void give(const float* lanes, std::size_t count, std::uint16_t* values) {
    std::uint32_t bits[kLanes];
    std::memcpy(bits, lanes, count * sizeof *lanes);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t rounded = (bits[i] + 0x7FFFu + (bits[i] >> 16 & 1u)) >> 16;
        values[i] = static_cast<std::uint16_t>((bits[i] & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded);
    }
}

// with(first, count) for each kLanes of a row; whole ones get a count that compilers know.
template <class With>
[[gnu::always_inline]] inline void each_lanes(std::size_t width, const With& with) {
    std::size_t first = 0;
    for (; first + kLanes <= width; first += kLanes) with(first, std::integral_constant<std::size_t, kLanes>());
    if (first < width) with(first, width - first);
}

template <class Scalar>
[[gnu::flatten]] void open_gates(const GateRows<const Scalar>& gates, const Strided<Scalar>& z) {
    for (std::size_t row = 0; row < gates.count; ++row) {
        const Scalar *signal = gates.values + row * 2 * gates.width, *opening = signal + gates.width;
        Scalar* out = z.values + row * z.stride;
        each_lanes(gates.width, [&](std::size_t first, auto count) {
            float a[kLanes] = {}, b[kLanes] = {}, opened[kLanes];
            take(signal + first, count, a);
            take(opening + first, count, b);
            gate(a, b, kLanes, opened);
            give(opened, count, out + first);
        });
    }
}

// With t = tanh(signal) and s = σ(opening): ∂/∂signal = dz s (1 − t²), ∂/∂opening = dz t s (1 − s).
inline void gate_gradient(const float* signal, const float* opening, const float* dz, float* dsignal, float* dopening) {
    const Vector one = broadcast(1.0f);
    for (std::size_t i = 0; i < kLanes; i += kWidth) {
        const Vector t = hyperbolic_tangent(load(signal + i)), s = sigmoid(load(opening + i));
        const Vector through = multiply(load(dz + i), s);
        store(dsignal + i, multiply(through, multiply(subtract(one, t), add(one, t))));
        store(dopening + i, multiply(multiply(through, t), subtract(one, s)));
    }
}

template <class Scalar>
[[gnu::flatten]] void gates_gradient(const GateRows<Scalar>& gates, const Strided<const Scalar>& dz) {
    for (std::size_t row = 0; row < gates.count; ++row) {
        Scalar *signal = gates.values + row * 2 * gates.width, *opening = signal + gates.width;
        const Scalar* given = dz.values + row * dz.stride;
        each_lanes(gates.width, [&](std::size_t first, auto count) {
            float a[kLanes] = {}, b[kLanes] = {}, d[kLanes] = {}, da[kLanes], db[kLanes];
            take(signal + first, count, a);
            take(opening + first, count, b);
            take(given + first, count, d);
            gate_gradient(a, b, d, da, db);
            give(da, count, signal + first);
            give(db, count, opening + first);
        });
    }
}

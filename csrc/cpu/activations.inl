// The functions of the numeric contract, written once over `Vector` and its operations; see kernels.inl. CUDA
// includes this file too, with one lane. The order of operations is part of the contract (numerics = 1): do not
// change it without raising that number.

constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits

// exp(y) = scale * (1 + rest) for |y| <= 87: y = n ln 2 + r with |r| <= ln 2 / 2, rest = r + r^2 (1/2! + r/3! + … +
// r^5/7!) with a truncation error of 5e-9.
struct Exponential {
    Vector scale, rest;
};

WAVEGEN_HOST_DEVICE inline Exponential exponential(Vector y) {
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

// exp(y) - 1, also accurate near zero; y is clamped to [-limit, limit], NaN stays NaN.
WAVEGEN_HOST_DEVICE inline Vector exponential_minus_one(Vector y, float limit) {
    const Exponential e = exponential(smaller(broadcast(limit), larger(broadcast(-limit), y)));
    return multiply_add(e.scale, e.rest, subtract(e.scale, broadcast(1.0f)));
}

// exp(y) for y <= 0, clamped at -87.
WAVEGEN_HOST_DEVICE inline Vector exponential_of_negative(Vector y) {
    const Exponential power = exponential(larger(y, broadcast(-87.0f)));
    return multiply_add(power.scale, power.rest, power.scale);
}

// tanh(a) σ(b) = -u / ((u + 2) (v + 2)) with u = exp(-2a) - 1 and v = exp(-b) - 1. Beyond the limits tanh is ±1 in
// float32 and σ below 1e-26; within them nothing overflows.
constexpr float kFilterLimit = 20.0f, kGateLimit = 60.0f;
WAVEGEN_HOST_DEVICE inline Vector filter_term(Vector a) {
    return exponential_minus_one(multiply(a, broadcast(-2.0f)), kFilterLimit);
}
WAVEGEN_HOST_DEVICE inline Vector gate_term(Vector b) {
    return exponential_minus_one(multiply(b, broadcast(-1.0f)), kGateLimit);
}
WAVEGEN_HOST_DEVICE inline Vector gated(Vector u, Vector v) {
    const Vector two = broadcast(2.0f);
    return divide(subtract(broadcast(0.0f), u), multiply(add(u, two), add(v, two)));
}

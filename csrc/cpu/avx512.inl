// Vectors of sixteen float32 lanes, for the AVX-512 family; see kernels.inl.

using Vector = __m512;
constexpr std::size_t kWidth = 16;
constexpr std::size_t kAccumulators = 24;
constexpr std::size_t kTileRows = 6;

inline Vector load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Vector x) { _mm512_storeu_ps(p, x); }
inline Vector broadcast(float x) { return _mm512_set1_ps(x); }
inline Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
inline Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
inline Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
inline Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector power_of_two(Vector t) {
    const __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3F800000)));
}
inline Vector lower(const std::uint32_t* words) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(words), 16));
}
inline Vector upper(const std::uint32_t* words) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(words), mask));
}
inline void store_bytes(std::int8_t* p, Vector t) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_castps_si512(t)));
}

inline std::uint32_t largest_bits(const float* row, std::size_t count) {
    __m512i largest = _mm512_setzero_si512();
    for (std::size_t i = 0; i < count; i += kWidth)
        largest =
            _mm512_max_epi32(largest, _mm512_and_si512(_mm512_loadu_si512(row + i), _mm512_set1_epi32(0x7FFFFFFF)));
    return static_cast<std::uint32_t>(_mm512_reduce_max_epi32(largest));
}

using Integers = __m512i;
constexpr std::size_t kIntegers = 24, kIntegerRows = 6;
inline Integers zero() { return _mm512_setzero_si512(); }

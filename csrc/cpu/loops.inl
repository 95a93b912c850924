// Loops that products of all weights are made of; included by kernels.inl, see there.

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

// Splits `total` into `parts` as evenly as possible, the larger parts first, and returns the end of part `index`.
inline std::size_t share(std::size_t total, std::size_t parts, std::size_t index) {
    const std::size_t fewer = total / parts, more = total % parts;
    return (index + 1) * fewer + (index < more ? index + 1 : more);
}

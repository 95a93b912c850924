// What a kernel calls, for fibers.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "fibers.h"

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(...)

using std::memcpy;

namespace shim {

// A variable such as threadIdx, whose value depends on who asks.
template <class Value>
struct Special {
    struct Axis {
        operator unsigned() const { return Value()(); }
    } x;
};
struct ThreadIndex {
    unsigned operator()() const { return here().thread.x; }
};
struct BlockIndex {
    unsigned operator()() const { return here().block->index.x; }
};
struct BlockSize {
    unsigned operator()() const { return Scheduler::get().block_size.x; }
};
struct GridSize {
    unsigned operator()() const { return Scheduler::get().grid_size.x; }
};

template <class Number>
std::uint64_t bits(Number x) {
    std::uint64_t result = 0;
    std::memcpy(&result, &x, sizeof x);
    return result;
}
template <class Number>
Number of_bits(std::uint64_t bits) {
    Number x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
template <class Number>
Number from_lane(unsigned mask, Number x, unsigned lane, int kind) {
    if (mask != ~0u) fail("a shuffle of half a warp");
    return of_bits<Number>(exchange(bits(x), kind)[lane % 32]);
}

}  // namespace shim

inline const shim::Special<shim::ThreadIndex> threadIdx{};
inline const shim::Special<shim::BlockIndex> blockIdx{};
inline const shim::Special<shim::BlockSize> blockDim{};
inline const shim::Special<shim::GridSize> gridDim{};

inline void __syncthreads() {
    auto& scheduler = shim::Scheduler::get();
    scheduler.meet(shim::here().block->barriers[0], scheduler.block_size.x, 1);
}
inline void __syncwarp() { shim::exchange(0, 2); }
template <class Number>
Number __shfl_sync(unsigned mask, Number x, int from) {
    return shim::from_lane(mask, x, static_cast<unsigned>(from), 3);
}
template <class Number>
Number __shfl_xor_sync(unsigned mask, Number x, int by) {
    return shim::from_lane(mask, x, shim::lane() ^ static_cast<unsigned>(by), 4);
}
template <class Number>
Number __shfl_up_sync(unsigned mask, Number x, unsigned by) {
    return shim::from_lane(mask, x, shim::lane() >= by ? shim::lane() - by : shim::lane(), 5);
}
inline unsigned __ballot_sync(unsigned mask, bool yes) {
    if (mask != ~0u) shim::fail("a ballot of half a warp");
    const std::uint64_t* said = shim::exchange(yes, 6);
    unsigned result = 0;
    for (unsigned lane = 0; lane < 32; ++lane) result |= said[lane] ? 1u << lane : 0u;
    return result;
}
inline bool __all_sync(unsigned mask, bool yes) { return __ballot_sync(mask, yes) == ~0u; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned atomicExch(unsigned* p, unsigned x) { return std::exchange(*p, x); }

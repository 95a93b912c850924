// The floating-point environment of the numeric contract.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

namespace wavegen {

// Sets round-to-nearest and gradual underflow in this thread, and restores the previous mode at the end of its life:
// other libraries may have enabled flush-to-zero.
class StandardRounding {
 public:
    StandardRounding() : before_(read()) { write(standard(before_)); }
    ~StandardRounding() { write(before_); }
    StandardRounding(const StandardRounding&) = delete;
    StandardRounding& operator=(const StandardRounding&) = delete;

 private:
#if defined(__SSE2__)
    using Word = std::uint32_t;
    static Word read() { return _mm_getcsr(); }
    static void write(Word word) { _mm_setcsr(word); }
    static Word standard(Word) { return 0x1F80; }  // exceptions masked, round to nearest, no FTZ, no DAZ
#elif defined(__aarch64__)
    using Word = std::uint64_t;
    static Word read() {
        Word word;
        asm volatile("mrs %0, fpcr" : "=r"(word));
        return word;
    }
    static void write(Word word) { asm volatile("msr fpcr, %0" : : "r"(word)); }
    static Word standard(Word) { return 0; }
#else
    using Word = int;
    static Word read() { return std::fegetround(); }
    static void write(Word word) { std::fesetround(word); }
    static Word standard(Word) { return FE_TONEAREST; }
#endif
    Word before_;
};

}  // namespace wavegen

// Functions that run on CPUs and GPUs: the same operations in the same order, and so the same bits.
#pragma once

#ifdef __CUDACC__
#define WAVEGEN_BOTH __host__ __device__
#else
#define WAVEGEN_BOTH
#endif

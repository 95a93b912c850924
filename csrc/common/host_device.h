// Marks functions that are compiled for both host and device. They run the same operations in the same order and
// give the same bits.
#pragma once

#ifdef __CUDACC__
#define WAVEGEN_HOST_DEVICE __host__ __device__
#else
#define WAVEGEN_HOST_DEVICE
#endif

// Device memory and error checks.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace wavegen::cuda {

// The first GPU, whichever the calling thread has selected.
constexpr int kDevice = 0;

inline void check(cudaError_t error) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // clears the error for the next call
    throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

// `size` numbers in device memory, initialised to zero. Throws std::runtime_error if they do not fit.
template <class Number>
class DeviceArray {
 public:
    DeviceArray() = default;
    explicit DeviceArray(std::size_t size) : size_(size) {
        if (size == 0) return;
        check(cudaSetDevice(kDevice));
        const cudaError_t error = cudaMalloc(reinterpret_cast<void**>(&data_), size * sizeof(Number));
        if (error == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            throw std::runtime_error("CUDA: the GPU has no room for another " +
                                     std::to_string((size * sizeof(Number) >> 20) + 1) + " MiB");
        }
        check(error);
        const cudaError_t emptied = cudaMemset(data_, 0, size * sizeof(Number));
        if (emptied != cudaSuccess) cudaFree(data_);
        check(emptied);
    }
    explicit DeviceArray(const std::vector<Number>& numbers) : DeviceArray(numbers.size()) {
        upload(numbers.data(), 0, numbers.size());
    }
    DeviceArray(DeviceArray&& other) noexcept { swap(other); }
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        swap(other);
        return *this;
    }
    ~DeviceArray() { cudaFree(data_); }

    Number* data() const { return data_; }
    std::size_t size() const { return size_; }

    void upload(const Number* from, std::size_t first, std::size_t count) {
        if (count != 0) check(cudaMemcpy(data_ + first, from, count * sizeof(Number), cudaMemcpyHostToDevice));
    }
    void download(Number* to, std::size_t first, std::size_t count) const {
        if (count != 0) check(cudaMemcpy(to, data_ + first, count * sizeof(Number), cudaMemcpyDeviceToHost));
    }
    void grow(std::size_t size) {  // discards the contents
        if (size > size_) *this = DeviceArray(size);
    }

 private:
    void swap(DeviceArray& other) {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }
    Number* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace wavegen::cuda

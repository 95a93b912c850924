// Checks of arrays and sizes passed from Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace wavegen {

namespace nb = nanobind;

template <class Scalar, std::size_t kDimensions>
using Array = nb::ndarray<const Scalar, nb::ndim<kDimensions>, nb::c_contig, nb::device::cpu>;
template <class Scalar>
using Result = nb::ndarray<nb::numpy, Scalar>;

inline void require(bool good, const std::string& otherwise) {  // builds the message every time: not for inner loops
    if (!good) throw std::invalid_argument(otherwise);
}

inline void within(std::size_t value, std::size_t min, std::size_t max, const char* name) {
    require(min <= value && value <= max, std::string(name) + " is " + std::to_string(value) + ", must be from " +
                                              std::to_string(min) + " to " + std::to_string(max));
}

inline std::size_t product(std::size_t a, std::size_t b) {
    std::size_t result;
    require(!__builtin_mul_overflow(a, b, &result), "the sizes are too large");
    return result;
}

inline std::size_t sum(std::size_t a, std::size_t b) {
    std::size_t result;
    require(!__builtin_add_overflow(a, b, &result), "the sizes are too large");
    return result;
}

template <class AnyArray>
void shaped(const AnyArray& array, const std::vector<std::size_t>& shape, const char* name) {
    std::string expected, found;
    bool equal = true;
    for (std::size_t d = 0; d < array.ndim(); ++d) {
        equal = equal && array.shape(d) == shape[d];
        expected += (d ? ", " : "") + std::to_string(shape[d]);
        found += (d ? ", " : "") + std::to_string(array.shape(d));
    }
    using Scalar = std::remove_pointer_t<decltype(array.data())>;
    require(reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Scalar) == 0,
            std::string(name) + " is not aligned");
    require(equal, std::string(name) + " has shape (" + found + "), must be (" + expected + ")");
}

template <class FloatArray>
void finite(const FloatArray& array, const char* name) {
    for (std::size_t i = 0; i < array.size(); ++i)
        if (!std::isfinite(array.data()[i]))
            throw std::invalid_argument(std::string(name) + " has values that are not finite");
}

template <class FloatArray>
void weight(const FloatArray& array, const std::vector<std::size_t>& shape, const char* name) {
    shaped(array, shape, name);
    finite(array, name);
}

// A new numpy array that owns its memory, initialised to zero.
template <class Scalar>
struct Owned {
    explicit Owned(std::vector<std::size_t> shape) : shape_(std::move(shape)) {
        std::size_t size = 1;
        for (const std::size_t extent : shape_) size = product(size, extent);
        values_ = std::make_unique<Scalar[]>(size);
    }
    Scalar* data() { return values_.get(); }
    Result<Scalar> release() {
        Scalar* values = values_.release();
        nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<Scalar*>(p); });
        return Result<Scalar>(values, shape_.size(), shape_.data(), owner);
    }

 private:
    std::vector<std::size_t> shape_;
    std::unique_ptr<Scalar[]> values_;
};

}  // namespace wavegen

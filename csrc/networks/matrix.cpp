#include "networks/matrix.h"

#include <cmath>

#include "common/bfloat16.h"

namespace wavegen {

void Matrix::fill(std::size_t first, std::size_t outputs, const float* weight, std::size_t stride, const float* bias) {
    for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t i = 0; i < inputs_; ++i) weight_.data()[i * outputs_ + first + o] = weight[o * stride + i];
        if (bias != nullptr) bias_.data()[first + o] = bias[o];
    }
}

void Matrix::round_to(Precision precision) {
    if (precision == Precision::bfloat16) round_to_bfloat16();
    if (precision == Precision::int8) round_to_int8();
    if (precision != Precision::float32) weight_ = Floats();
    precision_ = precision;
}

void Matrix::round_to_bfloat16() {
    halves_ = Lines<std::uint32_t>(inputs_ * words());
    for (std::size_t i = 0; i < inputs_; ++i)
        for (std::size_t word = 0; word < words(); ++word) {
            const std::size_t lower = word / kLanes * 2 * kLanes + word % kLanes, upper = lower + kLanes;
            const float* row = weight_.data() + i * outputs_;
            const std::uint32_t above = upper < outputs_ ? bfloat16_of(row[upper]) << 16 : 0;
            halves_.data()[i * words() + word] = bfloat16_of(row[lower]) | above;
        }
}

void Matrix::round_to_int8() {
    bytes_ = Lines<std::int8_t>((inputs_ + 3) / 4 * outputs_ * 4);
    scale_ = Floats(outputs_);
    offset_ = Lines<std::int32_t>(outputs_);
    for (std::size_t o = 0; o < outputs_; ++o) {
        float largest = 0.0f;
        for (std::size_t i = 0; i < inputs_; ++i)
            largest = std::max(largest, std::fabs(weight_.data()[i * outputs_ + o]));
        const double inverse = largest > 0.0f ? 127.0 / static_cast<double>(largest) : 0.0;
        scale_.data()[o] = largest / 127.0f;
        for (std::size_t i = 0; i < inputs_; ++i) {
            const double exact = static_cast<double>(weight_.data()[i * outputs_ + o]) * inverse;
            const auto q = static_cast<std::int8_t>(std::floor(exact + 0.5));
            bytes_.data()[(i / 4 * outputs_ + o) * 4 + i % 4] = q;
            offset_.data()[o] += 128 * q;
        }
    }
}

void Matrix::set_prefetch_order(const std::vector<Matrix*>& order) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i]->next_ = order[(i + 1) % order.size()]->words_of_weights();
}

void Matrix::multiply(const Kernels& kernels, const float* rows, std::size_t row_stride, std::size_t count,
                      const Start& start, float* sums, std::size_t sum_stride) const {
    if (precision_ == Precision::bfloat16)
        kernels.product_bfloat16(halves_.data(), words(), inputs_, outputs_, rows, row_stride, count, start, sums,
                                 sum_stride);
    else
        kernels.product(weight_.data(), outputs_, inputs_, outputs_, rows, row_stride, count, start, sums, sum_stride);
}

void Matrix::multiply(const Kernels& kernels, Rows& rows, const Start& start, float* sums,
                      std::size_t sum_stride) const {
    if (precision_ == Precision::int8)
        kernels.product_int8({bytes_.data(), scale_.data(), offset_.data()}, inputs_, outputs_, rows.quantized(kernels),
                             rows.count(), start, sums, sum_stride);
    else
        multiply(kernels, rows.data(), rows.stride(), rows.count(), start, sums, sum_stride);
}

}  // namespace wavegen

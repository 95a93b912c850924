#include "networks/markov.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/history.h"

namespace wavegen {

Markov::Markov(const MarkovArrays& a, const Kernels& kernels, Precision precision)
    : kernels_(kernels),
      channels_(a.channels),
      order_(a.order),
      first_(a.layers.front().size),
      num_params_(a.layers.back().size) {
    std::size_t inputs = a.order * a.channels;
    for (const MarkovArrays::Layer& layer : a.layers) {
        layers_.push_back(packed(layer.weight, layer.bias, layer.size, inputs));
        inputs = layer.size;
    }
    for (std::size_t l = 1; l + 1 < layers_.size(); ++l) layers_[l].round_to(precision);
    for (std::size_t pad = num_params_; pad < layers_.back().outputs(); ++pad)  // cannot become the maximum
        layers_.back().bias()[pad] = std::numeric_limits<float>::lowest();
    std::vector<Matrix*> order;
    for (Matrix& layer : layers_) order.push_back(&layer);
    Matrix::set_prefetch_order(order);
}

class MarkovRun final : public Run {
 public:
    MarkovRun(const Markov& network, std::size_t streams)
        : net_(network),
          streams_(streams),
          window_(network.order_, network.channels_, streams),
          scratch_(kMaxRows, network.widest()) {
        for (std::size_t l = 0; l + 1 < network.layers_.size(); ++l)
            sums_.emplace_back(kMaxRows * network.layers_[l].outputs());
    }

    void advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) override {
        const std::size_t count = streams_ * steps;
        for (std::size_t l = 0; l < net_.layers_.size(); ++l) {
            const Matrix& matrix = net_.layers_[l];
            float* sums = l < sums_.size() ? sums_[l].data() : params;
            if (l == 0) {
                window_.apply(net_.kernels_, matrix, inputs, steps, sums, matrix.outputs());
                if (conditions != nullptr) net_.kernels_.add_vectors(conditions, 0, count, matrix.outputs(), sums);
            } else {
                const std::size_t width = net_.layers_[l - 1].outputs();
                Rows below(sums_[l - 1].data(), width, count, width, scratch_);
                matrix.apply(net_.kernels_, below, sums, matrix.outputs());
            }
            if (l < sums_.size()) relu(sums, matrix.outputs(), count, matrix.outputs());
        }
    }

    void save(std::size_t stream, float* floats) const override {
        std::copy_n(window_.history(stream), window_.floats(), floats);
    }
    void restore(std::size_t stream, const float* floats) override {
        std::copy_n(floats, window_.floats(), window_.history(stream));
    }

 private:
    const Markov& net_;
    std::size_t streams_;
    Window window_;
    std::vector<Floats> sums_;
    Rows::Scratch scratch_;
};

std::unique_ptr<Run> Markov::run(std::size_t streams, std::size_t) const {
    return std::make_unique<MarkovRun>(*this, streams);
}

}  // namespace wavegen

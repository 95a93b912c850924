// WaveNet streams in lock-step.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/history.h"
#include "networks/wavenet.h"

namespace wavegen {

constexpr std::size_t kAhead = 16;  // rows of past taps computed together

class WaveNetRun : public Run {
 public:
    WaveNetRun(const WaveNet& network, std::size_t streams);
    void advance(const float* inputs, std::size_t steps, float* params, const float* const* conditions) override;
    void save(std::size_t stream, float* floats) const override;
    void restore(std::size_t stream, const float* floats) override;

 protected:
    struct LayerHistory {
        RingBuffer ring;
        Floats ahead;       // sums of the past taps for `block` steps, of which `used` are consumed
        std::size_t block;  // at most the dilation, so that the inputs of all past taps are known
        std::size_t used;
        std::size_t stagger;  // shortens the first block, so that the layers' blocks begin at different steps
        bool fresh;

        void forget() {
            used = block;
            fresh = true;
        }
    };

    // Computes the past taps of the next block, if the current block is consumed.
    void look_ahead(const WaveNet::Layer& layer, LayerHistory& history);
    void add_condition(std::size_t layer, std::size_t count, const float* const* conditions, float* gates) const {
        if (conditions != nullptr) net_.kernels_.add_vectors(conditions, layer * 2 * half_, count, 2 * half_, gates);
    }
    const WaveNet& net_;
    std::size_t streams_, channels_, half_, skips_;
    Window window_;
    std::vector<LayerHistory> histories_;
    Floats x_, skip_, z_, hidden_;          // of one layer
    Rows::Scratch past_scratch_, scratch_;  // for rows of the history and of the layer

 private:
    void sum_past_taps(const WaveNet::Layer& layer, const RingBuffer& ring, std::size_t steps, std::size_t known,
                       float* gates);
    void finish(const WaveNet::Layer& layer, float* gates, std::size_t count);

    Floats gates_;
};

}  // namespace wavegen

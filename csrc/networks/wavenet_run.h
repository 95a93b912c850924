// A WaveNet's streams in lock-step.
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
    void advance(const float* heard, std::size_t steps, float* params) override;
    void save(std::size_t stream, float* floats) const override;
    void restore(std::size_t stream, const float* floats) override;

 protected:
    struct Past {
        Queue queue;
        Floats ahead;       // what the past says of the gates of `block` steps, of which `used` are behind
        std::size_t block;  // at most the dilation, so that all of these steps' past is known
        std::size_t used;
        std::size_t stagger;  // the first block is so much shorter, so that not all layers begin one at the same step
        bool fresh;

        void forget() {
            used = block;
            fresh = true;
        }
    };

    // A block's past taps, once the block before is behind.
    void look_ahead(const WaveNet::Layer& layer, Past& past);
    const WaveNet& net_;
    std::size_t streams_, channels_, half_, skips_;
    Window window_;
    std::vector<Past> pasts_;
    Floats x_, skip_, z_, hidden_;  // rows of one layer
    Rows::Room past_room_, room_;   // for rows of the past, and of the layer

 private:
    void hear_past(const WaveNet::Layer& layer, const Queue& queue, std::size_t steps, std::size_t known, float* gates);
    void finish(const WaveNet::Layer& layer, float* gates, std::size_t count);

    Floats gates_;
};

}  // namespace wavegen
